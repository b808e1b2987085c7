import type { EpochMs, Json } from '../../gateway/contract/index.ts'
import type { Known } from '../expression/scope.ts'

export type UnknownPolicy = 'hold' | 'clear' | 'raise'
export interface DecisionOptions { readonly forMs: number; readonly clearForMs: number; readonly unknown: UnknownPolicy; readonly noticeAfterMs: number; readonly momentary: boolean }
export type Verdict = 'raise' | 'clear' | 'moment' | 'notice' | 'noticed'

/**
 * From three-valued truth to raise and clear. `hold`: while it cannot be told nothing moves; a wait goes on, and what fell due
 * meanwhile is raised once it is known to be true still.
 */
export class Decision {
  readonly #options: DecisionOptions
  raised = false
  /** Since when it holds, while it is not raised; since when the end of it holds, while it is. */
  since: EpochMs | null = null
  #unknownSince: EpochMs | null = null
  #noticed = false
  /** The last outcome. */
  truth: Known = null
  /** Something a restart must not forget. */
  changed = false
  constructor(options: DecisionOptions) { this.#options = options }

  /** `truth` of the condition; `over`: of its end, asked only while raised. */
  take(truth: Known, over: Known, now: EpochMs): readonly Verdict[] {
    const { momentary, unknown } = this.#options
    const asked = this.raised ? over : truth
    const verdicts = this.#notices(asked === null && unknown === 'hold', now)
    const before = this.truth
    this.truth = truth
    if (momentary) {
      if (before !== truth) this.changed = true
      return truth === true && before !== true ? [...verdicts, 'moment'] : verdicts
    }
    const settled = asked === null ? (unknown === 'hold' ? null : (unknown === 'raise') !== this.raised) : asked === true
    if (settled === null) return verdicts
    this.#wait(settled, now)
    if (this.since === null || now < this.since + this.#span) return verdicts
    this.raised = !this.raised
    this.since = null
    this.changed = true
    return [...verdicts, this.raised ? 'raise' : 'clear']
  }

  get #span(): number { return this.raised ? this.#options.clearForMs : this.#options.forMs }

  #wait(holds: boolean, now: EpochMs): void {
    if (holds === (this.since !== null)) return
    this.since = holds ? now : null
    this.changed = true
  }

  #notices(unknown: boolean, now: EpochMs): readonly Verdict[] {
    if (!unknown) {
      if (this.#unknownSince === null) return none
      this.#unknownSince = null
      this.changed = true
      const told = this.#noticed
      this.#noticed = false
      return told ? ['noticed'] : none
    }
    if (this.#unknownSince === null) { this.#unknownSince = now; this.changed = true }
    if (this.#noticed || now < this.#unknownSince + this.#options.noticeAfterMs) return none
    this.#noticed = true
    this.changed = true
    return ['notice']
  }

  /** The next moment at which time alone moves it; Infinity for never. */
  wakeAt(now: EpochMs): EpochMs {
    const due = this.since === null ? Infinity : this.since + this.#span
    const notice = this.#unknownSince === null || this.#noticed ? Infinity : this.#unknownSince + this.#options.noticeAfterMs
    return Math.min(due > now ? due : Infinity, notice > now ? notice : Infinity)
  }
  /** When a wait that is under way ends, due or not. */
  get dueAt(): EpochMs | null { return this.since === null ? null : this.since + this.#span }
  get unknownSince(): EpochMs | null { return this.#unknownSince }

  shift(byMs: number): void {
    if (this.since !== null) this.since += byMs
    if (this.#unknownSince !== null) this.#unknownSince += byMs
    this.changed = true
  }
  /** The condition was written anew: what was raised stays so until it is known to be over. */
  forgetWait(): void { this.since = null; this.truth = null; this.#unknownSince = null }

  state(): Json { return [this.raised, this.since, this.#unknownSince, this.#noticed, this.truth] }
  restore(state: Json | undefined): void {
    if (!Array.isArray(state)) return
    const [raised, since, unknownSince, noticed, truth] = state as readonly Json[]
    if (typeof raised !== 'boolean') return
    this.raised = raised && !this.#options.momentary
    this.since = moment(since)
    this.#unknownSince = moment(unknownSince)
    this.#noticed = noticed === true
    this.truth = typeof truth === 'boolean' ? truth : null
  }
}

const none: readonly Verdict[] = []
const moment = (value: Json | undefined): EpochMs | null => (typeof value === 'number' ? value : null)
