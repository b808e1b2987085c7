import { z } from 'zod'
import { show } from './explain.ts'

/** Connection, device, point, rule and uplink names: they stand in topics and file names. */
export const idPattern = /^[a-z0-9-]{1,48}$/
export const idProblem = (value: unknown): string => `${show(value)} is not a name: 1 to 48 of a-z, 0-9 and "-"`

export const id = z.string().regex(idPattern, { error: (issue) => idProblem(issue.input) })

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** `500ms`, `5s`, `10m`, `2h` in the file; milliseconds after parsing. */
export function duration(minMs: number, maxMs: number) {
  const wrong = 'expected a duration such as 500ms, 5s, 10m or 2h'
  return z.string({ error: (issue) => `${wrong}, found ${show(issue.input)}` })
    .regex(/^\d{1,9}(ms|s|m|h)$/, { error: (issue) => `${wrong}, found ${show(issue.input)}` })
    .transform((text) => parseDuration(text))
    .refine((ms) => ms >= minMs && ms <= maxMs, { error: `must lie between ${formatMs(minMs)} and ${formatMs(maxMs)}` })
}

function parseDuration(text: string): number {
  const unit = /(ms|s|m|h)$/.exec(text)![1] as keyof typeof unitMs
  return Number.parseInt(text, 10) * unitMs[unit]
}

function formatMs(ms: number): string {
  const unit = (['h', 'm', 's'] as const).find((each) => ms % unitMs[each] === 0) ?? 'ms'
  return `${ms / unitMs[unit]}${unit}`
}

const sizeUnits = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const
/** A number of bytes, or `512MiB`. */
function sizeBytes(min: number, max: number, fallback: number) {
  const text = z.string().regex(/^\d{1,6}(KiB|MiB|GiB)$/, { error: (issue) => `expected a size such as 512MiB or 2GiB, found ${show(issue.input)}` })
    .transform((size) => Number.parseInt(size, 10) * sizeUnits[size.slice(-3) as keyof typeof sizeUnits])
  return z.union([z.int(), text]).default(fallback)
    .refine((bytes) => bytes >= min && bytes <= max, { error: `must lie between ${min} and ${max} bytes` })
}

const word = z.string().min(1).max(200)
export const label = z.strictObject({ zh: word, en: word }).meta({ description: 'Chinese and English: what staff see' })

const value = z.union([z.number(), z.boolean(), z.string().max(200)])
const day = 86_400_000

/** The keys of a point that every driver shares; all others belong to the driver. */
export const pointSchema = z.object({
  name: label,
  type: z.enum(['number', 'boolean', 'string']),
  unit: z.string().regex(/^[!-~]{1,32}$/, { error: (issue) => `${show(issue.input)} is not a UCUM code; write Cel for degrees, % for percent, 1 for a bare number` })
    .meta({ description: 'UCUM code: Cel, %, V, A, W, kW.h, Hz, 1' }).optional(),
  scale: z.number().refine((scale) => scale !== 0, { error: 'a scale of 0 would make every value 0' }).default(1),
  offset: z.number().default(0),
  sentinels: z.array(value).max(32).default([]),
  min: z.number().optional(),
  max: z.number().optional(),
  invert: z.boolean().default(false),
  deadband: z.number().min(0).default(0),
  heartbeat: duration(10, 7 * day).prefault('10m'),
  poll: duration(10, day).prefault('1s'),
  urgent: z.boolean().default(false),
  writable: z.boolean().default(false),
  cityWrite: z.boolean().default(false),
})

/** The keys of a device that every driver shares. */
export const deviceSchema = z.object({
  id,
  name: label,
  connection: z.string(),
  profile: z.string().optional(),
  place: z.string().regex(/^[a-z0-9-]{1,48}$/, { error: (issue) => idProblem(issue.input) }).optional(),
  points: z.record(id, z.record(z.string(), z.unknown())).optional(),
})

export const connectionSchema = z.object({ id, driver: z.string() })

export const gridSchemes = ['unit-grid-15', 'cjt-349-20', 'division-12', 'custom'] as const

const siteSchema = z.strictObject({
  id: id.meta({ description: 'The gateway in topics and event ids' }),
  name: label,
  region: z.string().regex(/^\d{6}$/, { error: (issue) => `${show(issue.input)} is not a county code of six digits (GB/T 2260), such as "420106"` }),
  grid: z.strictObject({ scheme: z.enum(gridSchemes), code: z.string().min(1).max(64), pattern: z.string().min(1).max(100).optional() }).optional(),
  timezone: z.string().max(64).refine(isTimezone, { error: (issue) => `${show(issue.input)} is not a time zone; write one such as Asia/Shanghai` }).default('Asia/Shanghai'),
})

/** The parts of the site file that belong to no other room. */
export const headShape = {
  linli: z.literal(1).meta({ description: 'Version of this format' }),
  site: siteSchema,
  store: z.strictObject({ path: z.string().min(1).default('./data') }).prefault({}),
  journal: z.strictObject({
    commitMs: z.int().min(0).max(10_000).default(50),
    maxMessageBytes: z.int().min(1024).max(1024 ** 2).default(65_536),
    maxBytes: sizeBytes(1024 ** 2, 1024 ** 4, 512 * 1024 ** 2),
  }).prefault({}),
  control: z.strictObject({ socket: z.string().min(1).optional() }).prefault({}),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info') }).prefault({}),
}

/** All entries of a list are commented out: YAML then says null. */
const list = z.array(z.unknown()).nullish()
export const rootSchema = z.strictObject({ ...headShape, connections: list, devices: list, rules: list, uplinks: list })
export type Head = z.output<typeof rootSchema>

function isTimezone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}
