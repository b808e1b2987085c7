import type { Effect, EpochMs, Facility, Json, PointId, Rule, RuleInput, RuleStep } from '../../gateway/contract/index.ts'
import { ConfigError } from '../../gateway/kit/errors.ts'
import { compileAction, Hands, type Action } from '../conditions/actions.ts'
import { scopeOf, type Fault } from '../conditions/compile.ts'
import { createInputs, inputState, restoreInput, take, type Input } from '../conditions/inputs.ts'
import type { Surroundings } from '../conditions/rule.ts'
import { fillLabel, type Values } from '../conditions/text.ts'
import { ExpressionError } from '../expression/parse.ts'
import { Needs, type Frame } from '../expression/scope.ts'
import { Window } from '../windows/window.ts'
import type { SceneConfig } from './schema.ts'

type Step = { readonly wait: number } | { readonly raise: Extract<SceneConfig['steps'][number], { raise: unknown }>['raise'] } | { readonly action: Action }
const clockStepMs = 1_000

/** The steps, or the first fault of each. */
export function compileScene(config: SceneConfig, facility: Pick<Facility, 'points'>, schedules: ReadonlySet<string>): { readonly steps: readonly Step[]; readonly needs: Needs } | { readonly faults: readonly Fault[] } {
  const scope = scopeOf(config.inputs, facility, schedules)
  const needs = new Needs(Object.keys(config.inputs))
  const faults: Fault[] = []
  const steps = config.steps.flatMap((step, index): Step[] => {
    if ('wait' in step || 'raise' in step) return [step]
    let inner: readonly string[] = []
    try { return [{ action: compileAction(step, scope, needs, (at) => { inner = at }) }] } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      faults.push({ path: ['steps', index, ...inner], offset: error.offset, message: error.message })
      return []
    }
  })
  return faults.length > 0 ? { faults } : { steps, needs }
}

/** Steps in order, from a start on. A wait ends at its own moment, however late the tick; a restart goes on where it was. */
export class SceneRule implements Rule {
  readonly id: string
  readonly watches: readonly PointId[]
  readonly #config: SceneConfig
  readonly #steps: readonly Step[]
  readonly #inputs: readonly Input[]
  readonly #windows: readonly Window[]
  readonly #windowsOf: readonly (readonly Window[])[]
  readonly #frame: Frame
  readonly #hands: Hands
  readonly #values: Values
  /** The next step, and when; null while it rests. */
  #at: { readonly step: number; readonly due: EpochMs } | null = null
  #arrived: EpochMs = -Infinity

  constructor(config: SceneConfig, { facility, calendar, schedules }: Surroundings) {
    const compiled = compileScene(config, facility, schedules)
    if ('faults' in compiled) throw new ConfigError('CONFIG_INVALID', `scene "${config.id}": ${compiled.faults[0]!.message}; run linli check`)
    this.id = config.id
    this.watches = [...new Set(Object.values(config.inputs))]
    this.#config = config
    this.#steps = compiled.steps
    this.#inputs = createInputs(config.inputs, facility)
    this.#windows = compiled.needs.windows.map(({ input, spanMs, measures }) => new Window(spanMs, measures, this.#inputs[input]!.type === 'boolean'))
    this.#windowsOf = this.#inputs.map((_, slot) => this.#windows.filter((__, index) => compiled.needs.windows[index]!.input === slot))
    this.#frame = { now: 0, startedAt: 0, inputs: this.#inputs, windows: this.#windows, calendar }
    this.#values = (name) => this.#inputs.find((input) => input.name === name)
    this.#hands = new Hands(config.id, config.writes, this.#values)
  }

  step(input: RuleInput): RuleStep {
    const out: Effect[] = []
    const before = this.#at
    if ('reading' in input) {
      const { reading } = input
      const moment = this.#momentOf(Math.min(reading.at, reading.receivedAt), reading.receivedAt)
      this.#run(moment, out)
      this.#inputs.forEach((each, slot) => {
        if (each.point !== reading.pointId) return
        const late = reading.at < each.at
        take(each, reading, moment)
        each.pulse = false
        if (!late) for (const window of this.#windowsOf[slot]!) window.put(each.value, moment)
      })
    } else if ('start' in input && input.start === this.id) {
      const moment = this.#momentOf(input.at, input.at)
      this.#run(moment, out)
      if (this.#at === null || this.#config.again === 'restart') this.#at = { step: 0, due: moment }
      this.#run(moment, out)
    } else if ('tick' in input) this.#run(this.#momentOf(input.tick, input.tick), out)
    return { effects: out, ...(this.#at ? { wakeAt: this.#at.due } : {}), changed: out.length > 0 || this.#at !== before }
  }

  #momentOf(at: EpochMs, arrived: EpochMs): EpochMs {
    if (arrived < this.#arrived - clockStepMs) this.#shift(arrived - this.#arrived)
    this.#arrived = Math.max(this.#arrived, arrived)
    return this.#frame.now = Math.max(this.#frame.now, at)
  }

  #shift(byMs: number): void {
    this.#arrived += byMs
    this.#frame.now += byMs
    if (this.#at) this.#at = { ...this.#at, due: this.#at.due + byMs }
    for (const window of this.#windows) window.reset(Math.max(0, this.#frame.now))
    this.#hands.shift(byMs)
  }

  #run(moment: EpochMs, out: Effect[]): void {
    while (this.#at && this.#at.due <= moment) {
      const { step: index, due } = this.#at
      const step = this.#steps[index]!
      const next = 'wait' in step ? due + step.wait : due
      this.#frame.now = due
      if ('action' in step) this.#hands.act(step.action, this.#frame, out)
      else if ('raise' in step) out.push({ kind: 'raise', key: `${this.id}/${index}`, ruleId: this.id, severity: step.raise.severity, at: due, title: fillLabel(step.raise.title, this.#values), data: { scene: this.id, step: index }, momentary: true })
      this.#at = index + 1 < this.#steps.length ? { step: index + 1, due: next } : null
    }
    this.#frame.now = moment
  }

  state(): Json {
    return { v: 1, steps: this.#steps.length, at: this.#at ? [this.#at.step, this.#at.due] : null, arrived: Number.isFinite(this.#arrived) ? this.#arrived : null, now: this.#frame.now, inputs: Object.fromEntries(this.#inputs.map((input) => [input.name, inputState(input)])), windows: this.#windows.map((window) => window.state()), hands: this.#hands.state() }
  }

  /** A scene that was written anew with another number of steps rests. */
  restore(state: Json): void {
    if (typeof state !== 'object' || state === null || Array.isArray(state)) return
    const { v, steps, at, arrived, now, inputs, windows, hands } = state as { readonly [key: string]: Json }
    if (v !== 1 || typeof now !== 'number' || typeof inputs !== 'object' || inputs === null || !Array.isArray(windows)) return
    this.#frame.now = now
    this.#arrived = typeof arrived === 'number' ? arrived : -Infinity
    for (const input of this.#inputs) restoreInput(input, (inputs as { readonly [key: string]: Json })[input.name])
    this.#windows.forEach((window, index) => window.restore((windows as readonly Json[])[index]))
    this.#hands.restore(hands)
    const [step, due] = Array.isArray(at) ? at as readonly Json[] : []
    if (steps === this.#steps.length && typeof step === 'number' && Number.isInteger(step) && step >= 0 && step < this.#steps.length && typeof due === 'number') this.#at = { step, due }
  }
}
