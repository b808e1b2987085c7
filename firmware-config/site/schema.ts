import { z } from 'zod'
import { duration, identifier, label, size } from '../../gateway/kit/schema.ts'
import { currentVersion } from './migrations/index.ts'
import { hasProvince } from './regions.ts'

const usualTimezone = 'Asia/Shanghai'

const grid = z.strictObject({
  /** Which code this is: unit grid of urban management, digital community grid, division code of a community, or the city's own. */
  scheme: z.enum(['unit-grid-15', 'cjt-349-20', 'division-12', 'custom']),
  code: z.string().min(1).max(64),
  /** With `custom`: a regular expression the whole code matches. */
  pattern: z.string().min(1).max(200).optional(),
})

/** The sections that belong to no other room. Every key is told once: types, defaults and JSON Schema come from here. */
export const sections = {
  /** The version of the file, not of the program. One of an earlier one was migrated before it comes here; one of a later one is not guessed at. */
  linli: z.literal(currentVersion, { error: ({ input }) => (typeof input === 'number' && input > currentVersion ? `this site file is of version ${input}, this program reads versions 1 to ${currentVersion}; install a newer linli` : undefined) }),
  site: z.strictObject({
    id: identifier,
    name: label,
    /** County of GB/T 2260, six digits. */
    region: z.string().regex(/^\d{6}$/, 'six digits of GB/T 2260, in quotes, such as "420106"').refine((code) => !/^\d{6}$/.test(code) || hasProvince(code), 'no province of GB/T 2260 begins with these two digits; 42 is Hubei, such as "420106"'),
    grid: grid.optional(),
    timezone: z.string().default(usualTimezone).refine(isTimezone, 'not a time zone of the IANA list, such as Asia/Shanghai'),
  }),
  store: z.strictObject({ path: z.string().min(1).default('./data') }).prefault({}),
  journal: z.strictObject({
    /** Longest wait of what is not urgent before it is on disk. */
    commit: duration.default(50).refine((ms) => ms >= 1 && ms <= 10_000, 'from 1ms to 10s'),
    /** One record for the city, uncompressed. With its MQTT packet it stays within 64 KiB, which every broker takes. */
    maxMessageBytes: z.int().min(1_024).max(4_194_304).default(65_024),
    /** What the journal may fill; beyond it the oldest telemetry goes, declared. */
    maxBytes: size.default(536_870_912).refine((bytes) => bytes >= 1_048_576, 'at least 1 MiB (1048576)'),
    /** Smaller shares of their own; alerts and ledger give way last in any case. */
    alert: size.optional(),
    event: size.optional(),
    telemetry: size.optional(),
  }).prefault({}),
  /** A signed checkpoint of every stream's chain goes out this often, and at a clean stop. */
  ledger: z.strictObject({ checkpoint: duration.default(3_600_000).refine((ms) => ms >= 1_000, 'at least 1s') }).prefault({}),
  /** For charts and backtests. Disposable, and never in the way of the journal. */
  history: z.strictObject({
    enabled: z.boolean().default(true),
    /** Every reading and tick of the last days, as far as maxBytes goes. */
    rawDays: z.int().min(1).max(366).default(7),
    /** One row a point and minute, for charts and reports: last month is whole until this one ends. */
    minuteDays: z.int().min(1).max(3_660).default(62),
    /** What the history may fill; beyond it the oldest raw readings go, then the oldest minutes. */
    maxBytes: z.int().min(16_777_216).default(268_435_456),
  }).prefault({}),
  /** What happened in the building, for pages and reports. Disposable; access events go after access.keepDays. */
  events: z.strictObject({
    keepDays: z.int().min(1).max(3_660).default(400),
    /** What they may fill; beyond it the oldest days go, and one day takes at most an eighth. */
    maxBytes: size.default(268_435_456).refine((bytes) => bytes >= 8_388_608, 'at least 8 MiB (8388608)'),
  }).prefault({}),
  /** The page for staff and installers, and its API. HTTP on loopback unless it says otherwise. */
  console: z.strictObject({
    enabled: z.boolean().default(false),
    listen: z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port: z.int().min(0).max(65_535).default(8_080) }).prefault({}),
    /** Names it is called by in a browser, besides localhost and the address itself. */
    hosts: z.array(z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, 'a host name without port, such as linli.local')).max(50).default([]),
    /** Without TLS on a network: passwords and everything shown can be read on the way. */
    plainHttp: z.boolean().default(false),
    /** `site-ca`: the box makes an authority of its own at the first start; /install tells how a device comes to trust it. */
    tls: z.union([z.literal('site-ca'), z.strictObject({ cert: z.string().min(1), key: z.string().min(1) })]).optional(),
    /** Who may read /metrics without a login. */
    metrics: z.enum(['loopback', 'open']).default('loopback'),
  }).prefault({}).refine(({ enabled, listen, plainHttp, tls }) => !enabled || plainHttp || tls !== undefined || isLoopback(listen.host), 'beyond loopback the console needs tls: site-ca or tls: { cert, key }; or plainHttp: true, and then anybody on the network can read passwords'),
  /** Of residents' reports and of repairs. They stay on the box. */
  photos: z.strictObject({
    keepDays: z.int().min(1).max(3_660).default(90),
    /** What they may fill; beyond it the oldest go. A photo takes at most 300 kB. */
    maxBytes: size.default(200_000_000).refine((bytes) => bytes >= 1_000_000, 'at least 1MB'),
  }).prefault({}),
  /** What staff call the places that devices, doors and terminals name. */
  places: z.record(identifier, label).default({}),
  control: z.strictObject({ socket: z.string().min(1).optional() }).prefault({}),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info') }).prefault({}),
} as const

