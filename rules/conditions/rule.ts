import type { Effect, EpochMs, Facility, Json, JsonObject, PointId, Reading, Rule, RuleInput, RuleStep } from '../../gateway/contract/index.ts'
import { ConfigError } from '../../gateway/kit/errors.ts'
import { explain, explainedJson } from '../expression/explain.ts'
import type { Calendar, Frame, Known } from '../expression/scope.ts'
import { Window } from '../windows/window.ts'
import { Hands } from './actions.ts'
import { compileCondition, scopeOf, type Compiled } from './compile.ts'
import { Decision, type Verdict } from './decision.ts'
import { createInputs, inputState, interrupted, restoreInput, shift, take, type Input } from './inputs.ts'
import type { ConditionConfig } from './schema.ts'
import { fillLabel, type Values } from './text.ts'

export interface Surroundings { readonly facility: Facility; readonly calendar: Calendar; readonly schedules: ReadonlySet<string> }
/** A rule that can say why. `now`: of the gateway's clock. Asking changes nothing. */
export interface ExplainingRule extends Rule { explain(now: EpochMs): JsonObject }

/** Steps of less are slewing. */
const clockStepMs = 1_000
/** A longer stop makes polled values unknown until they are read again, and is not counted by windows. */
const interruptedMs = 120_000
/** Moments caught up with after a pause; what lies beyond is passed over. */
const maxCatchUp = 500

/**
 * Raises while `when` holds, clears when it is over, and acts. It lives on its own moments: what was due between two inputs happens
 * first and at its own time, so a late tick changes nothing. An evaluation happens when an input's value or quality changes, and when
 * time may change the outcome.
 */
export class ConditionRule implements ExplainingRule {
  readonly id: string
  readonly watches: readonly PointId[]
  readonly #config: ConditionConfig
  readonly #around: Surroundings
  readonly #compiled: Compiled
  readonly #inputs: readonly Input[]
  readonly #windows: readonly Window[]
  readonly #byPoint = new Map<PointId, readonly number[]>()
  readonly #windowsOf: readonly (readonly Window[])[]
  readonly #frame: Frame
  readonly #decision: Decision
  readonly #hands: Hands
  readonly #values: Values
  readonly #during: { readonly schedule: string; readonly inside: boolean } | null
  readonly #about: { readonly deviceId?: string; readonly place?: string }
  readonly #mark: string
  #started = false
  #restored = false
  /** The newest time of the gateway's own clock. */
  #arrived: EpochMs = -Infinity
  #wake = Infinity
  #idle: RuleStep = { effects: [] }

  constructor(config: ConditionConfig, around: Surroundings) {
    const { facility, calendar, schedules } = around
    const compiled = compileCondition(config, scopeOf(config.inputs, facility, schedules))
    if ('faults' in compiled) throw new ConfigError('CONFIG_INVALID', `rule "${config.id}": ${compiled.faults[0]!.message}; run linli check`)
    this.id = config.id
    this.watches = [...new Set(Object.values(config.inputs))]
    this.#config = config
    this.#around = around
    this.#compiled = compiled
    this.#inputs = createInputs(config.inputs, facility)
    this.#windows = compiled.needs.windows.map(({ input, spanMs, measures }) => new Window(spanMs, measures, this.#inputs[input]!.type === 'boolean'))
    this.#windowsOf = this.#inputs.map((_, slot) => this.#windows.filter((__, index) => compiled.needs.windows[index]!.input === slot))
    for (const point of this.watches) this.#byPoint.set(point, this.#inputs.flatMap((input, slot) => (input.point === point ? [slot] : [])))
    this.#frame = { now: 0, startedAt: 0, inputs: this.#inputs, windows: this.#windows, calendar }
    const longest = Math.max(0, ...compiled.needs.windows.map(({ spanMs }) => spanMs))
    this.#decision = new Decision({ forMs: config.for, clearForMs: config.clearFor, unknown: config.unknown, noticeAfterMs: Math.max(config.noticeAfter, longest), momentary: compiled.momentary })
    this.#values = (name) => this.#inputs.find((input) => input.name === name)
    this.#hands = new Hands(config.id, config.writes, this.#values)
    this.#during = config.during === undefined ? null : { schedule: config.during.replace(/^not /, ''), inside: !config.during.startsWith('not ') }
    this.#about = aboutOf([...compiled.deciding].map((slot) => this.#inputs[slot]!.point), facility)
    this.#mark = JSON.stringify([config.when, config.clear ?? null, config.during ?? null])
  }

  step(input: RuleInput): RuleStep {
    const out: Effect[] = []
    if ('reading' in input) this.#read(input.reading, out)
    else if ('tick' in input) this.#reach(this.#momentOf(input.tick, input.tick), out)
    return this.#answer(out)
  }

