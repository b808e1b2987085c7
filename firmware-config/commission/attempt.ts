import type { Clock, EpochMs, Reading } from '../../gateway/contract/index.ts'
import type { Check } from './checklist.ts'
import type { CommissionHost } from './host.ts'
import type { CheckResult } from './report.ts'
import { Watch, type Verdict } from './watch.ts'

const lookMs = 100
/** Between asking for the values and having them. */
const mostPending = 10_000

export const namedCheck = ({ point, device, name, unit }: Check): Pick<CheckResult, 'point' | 'device' | 'name' | 'unit'> => ({ point, device, name, ...(unit === undefined ? {} : { unit }) })
export const skippedCheck = (check: Check, reason: string): CheckResult => ({ ...namedCheck(check), outcome: 'skipped', reason })
export const failedCheck = (check: Check, reason: string): CheckResult => ({ ...namedCheck(check), outcome: 'failed', reason })

/** One try at one point, at the terminal as on the page: called by whoever does it, judged by what the gateway sees, or settled by a word. */
export class Attempt implements Disposable {
  readonly check: Check
  /** Null: it was called off. Never rejects. */
  readonly result: Promise<CheckResult | null>
  readonly #watch: Watch
  readonly #clock: Clock
  readonly #resolve: (result: CheckResult | null) => void
  #stop: () => void = () => {}
  #cancel: () => void = () => {}
  #calledAt: EpochMs | null = null

  private constructor(check: Check, watch: Watch, clock: Clock) {
    this.check = check
    this.#watch = watch
    this.#clock = clock
    const { promise, resolve } = Promise.withResolvers<CheckResult | null>()
    this.result = promise
    this.#resolve = (result) => { this[Symbol.dispose](); resolve(result) }
  }

  /** `others`: what might answer in its place: points that have not shown yet that they are wired right. */
  static async begin(check: Check, others: readonly Check[], host: CommissionHost, clock: Clock): Promise<Attempt> {
    const pending: Reading[] = []
    let heard = (reading: Reading): void => { if (pending.length < mostPending) pending.push(reading) }
    const stop = host.listen((reading) => heard(reading))
    try {
      const last = new Map([...await host.readings()].map((reading) => [reading.pointId, reading]))
      for (const reading of pending) if (reading.receivedAt >= (last.get(reading.pointId)?.receivedAt ?? 0)) last.set(reading.pointId, reading)
      const watch = new Watch(check, others, [...last.values()].flatMap(({ pointId, value, quality }) => (quality === 'good' ? [[pointId, value] as const] : [])))
      const attempt = new Attempt(check, watch, clock)
      attempt.#stop = stop
      heard = (reading) => attempt.#judged(watch.take(reading))
      return attempt
    } catch (error) {
      stop()
      throw error
    }
  }

  get calledAt(): EpochMs | null { return this.#calledAt }
  /** It moved, and nobody had said that he does it: that proves nothing. */
  get early(): boolean { return this.#calledAt === null && this.#watch.early }

  /** "I do it now". Once more: the time begins anew. */
  call(): void {
    this.#calledAt = this.#clock.now()
    this.#watch.call()
    this.#cancel()
    this.#look()
  }
  settle(result: CheckResult): void { this.#resolve(result) }
  /** It is called off; what was already known stays. */
  [Symbol.dispose](): void { this.#stop(); this.#cancel() }
  end(): void { this.#resolve(null) }

  /** Only once it is called: until then nothing can come of it. */
  #look(): void {
    this.#cancel = this.#clock.after(lookMs, () => { this.#look(); this.#judged(this.#watch.tick(this.#clock.now())) })
  }
  #judged(verdict: Verdict | null): void {
    if (!verdict) return
    const { before, after, at, receivedAt } = verdict.seen
    // A device's clock that is behind would make the answer older than the question.
    const called = this.#calledAt !== null && this.#calledAt <= at ? { stimulusAt: this.#calledAt } : {}
    const seen = { ...namedCheck(this.check), ...called, seenAt: at, receivedAt, before, after }
    this.#resolve(verdict.outcome === 'seen' ? { ...seen, outcome: 'passed' } : { ...seen, outcome: 'failed', swappedWith: verdict.other })
  }
}
