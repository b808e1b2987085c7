import { z } from 'zod'
import { label, severity, text, time } from './common.ts'

export const alertEntry = z.strictObject({ at: time, what: z.string(), by: z.string().optional(), data: z.record(z.string(), z.unknown()).optional() })
const by = { at: time, by: z.string() }

/** {@link import('../../contract/alerts.ts').Alert}, as it is. */
export const alert = z.strictObject({
  id: z.string(), key: z.string(), ruleId: z.string(), severity, title: label, data: z.record(z.string(), z.unknown()),
  deviceId: z.string().optional(), place: z.string().optional(), mode: z.enum(['maintenance', 'commissioning', 'test']).optional(),
  raisedAt: time, changedAt: time, lastRaisedAt: time,
  state: z.enum(['raised', 'acknowledged', 'resolved', 'closed']),
  condition: z.enum(['active', 'returned', 'momentary']),
  count: z.int(),
  acknowledged: z.strictObject(by).optional(),
  assigned: z.strictObject({ ...by, to: z.string() }).optional(),
  shelved: z.strictObject({ ...by, until: time, reason: z.string() }).optional(),
  resolved: z.strictObject({ ...by, note: z.string() }).optional(),
  evaluated: z.strictObject({ ...by, score: z.number(), text: z.string().optional() }).optional(),
  closedAt: time.optional(), reopened: z.int(), escalation: z.int(),
  due: z.strictObject({ acknowledge: time.optional(), resolve: time.optional() }),
  suppressedBy: z.string().optional(), chattering: z.literal(true).optional(),
  /** Empty in lists; whole in `/api/alerts/{id}`. */
  timeline: z.array(alertEntry),
})
export type AlertView = z.output<typeof alert>

export const summary = z.strictObject({
  /** By severity. */
  open: z.strictObject({ 1: z.int(), 2: z.int(), 3: z.int(), 4: z.int() }),
  /** Of those: nobody has acknowledged. */
  waiting: z.int(),
  flood: z.strictObject({ since: time, count: z.int() }).nullable(),
  shelved: z.int(), suppressed: z.int(), standing: z.int(),
})

/** `sounders`: the box's own; `sounding` is a severity or null. */
export const alertsAnswer = z.strictObject({ now: time, summary, open: z.array(alert), closed: z.array(alert), sounders: z.array(z.looseObject({ id: z.string(), sounding: severity.nullable(), on: z.boolean() })) })
export type AlertsAnswer = z.output<typeof alertsAnswer>

const photoId = z.string().regex(/^[0-9a-f]{16}$/)
/** `jpeg`: base64; at most 4 MB and 13 megapixels. It is encoded anew. The id goes into an act. */
export const photoOrder = z.strictObject({ jpeg: z.base64().min(1).max(5_600_000) })
export const photoAnswer = z.strictObject({ id: photoId })

/** `id`: 16 hex digits made by the page; the same act sent twice is one. */
const actId = { id: z.string().regex(/^[0-9a-f]{16}$/).optional() }
export const act = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('acknowledge'), ...actId }),
  z.strictObject({ act: z.literal('assign'), to: z.string().min(1).max(48), ...actId }),
  z.strictObject({ act: z.literal('shelve'), forMs: z.int().min(60_000), reason: text, ...actId }),
  z.strictObject({ act: z.literal('unshelve'), ...actId }),
  z.strictObject({ act: z.literal('resolve'), note: text, photo: photoId.optional(), ...actId }),
  z.strictObject({ act: z.literal('evaluate'), score: z.int().min(1).max(5), text: text.optional(), ...actId }),
  z.strictObject({ act: z.literal('reopen'), note: text, ...actId }),
  z.strictObject({ act: z.literal('comment'), text, ...actId }),
])
export type ActOrder = z.output<typeof act>

/** `already`: somebody was first; the alert says who. */
export const actAnswer = z.strictObject({ outcome: z.enum(['applied', 'already']), alert })
export type ActResult = z.output<typeof actAnswer>

export const silenceAnswer = z.strictObject({ silenced: z.array(z.string()) })
export const testOrder = z.strictObject({ severity })
export const testAnswer = z.strictObject({ tested: severity, alert: z.string().nullable() })
export const statisticsQuery = z.strictObject({ sinceMs: z.coerce.number().int().min(1).max(366 * 86_400_000).default(86_400_000) })