  #answer(out: Effect[]): RuleStep {
    const { changed } = this.#decision
    this.#decision.changed = false
    const wakeAt = this.#wake === Infinity ? undefined : this.#wake
    if (out.length > 0 || changed) return { effects: out, ...(wakeAt === undefined ? {} : { wakeAt }), changed: true }
    if (this.#idle.wakeAt !== wakeAt) this.#idle = { effects: [], ...(wakeAt === undefined ? {} : { wakeAt }) }
    return this.#idle
  }

  /** Time of the rule: it never goes back, save when the gateway's own clock does. */
  #momentOf(at: EpochMs, arrived: EpochMs): EpochMs {
    if (arrived < this.#arrived - clockStepMs) this.#shift(arrived - this.#arrived)
    if (arrived > this.#arrived) this.#arrived = arrived
    return Math.max(this.#started ? this.#frame.now : 0, Math.min(at, arrived))
  }

  #read(reading: Reading, out: Effect[]): void {
    const slots = this.#byPoint.get(reading.pointId)
    if (!slots) return
    const moment = this.#momentOf(reading.at, reading.receivedAt)
    this.#reach(moment, out)
    let evaluate = false
    for (const slot of slots) {
      const input = this.#inputs[slot]!
      const late = reading.at < input.at
      const news = take(input, reading, moment)
      if (!late) for (const window of this.#windowsOf[slot]!) window.put(input.value, moment)
      if (this.#compiled.deciding.has(slot) && (news || this.#compiled.needs.counted.has(slot))) evaluate = true
    }
    this.#frame.now = moment
    if (!evaluate) { for (const slot of slots) this.#inputs[slot]!.pulse = false; return }
    this.#evaluate(moment, out)
    let pulsed = false
    for (const slot of slots) { if (this.#inputs[slot]!.pulse) pulsed = true; this.#inputs[slot]!.pulse = false }
    // A change is true for this one evaluation.
    if (pulsed && this.#compiled.needs.pulsed.size > 0) this.#evaluate(moment, out)
  }

  /** Everything that was due by `moment`, each at its own time. */
  #reach(moment: EpochMs, out: Effect[]): void {
    if (this.#restored) this.#resume(moment)
    if (!this.#started) {
      this.#started = true
      this.#frame.startedAt = moment
      return this.#evaluate(moment, out)
    }
    for (let tries = 0; this.#wake <= moment; tries++) this.#evaluate(tries < maxCatchUp ? this.#wake : moment, out)
    if (moment > this.#frame.now) this.#frame.now = moment
  }

  #evaluate(moment: EpochMs, out: Effect[]): void {
    const { when, clear, wakes } = this.#compiled
    const frame = this.#frame
    frame.now = moment
    const active = this.#active()
    const truth: Known = active ? when.run(frame) : false
    const over: Known = !active ? true : clear ? clear.run(frame) : truth === null ? null : !truth
    for (const verdict of this.#decision.take(truth, over, moment)) this.#carryOut(verdict, moment, out)
    let wake = this.#decision.wakeAt(moment)
    for (const next of wakes) { const at = next(frame); if (at < wake && at > moment) wake = at }
    if (this.#during) wake = Math.min(wake, frame.calendar.boundary(this.#during.schedule, moment))
    this.#wake = wake
  }

  #active(): boolean { return this.#during === null || this.#frame.calendar.open(this.#during.schedule, this.#frame.now) === this.#during.inside }

  #carryOut(verdict: Verdict, at: EpochMs, out: Effect[]): void {
    const { id } = this
    const { severity, title } = this.#config
    if (verdict === 'notice') {
      const name = title ? fillLabel(title, this.#values) : { zh: id, en: id }
      out.push({ kind: 'raise', key: `${id}/unknown`, ruleId: id, severity: 4, at, title: { zh: `数据缺失，无法判断：${name.zh}`, en: `cannot be told, data is missing: ${name.en}` }, data: this.#data(), ...this.#about })
    } else if (verdict === 'noticed') out.push({ kind: 'clear', key: `${id}/unknown`, ruleId: id, at, data: {} })
    else if (verdict === 'clear') {
      if (title) out.push({ kind: 'clear', key: id, ruleId: id, at, data: this.#data() })
      this.#hands.run(this.#compiled.otherwise, this.#frame, out)
    } else {
      if (title) out.push({ kind: 'raise', key: id, ruleId: id, severity: severity!, at, title: fillLabel(title, this.#values), data: this.#data(), ...this.#about, ...(verdict === 'moment' ? { momentary: true } : {}) })
      this.#hands.run(this.#compiled.then, this.#frame, out)
    }
  }

  /** What it saw. Of one input also as a threshold tells it. */
  #data(): JsonObject {
    const [first, ...rest] = this.#inputs
    const values = Object.fromEntries(this.#inputs.map(({ name, value }) => [name, typeof value === 'string' ? value.slice(0, 200) : value]))
    return { when: this.#config.when, values, points: { ...this.#config.inputs }, ...(first && rest.length === 0 ? { point: first.point, value: values[first.name]! } : {}), ...(this.#decision.truth === null ? { unknown: true } : {}) }
  }

  #shift(byMs: number): void {
    this.#arrived += byMs
    if (!this.#started) return
    this.#frame.now += byMs
    this.#frame.startedAt += byMs
    for (const input of this.#inputs) shift(input, byMs)
    for (const window of this.#windows) window.reset(Math.max(0, this.#frame.now))
    this.#decision.shift(byMs)
    this.#hands.shift(byMs)
    this.#wake = this.#frame.now
  }

  #resume(moment: EpochMs): void {
    this.#restored = false
    if (!this.#started || moment - this.#frame.now <= interruptedMs) return
    this.#frame.startedAt = moment
    for (const input of this.#inputs) interrupted(input, moment)
    for (const window of this.#windows) window.interrupted(moment)
    // What was due meanwhile is caught up with where it can be told; where a polled value is missing there is only now.
    const polled = [...this.#compiled.deciding].some((slot) => !this.#inputs[slot]!.pushed)
    this.#wake = polled ? moment : Math.min(this.#wake, moment)
  }

  explain(now: EpochMs): JsonObject {
    const copy = new ConditionRule(this.#config, this.#around)
    copy.restore(JSON.parse(JSON.stringify(this.state())) as Json)
    copy.step({ tick: now })
    return copy.#explained()
  }

  #explained(): JsonObject {
    const { when, clear } = this.#compiled
    const frame = this.#frame
    const { raised, dueAt, unknownSince, truth } = this.#decision
    return {
      id: this.id, kind: 'condition', at: frame.now, outcome: truth, raised, dueAt, unknownSince,
      during: this.#during ? { schedule: this.#config.during!, active: this.#active() } : null,
      when: explainedJson(explain(when, this.#config.when, frame)), clear: clear ? explainedJson(explain(clear, this.#config.clear!, frame)) : null,
      inputs: Object.fromEntries(this.#inputs.map(({ name, point, value, seen, bad, changedAt, heardAt }) => [name, { point, value, seen, bad, changedAt: seen ? changedAt : null, heardAt: seen ? heardAt : null }])),
    }
  }

  state(): Json {
    const { now, startedAt } = this.#frame
    return {
      v: 1, mark: this.#mark, started: this.#started, now, startedAt, arrived: Number.isFinite(this.#arrived) ? this.#arrived : null, wake: Number.isFinite(this.#wake) ? this.#wake : null,
      decision: this.#decision.state(), inputs: Object.fromEntries(this.#inputs.map((input) => [input.name, inputState(input)])), windows: this.#windows.map((window) => window.state()), hands: this.#hands.state(),
    }
  }

  restore(state: Json): void {
    if (typeof state !== 'object' || state === null || Array.isArray(state)) return
    const { v, mark, started, now, startedAt, arrived, wake, decision, inputs, windows, hands } = state as { readonly [key: string]: Json }
    if (v !== 1 || started !== true || typeof now !== 'number' || typeof startedAt !== 'number' || typeof arrived !== 'number' || !isObject(inputs) || !Array.isArray(windows)) return
    this.#started = this.#restored = true
    this.#frame.now = now
    this.#frame.startedAt = startedAt
    this.#arrived = arrived
    this.#decision.restore(decision)
    for (const input of this.#inputs) restoreInput(input, Object.hasOwn(inputs, input.name) ? inputs[input.name] : undefined)
    this.#windows.forEach((window, index) => window.restore((windows as readonly Json[])[index]))
    this.#hands.restore(hands)
    this.#wake = typeof wake === 'number' ? wake : Infinity
    if (mark === this.#mark) return
    this.#decision.forgetWait()
    this.#wake = now
  }
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The device and place that all of them have in common. */
function aboutOf(points: readonly PointId[], facility: Facility): { readonly deviceId?: string; readonly place?: string } {
  const found = points.map((point) => facility.points.get(point)!)
  const common = <T>(values: readonly (T | undefined)[]): T | undefined => (new Set(values).size === 1 ? values[0] : undefined)
  const [deviceId, place] = [common(found.map((point) => point.deviceId)), common(found.map((point) => point.place))]
  return { ...(deviceId === undefined ? {} : { deviceId }), ...(place === undefined ? {} : { place }) }
}
