import { z } from 'zod'
import { label, time } from './common.ts'

const level = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])

/** `level`: this or graver. `cursor`: of the answer before. The newest `limit` lines. */
export const logsQuery = z.strictObject({
  level: level.default('trace'), room: z.string().max(100).optional(), text: z.string().max(200).optional(),
  cursor: z.string().max(40).optional(), limit: z.coerce.number().int().min(0).max(2_000).default(500),
})
/** `where`: the room, connection or uplink that said it. `more`: what else the line carries. English, without secrets. */
export const logLine = z.strictObject({ seq: z.int(), at: time.nullable(), level, where: z.string().optional(), code: z.string().optional(), text: z.string(), more: z.record(z.string(), z.unknown()) })
/** The oldest first. `cursor`: for the next question. `missed`: since the last one, and no longer kept. */
export const logs = z.strictObject({ lines: z.array(logLine), cursor: z.string(), missed: z.int(), rooms: z.array(z.string()), kept: z.strictObject({ lines: z.int(), bytes: z.int() }) })
export type LogsAnswer = z.output<typeof logs>

export const finding = z.strictObject({
  /** docs/errors.md. */
  code: z.string(), severity: z.enum(['fault', 'warning', 'notice']), area: z.string(), where: z.string(), what: label, next: label,
  /** What the finder itself said; English. */
  detail: z.string().optional(),
})
/** The gravest first. `ok`: the areas where nothing is wrong. */
export const checkUp = z.strictObject({ at: time, gateway: z.string().nullable(), version: z.string(), running: z.boolean(), findings: z.array(finding), ok: z.array(z.string()) })
export type CheckUpAnswer = z.output<typeof checkUp>

/** `events`: the newest so many go along, without what people wrote. */
export const bundleOrder = z.strictObject({ events: z.int().min(0).max(10_000).default(0) })
/** `share`: 0..1 of the work. `ready`: for ten minutes. */
export const bundleState = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('none') }), z.strictObject({ state: z.literal('working'), share: z.number() }),
  z.strictObject({ state: z.literal('ready'), name: z.string(), bytes: z.int() }), z.strictObject({ state: z.literal('failed'), code: z.string() }),
])
export type BundleAnswer = z.output<typeof bundleState>
