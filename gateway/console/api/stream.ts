import { z } from 'zod'
import { alert, summary } from './alerts.ts'
import { label, quality, time, value } from './common.ts'
import { deviceState, doorView, terminalView } from './facility.ts'

/**
 * `GET /api/stream` (text/event-stream). `hello` first: fetch what is shown, then apply `diff`s. `alert` at once, without timeline;
 * `diff` at most once a second, only what changed; `beat` every 3 s: nothing for 10 s means the line is dead.
 */
export const streamEvents = {
  hello: z.strictObject({ now: time, beatMs: z.int() }),
  beat: z.strictObject({ now: time, link: z.enum(['none', 'online', 'offline']), waiting: z.int() }),
  alert: z.strictObject({ now: time, summary, alert }),
  diff: z.strictObject({
    now: time,
    readings: z.array(z.strictObject({ point: z.string(), value: value.nullable(), quality, at: time, reason: z.string().optional() })).optional(),
    devices: z.array(z.strictObject({ id: z.string(), name: label, state: deviceState, since: time.nullable(), reason: z.string().optional(), detail: z.string().optional() })).optional(),
    doors: z.array(doorView).optional(),
    /** Without sessions and hours that did not change: a whole view of each that changed. */
    terminals: z.array(terminalView).optional(),
  }),
} as const
export type StreamEvents = { readonly [K in keyof typeof streamEvents]: z.output<(typeof streamEvents)[K]> }
