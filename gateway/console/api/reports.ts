import { z } from 'zod'
import { label, severity, time } from './common.ts'

const count = z.int()
/** Seconds; null: nothing is known, so nothing is said. */
const maybe = z.number().nullable()
const month = z.string().regex(/^\d{4}-\d\d$/)
const day = z.string().regex(/^\d{4}-\d\d-\d\d$/)
const shiftId = z.string().regex(/^\d{4}-\d\d-\d\d(\/[a-z0-9-]{1,64}){1,2}$/)
const person = z.strictObject({ id: z.string(), name: label })

/** Months of which the box has anything, the present first. */
export const reports = z.strictObject({ now: time, today: day, months: z.array(z.strictObject({ month, complete: z.boolean() })) })
export const monthQuery = z.strictObject({ month })

/** See rules/report/alarms.ts. */
export const alarms = z.strictObject({
  from: time, to: time, raised: count, alerts: count, bySeverity: z.array(z.strictObject({ severity, raised: count })),
  byDay: z.array(z.strictObject({ day, raised: count, bySeverity: z.tuple([count, count, count, count]) })),
  actors: z.array(z.strictObject({ rule: z.string(), device: z.string().nullable(), name: label.nullable(), title: label, severity, raised: count, share: z.number() })), others: count,
  acknowledge: z.strictObject({ n: count, medianS: maybe, p90S: maybe, unanswered: count }),
  per10Min: z.strictObject({ mean: z.number(), peak: count, peakAt: time.nullable(), aboveTen: count, intervals: count }),
  standing: z.strictObject({ count, list: z.array(z.strictObject({ id: z.string(), severity, title: label, since: time })) }),
  uncounted: count,
})
export type AlarmsAnswer = z.output<typeof alarms>
/** At most 100 days. */
export const alarmsQuery = z.strictObject({ from: z.coerce.number().int(), to: z.coerce.number().int() })

const times = z.strictObject({ n: count, medianS: maybe, p90S: maybe, inTime: count })
/** As it went up to the platform where it did: rules/report/figures.ts. */
const figures = z.strictObject({
  version: z.literal(1), month, from: time, to: time, complete: z.boolean(),
  watched: z.strictObject({ knownS: z.number(), ofS: z.number(), daysWithout: z.array(z.string()), daysPartly: z.array(z.string()) }).nullable(),
  terminals: z.array(z.strictObject({ kiosk: z.string(), availableS: z.number(), degradedS: z.number(), downS: z.number(), unknownS: z.number(), availability: maybe, sessions: count })),
  alerts: z.strictObject({
    bySeverity: z.array(z.strictObject({ severity, raised: count, response: times, closing: times, unanswered: count, open: count })),
    reopened: z.strictObject({ n: count, of: count, share: maybe }), evaluated: z.strictObject({ n: count, mean: maybe }), uncounted: count,
  }),
  calls: count,
  devices: z.strictObject({ count, known: count, online: maybe, list: z.array(z.strictObject({ device: z.string(), knownS: z.number(), onlineS: z.number(), online: maybe })) }),
  climate: z.array(z.strictObject({ point: z.string(), min: z.number().optional(), max: z.number().optional(), serviceS: z.number(), knownS: z.number(), within: maybe })),
  energy: z.array(z.strictObject({ point: z.string(), kWh: maybe, from: time.nullable(), to: time.nullable(), resets: count, complete: z.boolean() })),
  ratings: z.strictObject({ n: count, mean: maybe, poor: count }),
})
export const monthReport = z.strictObject({ told: z.boolean(), figures, names: z.strictObject({ site: label, names: z.record(z.string(), label), units: z.record(z.string(), z.string()) }), alarms })
export type MonthReport = z.output<typeof monthReport>

const shiftOf = { id: shiftId, kind: z.enum(['desk', 'plan', 'day']), name: label.nullable(), from: time, to: time, open: z.boolean(), cut: z.boolean() }
export const shiftsQuery = z.strictObject({ day })
export const shifts = z.strictObject({ day, shifts: z.array(z.strictObject({ ...shiftOf, people: z.array(person) })) })
export type ShiftsAnswer = z.output<typeof shifts>

const shiftAlert = z.strictObject({
  id: z.string(), severity, title: label, where: label.nullable(), raisedAt: time,
  acknowledged: z.strictObject({ at: time, by: person, ackS: z.number() }).nullable(), resolved: z.strictObject({ at: time, by: person, note: z.string() }).nullable(),
  ended: z.boolean(), active: z.boolean(), times: count,
})
export type ShiftAlertView = z.output<typeof shiftAlert>
const note = z.strictObject({ by: person, at: time, note: z.string() })
export const shiftQuery = z.strictObject({ id: shiftId })
/** See rules/report/shift-figures.ts. */
export const shiftReport = z.strictObject({
  shift: z.strictObject(shiftOf), from: time, to: time, complete: z.boolean(),
  duty: z.array(z.strictObject({ kind: z.enum(['desk', 'plan']), person, from: time, to: time.nullable() })),
  received: note.nullable(), notes: z.array(note),
  alerts: z.strictObject({ raised: count, acknowledged: count, resolved: count, medianS: maybe, p90S: maybe, open: count, waiting: count, list: z.array(shiftAlert), more: count }),
  open: z.strictObject({ list: z.array(shiftAlert), more: count }),
  doors: z.strictObject({
    list: z.array(z.strictObject({ door: person, opened: count, denied: count, counts: z.record(z.string(), count) })),
    highlights: z.array(z.strictObject({ at: time, door: person, result: z.string() })), more: count,
  }),
  terminals: z.array(z.strictObject({ terminal: person, sessions: count, downS: z.number(), limitedS: z.number(), state: z.string().nullable() })),
  offline: z.strictObject({ list: z.array(z.strictObject({ device: person, from: time, to: time.nullable(), reason: z.string().nullable() })), more: count }),
  calls: count, ratings: z.strictObject({ n: count, mean: maybe, poor: count }),
})
export type ShiftReport = z.output<typeof shiftReport>
