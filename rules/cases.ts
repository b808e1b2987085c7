/* oxlint-disable unicorn/no-thenable -- a word of the case file; nobody awaits it */
import { z } from 'zod'
import type { Effect, EpochMs, Facility, FacilityPoint, Reading } from '../gateway/contract/index.ts'
import { duration } from '../gateway/kit/schema.ts'
import { pointName } from './conditions/schema.ts'
import { createEngine, type Outcome } from './engine.ts'
import { createRules, type RuleDecisions } from './index.ts'
import { createZone } from './schedule/zone.ts'

const value = z.union([z.boolean(), z.number(), z.string(), z.null()])
const moment = z.object({ at: duration })
/** `{ at: 10s, smoke-1.alarm: true }`; null is bad. Without a point only time passes. */
const input = moment.catchall(value)
const expected = z.strictObject({ at: duration, raise: z.string().optional(), clear: z.string().optional(), write: z.string().optional(), value: value.optional(), publish: z.string().optional(), notify: z.string().optional(), start: z.string().optional(), severity: z.int().optional() })
  .refine(({ at: _, severity: __, value: ___, ...kinds }) => Object.keys(kinds).length === 1, 'expect one of raise, clear, write, publish, notify, start')

/** A file of cases: inputs and what must come of them, and nothing else may. Times count from `start`, local time of the site. */
export const casesSchema = z.strictObject({
  /** What stands for the site file's devices, where there is none. */
  points: z.record(pointName, z.strictObject({ type: z.enum(['number', 'boolean', 'string']), unit: z.string().optional(), pushed: z.boolean().default(false) })).default({}),
  rules: z.array(z.unknown()).optional(),
  schedules: z.array(z.unknown()).optional(),
  calendar: z.unknown().optional(),
  scenes: z.array(z.unknown()).optional(),
  cases: z.array(z.strictObject({ name: z.string().min(1), start: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/, 'write a local time as 2026-11-25T08:00').default('2026-11-25T08:00'), when: z.array(input).min(1), then: z.array(expected) })).min(1),
})
export type CaseFile = z.output<typeof casesSchema>
export type Case = CaseFile['cases'][number]

/** One line for each thing that a rule does, such as `10s raise smoke`. */
export interface CaseResult { readonly name: string; readonly passed: boolean; readonly missing: readonly string[]; readonly unexpected: readonly string[] }

export function facilityOfCases({ points }: Pick<CaseFile, 'points'>, timezone: string): Facility {
  const all = Object.entries(points).map(([id, { type, unit, pushed }]): FacilityPoint => ({ id, deviceId: id.split('.')[0]!, connectionId: 'case', name: { zh: id, en: id }, type, ...(unit === undefined ? {} : { unit }), writable: true, pollMs: 1_000, pushed, seenWithinMs: pushed ? null : 1_000 }))
  return { timezone, points: new Map(all.map((point) => [point.id, point])), devices: new Map(all.map(({ deviceId }) => [deviceId, { id: deviceId, name: { zh: deviceId, en: deviceId }, connectionId: 'case' }])) }
}

/** In virtual time: the engine is woken exactly when it asks to be. Rules are made afresh for each case. */
export function runCase(decisions: RuleDecisions, facility: Facility, { name, start, when, then: wanted }: Case): CaseResult {
  const zero = createZone(facility.timezone).toUtc(Date.parse(`${start}Z`))
  const engine = createEngine(createRules(decisions, facility))
  const effects: Effect[] = []
  const note = (outcome: Outcome): void => { effects.push(...outcome.effects) }
  const reach = (until: EpochMs): void => {
    for (let wake = engine.wakeAt(); wake !== undefined && wake < until; wake = engine.wakeAt()) note(engine.tick(Math.max(wake, zero)))
  }
  for (const { at, ...values } of when) {
    const now = zero + at
    reach(now)
    const readings = Object.entries(values).map(([pointId, found]): Reading => ({ pointId, value: found, at: now, receivedAt: now, quality: found === null ? 'bad' : 'good' }))
    note(readings.length > 0 ? engine.step(readings) : engine.tick(now))
  }
  const got = effects.flatMap((effect) => told(effect, zero))
  const left = [...got]
  const missing = wanted.flatMap((one) => {
    const line = expectedLine(one)
    const index = left.findIndex(({ brief, severity }) => brief === line && (one.severity === undefined || one.severity === severity))
    if (index < 0) return [one.severity === undefined ? line : `${line} (severity ${one.severity})`]
    left.splice(index, 1)
    return []
  })
  const unexpected = left.map(({ brief }) => brief)
  return { name, passed: missing.length + unexpected.length === 0, missing, unexpected }
}

function expectedLine({ at, severity: _, value: written, ...kind }: Case['then'][number]): string {
  const [[what, about]] = Object.entries(kind) as [[string, string]]
  return line(at, what, what === 'write' ? `${about} = ${String(written)}` : about)
}
const line = (ms: number, what: string, about: string): string => `${ms / 1_000}s ${what} ${about}`

function told(effect: Effect, zero: EpochMs): readonly { readonly brief: string; readonly severity?: number }[] {
  switch (effect.kind) {
    case 'raise': return [{ brief: line(effect.at - zero, 'raise', effect.key), severity: effect.severity }]
    case 'clear': return [{ brief: line(effect.at - zero, 'clear', effect.key) }]
    case 'write': return [{ brief: line(effect.at - zero, 'write', `${effect.point} = ${String(effect.value)}`) }]
    case 'publish': return [{ brief: line(effect.at - zero, 'publish', effect.topic) }]
    case 'notify': return effect.channels.map((channel) => ({ brief: line(effect.at - zero, 'notify', channel) }))
    case 'start': return [{ brief: line(effect.at - zero, 'start', effect.scene) }]
    case 'record': return effect.event.type === 'command' ? [{ brief: line(effect.event.at - zero, 'refused', String(effect.event.data.code)) }] : []
    case 'act': return []
  }
}
