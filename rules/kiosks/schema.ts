import { z } from 'zod'
import { duration, filePath, identifier, label } from '../../gateway/kit/schema.ts'
import { signal } from '../doors/schema.ts'
import { hoursSchema } from '../hours-schema.ts'

const pointId = z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point')
const scalar = z.union([z.boolean(), z.number(), z.string()])
const severity = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(false)])

/** Works while its value is within the limits, or one of the words. */
const peripheral = z.strictObject({
  id: identifier,
  name: label,
  point: pointId,
  min: z.number().optional(),
  max: z.number().optional(),
  ok: z.union([scalar, z.array(scalar).min(1).max(32)]).transform((given) => (Array.isArray(given) ? given : [given])).optional(),
  /** Without it the terminal is of no use: down, not degraded. */
  required: z.boolean().default(false),
}).refine(({ min, max, ok }) => (ok === undefined) !== (min === undefined && max === undefined), 'say when it works: min, max or both for a number, or ok with the values that are well')

/** The `kiosks` section: one entry. */
export const kioskSchema = z.strictObject({
  id: identifier,
  name: label,
  place: identifier.optional(),
  /** The first is the terminal itself: its events are this kiosk's. All must be online. */
  device: z.union([identifier, z.array(identifier).min(1).max(16)]).transform((given) => (Array.isArray(given) ? given : [given])),
  /** What the terminal says of itself, besides the state of its connection. */
  online: signal.optional(),
  peripherals: z.array(peripheral).max(32).default([]),
  /** Service hours; left out: it never closes. */
  hours: hoursSchema.optional(),
  /** An alert waits so long; the hours are counted from the first second. */
  downAfter: duration.default(60_000),
  /** Severity, or false: no alert. */
  alerts: z.strictObject({ down: severity.default(3), degraded: severity.default(4) }).prefault({}),
})
export type KioskConfig = z.output<typeof kioskSchema>

const service = z.strictObject({ code: z.string().min(1).max(64), name: label })
export type Service = z.output<typeof service>

/** The `services` section: what the items of sessions are called. A CSV file with the columns code, zh, en; or a list. */
export const servicesSchema = z.union([z.array(service).max(5_000), z.strictObject({ file: filePath })]).default([])
export type ServicesConfig = z.output<typeof servicesSchema>

const category = z.strictObject({
  id: identifier,
  name: label,
  /** Of the alert that a report opens; false: it is told and opens none. */
  severity: severity.default(3),
})
export type ReportCategory = z.output<typeof category>

/** What people most often report in a service centre and its building. */
const usualCategories: readonly z.input<typeof category>[] = [
  { id: 'lift', name: { zh: '电梯', en: 'lift' } },
  { id: 'water', name: { zh: '漏水、停水', en: 'water' } },
  { id: 'power', name: { zh: '照明、用电', en: 'lighting and power' } },
  { id: 'door', name: { zh: '门禁、门锁', en: 'doors and locks' } },
  { id: 'blocked', name: { zh: '消防通道堵塞', en: 'blocked fire exit' }, severity: 2 },
  { id: 'cleaning', name: { zh: '环境卫生', en: 'cleaning' }, severity: 4 },
  { id: 'terminal', name: { zh: '自助设备', en: 'self-service machine' } },
  { id: 'other', name: { zh: '其他', en: 'something else' } },
]

/** The page behind the printed codes: no login, on the building's own network. */
const residentsPage = z.strictObject({
  enabled: z.boolean().default(false),
  listen: z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port: z.int().min(0).max(65_535).default(8_081) }).prefault({}),
  /** As telephones on that network reach it; it stands in the printed codes. */
  url: z.string().regex(/^https?:\/\/[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/, 'the address that telephones open, such as http://192.168.1.10:8081').optional(),
  categories: z.array(category).min(1).max(20).default(usualCategories.map((each) => category.parse(each))),
  /** Shows titles of what was repaired there in the last 14 days, to be rated. */
  repairs: z.boolean().default(true),
}).prefault({}).refine(({ enabled, url }) => !enabled || url !== undefined, 'say under url how telephones reach it, such as http://192.168.1.10:8081')

/** The `residents` section: what becomes of calls (呼) and ratings (评). */
export const residentsSchema = z.strictObject({
  /** Severity of an alert that a call opens; false: calls are told and open none. */
  request: severity.default(2),
  /** A rating of a session or service that is this or less opens an alert, for somebody to ask what went wrong. */
  poorRating: z.int().min(0).max(4).default(2),
  poorRatingSeverity: severity.default(4),
  page: residentsPage,
}).prefault({})
export type ResidentsConfig = z.output<typeof residentsSchema>
