import { z } from 'zod'
import { duration, identifier, label } from '../../gateway/kit/schema.ts'
import { hoursSchema } from '../hours-schema.ts'

const pointId = z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point')
const scalar = z.union([z.boolean(), z.number(), z.string()])

/** What a point must say for "yes": a boolean point true, any other what stands in `equals`. */
export const signal = z.union([pointId, z.strictObject({ point: pointId, equals: scalar })])
  .transform((given): Signal => (typeof given === 'string' ? { point: given, equals: true } : given))
export interface Signal { readonly point: string; readonly equals: boolean | number | string }

const signals = z.union([signal, z.array(signal).min(1).max(32)]).transform((given) => (Array.isArray(given) ? given : [given]))

const words = z.array(z.string().min(1).max(64)).max(16)
const reader = z.strictObject({
  /** Whose occurrences of type `access` are meant. */
  device: identifier,
  /** Only those whose data say so, where one controller has several doors: `{ reader: [in-1, out-1] }`. */
  only: z.record(z.string().min(1).max(64), z.union([scalar, z.array(scalar).min(1).max(32)])).optional(),
  /** Field of the occurrence with the outcome, and the words it knows. */
  field: z.string().min(1).max(64).default('result'),
  granted: words.default(['granted']),
  denied: words.default(['denied']),
  forced: words.default(['forced']),
  held: words.default(['held', 'held-open']),
  /** Field with the hashed credential. */
  credential: z.string().min(1).max(64).default('card'),
})
const readers = z.union([identifier.transform((device) => reader.parse({ device })), reader])
const readerList = z.union([readers, z.array(readers).min(1).max(16)]).transform((given) => (Array.isArray(given) ? given : [given]))

const lock = z.strictObject({
  /** Read and written. */
  point: pointId,
  /** Where it is read, when that is another point. */
  state: pointId.optional(),
  unlocked: scalar.default(true),
  locked: scalar.default(false),
  /** The gateway locks again after this long. Leave out where the device does so by itself. */
  pulse: duration.optional(),
})

/** Who may: an id of the roster, an account, an actor of the city, the id of a rule; `*` for everybody of that origin. */
const allowed = z.array(z.strictObject({ actor: z.string().min(1).max(128), origin: z.enum(['city', 'site', 'rule']) })).max(64)

const severity = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(false)])

/** The `doors` section: one entry. */
export const doorSchema = z.strictObject({
  id: identifier,
  name: label,
  place: identifier.optional(),
  /** True (or `equals`) when the door is open. */
  contact: signal,
  lock: lock.optional(),
  reader: readerList.optional(),
  exitButton: signals.optional(),
  tamper: signals.optional(),
  /** Besides `access.fire`, which is every door's. */
  fire: signals.optional(),
  heldOpenAfter: duration.default(60_000),
  unlockedTooLong: duration.default(300_000),
  /** An opening so long after a card or button is a granted one. */
  grantWindow: duration.default(10_000),
  /** A card's message may come so much later than the contact's before the door is called forced. */
  grace: duration.default(1_000),
  /** An input that cannot be read is a fault after this long. */
  faultAfter: duration.default(10_000),
  /** Outside these hours an opening is marked and raises an alert. */
  hours: hoursSchema.optional(),
  /** Within `hours` it may stand unlocked. */
  freeInHours: z.boolean().default(false),
  commands: z.strictObject({ unlock: allowed.default([]), lock: allowed.default([]) }).prefault({}),
  /** Severity, or false: never told. */
  alerts: z.strictObject({
    forced: severity.default(2), heldOpen: severity.default(3), unlockedTooLong: severity.default(3),
    tamper: severity.default(2), fault: severity.default(3), afterHours: severity.default(3),
  }).prefault({}),
})
export type DoorConfig = z.output<typeof doorSchema>

/** The `access` section: what all doors have in common. */
export const accessSchema = z.strictObject({
  /** Access events are kept on the box so long, then deleted. */
  keepDays: z.int().min(1).max(3_660).default(90),
  /** While one of these says so, no lock is locked. */
  fire: signals.optional(),
}).prefault({})
export type AccessConfig = z.output<typeof accessSchema>