/** Lists whose entries are composed from the rooms' schemas, one by one. */
export const lists = ['connections', 'devices', 'streams', 'uplinks'] as const
export type ListName = (typeof lists)[number]

export const connectionKeys = z.object({ id: identifier, driver: z.string().min(1) })

export const deviceKeys = z.object({
  id: identifier,
  name: label,
  connection: z.string().min(1),
  profile: z.string().min(1).optional(),
  place: identifier.optional(),
  points: z.record(identifier, z.record(z.string(), z.unknown())).default({}),
})

const patterns = z.array(z.string().regex(/^[a-z0-9.*-]{1,100}$/, 'write an id, with * for anything')).min(1)

/** A finer selection of a stream, for an uplink that is not to get all of it. */
export const streamSchema = z.strictObject({
  id: identifier.refine((id) => !['alert', 'event', 'ledger', 'telemetry'].includes(id), 'this is one of the four streams every gateway has; choose another name'),
  from: z.enum(['telemetry', 'event', 'alert']),
  /** Of telemetry. */
  points: patterns.optional(),
  devices: patterns.optional(),
  /** Of events: access, kiosk, request, device, … */
  types: z.array(z.string().min(1)).min(1).optional(),
  /** A share of the journal's quota for it alone. */
  maxBytes: size.optional(),
})

const scalar = z.union([z.boolean(), z.number(), z.string()])

/** What every point has, whatever its driver. */
export const pointKeys = z.object({
  name: label,
  type: z.enum(['number', 'boolean', 'string']),
  /** UCUM code. */
  unit: z.string().min(1).optional(),
  scale: z.number().default(1).refine((scale) => scale !== 0, 'a scale of 0 makes every value 0'),
  offset: z.number().default(0),
  sentinels: z.array(scalar).default([]),
  min: z.number().optional(),
  max: z.number().optional(),
  invert: z.boolean().default(false),
  deadband: z.number().min(0).default(0),
  heartbeat: duration.default(600_000),
  poll: duration.default(1_000),
  urgent: z.boolean().default(false),
  writable: z.boolean().default(false),
  cityWrite: z.boolean().default(false),
  /** What a write must do to another point; a point of the same device may go without its device. */
  effect: z.strictObject({
    point: z.string().regex(/^[a-z0-9-]{1,48}(\.[a-z0-9-]{1,48})?$/, 'a point of this device, or device.point'),
    equals: scalar,
    within: duration.default(5_000),
    /** Only writes of this value have the effect; default for a boolean point: true. */
    when: scalar.optional(),
  }).optional(),
})

export const profileSchema = z.strictObject({
  profile: z.string().min(1),
  name: label,
  driver: z.string().min(1),
  /** Where the facts come from. */
  source: z.array(z.string().min(1)).min(1),
  verified: z.enum(['open-source', 'manual', 'hardware']),
  /** Quirks and warnings for the installer. */
  notes: z.array(z.string().min(1)).default([]),
  device: z.record(z.string(), z.unknown()).default({}),
  points: z.record(identifier, z.record(z.string(), z.unknown())),
  /** What tells this model from others; the driver's own keys. */
  identify: z.array(z.record(z.string(), z.unknown())).default([]),
})
export type Profile = z.output<typeof profileSchema>

export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Loading ICU's time zones costs 8 MB for the life of the process, so the usual one is not looked up. */
function isTimezone(name: string): boolean {
  if (name === usualTimezone) return true
  try { return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '' } catch { return false }
}
