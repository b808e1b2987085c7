/* oxlint-disable unicorn/no-thenable -- a word of the case file; nobody awaits it */
import { z } from 'zod'
import type { Effect, EpochMs, Facility, FacilityPoint, JsonObject, Reading, Rule } from '../gateway/contract/index.ts'
import { duration } from '../gateway/kit/schema.ts'
import { pointName } from './conditions/schema.ts'
import { createEngine, type Outcome } from './engine.ts'
import { createFacilityModels } from './facility.ts'
import { createRules, type RuleDecisions } from './index.ts'
import { expandLibrary } from './library/expand.ts'
import { createZone } from './schedule/zone.ts'
import type { Decisions } from './site.ts'

const value = z.union([z.boolean(), z.number(), z.string(), z.null()])
const occurrence = z.strictObject({ device: z.string(), type: z.enum(['access', 'kiosk', 'request', 'evaluation']), data: z.record(z.string(), z.json()).default({}) })
/** `{ at: 10s, smoke-1.alarm: true }`; null is bad. `wait` counts from the line before. Without a point only time passes. */
const input = z.object({ at: duration.optional(), wait: duration.optional(), occurrence: occurrence.optional(), device: z.string().optional(), state: z.enum(['online', 'offline', 'degraded']).optional(), reason: z.string().optional() })
  .catchall(value)
  .refine(({ at, wait }) => (at === undefined) !== (wait === undefined), 'say when: either at, or wait')
  .refine(({ device, state }) => (device === undefined) === (state === undefined), 'a device and its state go together, as in { at: 5s, device: hall-env, state: offline }')
const kinds = { raise: z.string().optional(), clear: z.string().optional(), write: z.string().optional(), publish: z.string().optional(), notify: z.string().optional(), refused: z.string().optional(), record: z.string().optional() }
const expected = z.strictObject({ at: duration.optional(), ...kinds, value: value.optional(), severity: z.int().optional(), data: z.record(z.string(), z.json()).optional() })
  .refine((one) => kindsOf(one).length === 1, `expect one of ${Object.keys(kinds).join(', ')}`)
type Kind = keyof typeof kinds
const kindsOf = (one: Partial<Record<Kind, string | undefined>>): Kind[] => (Object.keys(kinds) as Kind[]).filter((kind) => one[kind] !== undefined)

/** A file of cases: inputs and what must come of them, and nothing else may. Times count from `start`, local time of the site. */
export const casesSchema = z.strictObject({
  /** A site file, from this file's folder: its devices, and its rules unless this file has some. */
  site: z.string().optional(),
  /** What stands for the site file's devices, where there is none. */
  points: z.record(pointName, z.strictObject({ type: z.enum(['number', 'boolean', 'string']), unit: z.string().optional(), pushed: z.boolean().default(false) })).default({}),
  rules: z.array(z.unknown()).optional(),
  schedules: z.array(z.unknown()).optional(),
  calendar: z.unknown().optional(),
  scenes: z.array(z.unknown()).optional(),
  cases: z.array(z.strictObject({
    name: z.string().min(1),
    start: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/, 'write a local time as 2026-11-25T08:00').default('2026-11-25T08:00'),
    /** What other rules do is not looked at: ids. */
    only: z.array(z.string()).optional(),
    /** Read at the start. */
    given: z.record(pointName, value).default({}),
    when: z.array(input).min(1),
    then: z.array(expected),
  })).min(1),
})
export type CaseFile = z.output<typeof casesSchema>
/** What a file need not write may be left out. */
export type Case = Omit<CaseFile['cases'][number], 'given'> & { readonly given?: CaseFile['cases'][number]['given'] }

/** One line for each thing that a rule does, such as `10s raise smoke`. */
export interface CaseResult { readonly name: string; readonly passed: boolean; readonly missing: readonly string[]; readonly unexpected: readonly string[] }
/** `index`: into the case's `then`. `instead`: the same came at another time. */
export interface Missing { readonly index: number; readonly text: string; readonly instead?: string }
export interface DetailedResult { readonly name: string; readonly missing: readonly Missing[]; readonly unexpected: readonly string[] }

export function facilityOfCases({ points }: Pick<CaseFile, 'points'>, timezone: string): Facility {
  const all = Object.entries(points).map(([id, { type, unit, pushed }]): FacilityPoint => ({ id, deviceId: id.split('.')[0]!, connectionId: 'case', name: { zh: id, en: id }, type, ...(unit === undefined ? {} : { unit }), writable: true, pollMs: 1_000, pushed, seenWithinMs: pushed ? null : 1_000 }))
  return { timezone, points: new Map(all.map((point) => [point.id, point])), devices: new Map(all.map(({ deviceId }) => [deviceId, { id: deviceId, name: { zh: deviceId, en: deviceId }, connectionId: 'case' }])) }
}

/** With doors and terminals where the decisions are a whole site's. */
export type CaseDecisions = RuleDecisions | Decisions
export function rulesOfCases(decisions: CaseDecisions, facility: Facility): readonly Rule[] {
  return [...createRules(decisions, facility, expandLibrary(decisions.rules, facility)), ...('doors' in decisions ? createFacilityModels(decisions, facility).rules : [])]
}

