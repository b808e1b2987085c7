import { z } from 'zod'
import { name, text, time } from './common.ts'

export const link = z.strictObject({
  now: time,
  uplinks: z.array(z.strictObject({
    id: z.string(), state: z.enum(['connecting', 'online', 'backing-off', 'stopped']), since: time, protocol: z.union([z.literal(4), z.literal(5)]).nullable(),
    sent: z.int(), acked: z.int(), rejected: z.int(), resent: z.int(), reconnects: z.int(), inFlight: z.int(),
    lastError: z.string().optional(), lastErrorDetail: z.string().optional(),
    backlog: z.record(z.string(), z.strictObject({ records: z.int(), bytes: z.int(), oldestAt: time.nullable() })),
    /** Records a second over the last minute. */
    perSecond: z.number(),
    /** Until nothing waits, at that pace; 0: nothing waits; null: not online, or it does not shrink. */
    drainMs: z.number().nullable(),
    confirmations: z.strictObject({ waiting: z.int(), oldestAt: time.nullable(), confirmed: z.int(), ignored: z.int() }).optional(),
    certificate: z.strictObject({ subject: z.string(), serial: z.string(), validTo: time, renewal: z.strictObject({ at: time, lastError: z.string().optional() }).nullable() }).optional(),
  })),
  /** On disk. `roomMs`: until its quota is reached if nothing were taken; null while it does not grow. */
  streams: z.record(z.string(), z.strictObject({ records: z.int(), bytes: z.int(), bytesPerSecond: z.number(), roomMs: z.number().nullable() })),
  /** Share of the quota, 0..1. */
  fill: z.number(), deadLetters: z.int(), gaps: z.int(),
  /** The last signed head; null before the first of this start. */
  checkpoint: z.strictObject({ at: time }).nullable(),
})
export type LinkAnswer = z.output<typeof link>

/** `event`: the record as text, cut after 4 kB. */
export const deadLetter = z.strictObject({ id: z.string(), reader: z.string(), stream: z.string(), at: time, reason: z.string(), event: z.string() })
export type DeadLetterAnswer = z.output<typeof deadLetter>
export const deadLettersQuery = z.strictObject({ after: z.string().max(200).optional() })
export const deadLettersOrder = z.strictObject({ action: z.enum(['resend', 'discard']), ids: z.union([z.literal('all'), z.array(z.string().max(200)).min(1).max(100)]) })
export const deadLettersDone = z.strictObject({ done: z.int() })

export const maintenance = z.strictObject({ id: z.string(), device: z.string().optional(), place: z.string().optional(), since: time, until: time, by: z.string(), reason: z.string() })
export type MaintenanceAnswer = z.output<typeof maintenance>
/** A device, or a place with all its devices. */
export const maintenanceOrder = z.strictObject({ device: name.optional(), place: name.optional(), forMs: z.int().min(60_000), reason: text })
export const maintenanceEnded = z.strictObject({ ended: z.boolean() })
