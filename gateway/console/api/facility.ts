import { z } from 'zod'
import { alert, summary } from './alerts.ts'
import { label, pointId, quality, time, value } from './common.ts'

export const deviceState = z.enum(['unknown', 'online', 'offline', 'degraded', 'flapping'])

/** `at`: when it was last confirmed. `reason`: a code of docs/errors.md. */
export const pointView = z.strictObject({
  id: pointId, name: label, type: z.enum(['number', 'boolean', 'string']), unit: z.string().optional(),
  value: value.nullable(), quality: quality.nullable(), at: time.nullable(), reason: z.string().optional(),
  /** Somebody with this session's role may write it. */
  writable: z.boolean(), min: z.number().optional(), max: z.number().optional(),
})
export type PointView = z.output<typeof pointView>

/** `points`: at most the first four in a list, all in `/api/devices/{id}`. */
export const deviceView = z.strictObject({
  id: z.string(), name: label, place: z.string().optional(), connection: z.string(), driver: z.string(), profile: z.string().optional(),
  state: deviceState, since: time.nullable(), reason: z.string().optional(), detail: z.string().optional(), lastSeenAt: time.nullable(),
  mode: z.enum(['maintenance', 'commissioning', 'test']).optional(),
  /** How many points are bad now. */
  bad: z.int(), points: z.array(pointView), pointCount: z.int(),
})
export type DeviceView = z.output<typeof deviceView>

const counters = z.record(z.string(), z.number())
export const deviceDetail = deviceView.extend({
  bus: z.strictObject({
    id: z.string(), driver: z.string(), state: z.enum(['connecting', 'online', 'backing-off', 'stopped']), attempts: z.int(),
    lastError: z.string().optional(), lastErrorDetail: z.string().optional(), statistics: counters, device: counters,
    /** What the driver makes of its counters: cause and next step. English. */
    findings: z.array(z.strictObject({ code: z.string(), deviceId: z.string().optional(), text: z.string() })),
  }),
})
export type DeviceDetail = z.output<typeof deviceDetail>

/** `conditions`: forced, heldOpen, unlockedTooLong, tamper, fault, afterHours. */
export const doorView = z.strictObject({
  id: z.string(), name: label, place: z.string().optional(), contact: z.enum(['unknown', 'closed', 'open']), openSince: time.optional(),
  lock: z.enum(['unknown', 'locked', 'unlocked']).optional(), conditions: z.array(z.string()), fire: z.boolean(), lost: z.array(z.string()),
  today: z.record(z.string(), z.int()), recent: z.array(z.strictObject({ at: time, result: z.string() })),
  /** The point that unlocks it; absent where it has no lock. */
  lockPoint: pointId.optional(),
})
export type DoorAnswer = z.output<typeof doorView>

/** `condition`: see rules/kiosks. `hours`: milliseconds in each condition, the present hour first, at most 24. */
export const terminalView = z.strictObject({
  id: z.string(), name: label, place: z.string().optional(), device: z.string(), condition: z.string(), since: time.optional(), why: z.array(z.string()), reasons: z.array(label),
  hours: z.array(z.strictObject({ from: time, ms: z.record(z.string(), z.number()) })),
  sessions: z.strictObject({ count: z.int(), items: z.record(z.string(), z.int()), results: z.record(z.string(), z.int()) }),
})
export type TerminalAnswer = z.output<typeof terminalView>

/** One thing of an area. `state`: a device's state, a door's contact, or a terminal's condition. */
export const tileItem = z.strictObject({
  kind: z.enum(['device', 'door', 'terminal']), id: z.string(), name: label, state: z.string(),
  level: z.enum(['ok', 'attention', 'fault', 'unknown']), since: time.nullable(),
  /** Door conditions, a terminal's faults, or the code of a device that is not well. */
  why: z.array(z.string()),
  /** A terminal's faults in words. */
  reasons: z.array(label).optional(),
  /** At most three values worth a glance. */
  values: z.array(pointView),
})
export const tile = z.strictObject({ place: z.string().nullable(), name: label, level: z.enum(['ok', 'attention', 'fault', 'unknown']), items: z.array(tileItem) })
export type Tile = z.output<typeof tile>

export const overview = z.strictObject({
  now: time, startedAt: time, timeQuality: z.enum(['synced', 'holdover', 'unsynced']),
  summary,
  /** Of the sentence: 0 is "all normal". */
  needYou: z.int(),
  /** Open, the gravest and oldest first, at most 50, without timelines. */
  alerts: z.array(alert),
  tiles: z.array(tile),
  devices: z.strictObject({ total: z.int(), online: z.int(), offline: z.int() }),
  /** `none`: the site has no uplink. `offline`: the building works, the city does not hear it. */
  link: z.strictObject({ state: z.enum(['none', 'online', 'offline']), waiting: z.int() }),
  maintenance: z.int(),
})
export type Overview = z.output<typeof overview>

export const historyQuery = z.strictObject({ point: pointId, from: z.coerce.number().int(), to: z.coerce.number().int(), points: z.coerce.number().int().min(1).max(2000).default(300) })
export const chart = z.strictObject({
  point: pointId, from: time, to: time, slotMs: z.int(),
  /** A slot of `quality: null` is a gap. */
  slots: z.array(z.strictObject({ at: time, min: z.number().nullable(), mean: z.number().nullable(), max: z.number().nullable(), last: value.nullable(), quality: quality.nullable(), changes: z.int(), goodMs: z.number() })),
})
export type ChartAnswer = z.output<typeof chart>

export const writeOrder = z.strictObject({ value, timeoutMs: z.int().min(100).max(60_000).default(10_000) })

export const eventsQuery = z.strictObject({ from: z.coerce.number().int(), to: z.coerce.number().int(), types: z.string().max(200).optional(), door: z.string().max(100).optional(), terminal: z.string().max(100).optional(), limit: z.coerce.number().int().min(1).max(2000).default(500) })
/** The newest first; `more`: there were older ones than `limit`. */
export const eventsAnswer = z.strictObject({
  events: z.array(z.strictObject({ at: time, stream: z.string(), type: z.string(), subject: z.string().optional(), data: z.record(z.string(), z.unknown()), mode: z.string().optional(), redelivered: z.boolean().optional() })),
  more: z.boolean(),
})
export type EventsAnswer = z.output<typeof eventsAnswer>