export function runCase(decisions: CaseDecisions, facility: Facility, each: Case): CaseResult {
  const { name, missing, unexpected } = tryCase(decisions, facility, each)
  return { name, passed: missing.length + unexpected.length === 0, missing: missing.map(({ text }) => text), unexpected }
}

/** In virtual time: the engine is woken exactly when it asks to be. Rules are made afresh for each case. */
export function tryCase(decisions: CaseDecisions, facility: Facility, { name, start, only, given = {}, when, then: wanted }: Case): DetailedResult {
  const zero = createZone(facility.timezone).toUtc(Date.parse(`${start}Z`))
  const engine = createEngine(rulesOfCases(decisions, facility))
  const effects: Effect[] = []
  const note = (outcome: Outcome): void => { effects.push(...outcome.effects) }
  const reach = (until: EpochMs): void => {
    for (let wake = engine.wakeAt(); wake !== undefined && wake < until; wake = engine.wakeAt()) note(engine.tick(Math.max(wake, zero)))
  }
  let now = zero
  for (const { at, wait, occurrence: happened, device, state, reason, ...values } of [...(Object.keys(given).length > 0 ? [{ ...given, at: 0 } as Case['when'][number]] : []), ...when]) {
    now = wait === undefined ? zero + at! : now + wait
    reach(now)
    const readings = Object.entries(values).map(([pointId, found]): Reading => ({ pointId, value: found as Reading['value'], at: now, receivedAt: now, quality: found === null ? 'bad' : 'good' }))
    const others = [
      ...(device === undefined ? [] : [{ device: { deviceId: device, state: state!, at: now, ...(reason === undefined ? {} : { reason }) } }]),
      ...(happened ? [{ occurrence: { deviceId: happened.device, type: happened.type, at: now, data: happened.data as JsonObject }, receivedAt: now }] : []),
    ]
    note(readings.length + others.length > 0 ? engine.step(readings, others) : engine.tick(now))
  }
  const left = effects.filter((effect) => only === undefined || !('ruleId' in effect) || only.includes(effect.ruleId)).flatMap((effect) => told(effect, zero))
  const missing = wanted.flatMap((one, index): Missing[] => {
    const found = left.findIndex((each) => isSame(each, one) && (one.at === undefined || one.at === each.at))
    if (found >= 0) { left.splice(found, 1); return [] }
    const instead = left.find((each) => isSame(each, one))
    return [{ index, text: expectedLine(one), ...(instead ? { instead: `${instead.at / 1_000}s` } : {}) }]
  })
  // Doors and terminals record much that a case need not tell.
  return { name, missing, unexpected: left.filter(({ kind }) => kind !== 'record').map(({ at, kind, about }) => line(at, kind, about)) }
}

type Expected = Case['then'][number]
interface Told { readonly at: number; readonly kind: Kind; readonly about: string; readonly severity?: number; readonly data?: JsonObject }

function isSame(told: Told, one: Expected): boolean {
  const [kind] = kindsOf(one)
  if (told.kind !== kind || told.about !== aboutOf(one)) return false
  if (one.severity !== undefined && one.severity !== told.severity) return false
  return Object.entries(one.data ?? {}).every(([key, wanted]) => JSON.stringify(told.data?.[key]) === JSON.stringify(wanted))
}
function aboutOf(one: Expected): string {
  const [kind] = kindsOf(one)
  return kind === 'write' ? `${one.write} = ${String(one.value)}` : one[kind!]!
}
function expectedLine(one: Expected): string {
  const data = one.data === undefined ? '' : ` ${JSON.stringify(one.data)}`
  return `${line(one.at, kindsOf(one)[0]!, aboutOf(one))}${data}${one.severity === undefined ? '' : ` (severity ${one.severity})`}`
}
const line = (ms: number | undefined, what: string, about: string): string => `${ms === undefined ? '' : `${ms / 1_000}s `}${what} ${about}`

function told(effect: Effect, zero: EpochMs): readonly Told[] {
  switch (effect.kind) {
    case 'raise': return [{ at: effect.at - zero, kind: 'raise', about: effect.key, severity: effect.severity, data: effect.data }]
    case 'clear': return [{ at: effect.at - zero, kind: 'clear', about: effect.key, data: effect.data }]
    case 'write': return [{ at: effect.at - zero, kind: 'write', about: `${effect.point} = ${String(effect.value)}` }]
    case 'publish': return [{ at: effect.at - zero, kind: 'publish', about: effect.topic }]
    case 'notify': return effect.channels.map((channel): Told => ({ at: effect.at - zero, kind: 'notify', about: channel }))
    case 'record': return [effect.event.type === 'command' ? { at: effect.event.at - zero, kind: 'refused', about: String(effect.event.data.code) } : { at: effect.event.at - zero, kind: 'record', about: effect.event.type, data: effect.event.data }]
    case 'start': case 'act': return []
  }
}
