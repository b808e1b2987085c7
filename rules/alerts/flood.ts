import type { EpochMs } from '../../gateway/contract/index.ts'

/** ISA-18.2: more than ten new alarms in ten minutes cannot be handled one by one. It ends at half as many. */
export class Flood {
  readonly #limit: number
  readonly #withinMs: number
  readonly #max = 1_000
  #times: EpochMs[] = []
  #since: EpochMs | null = null
  #count = 0
  constructor({ alerts, within }: { readonly alerts: number; readonly within: number }) { this.#limit = alerts; this.#withinMs = within }

  get active(): boolean { return this.#since !== null }

  /** A new alert. True when it begins a flood. */
  add(at: EpochMs): boolean {
    this.#prune(at)
    this.#times.push(at)
    if (this.#times.length > this.#max) this.#times.shift()
    if (this.#since !== null) { this.#count++; return false }
    if (this.#times.length <= this.#limit) return false
    this.#since = this.#times[0]!
    this.#count = this.#times.length
    return true
  }

  /** True when it is over. */
  ended(now: EpochMs): boolean {
    this.#prune(now)
    if (this.#since === null || this.#times.length > this.#limit / 2) return false
    this.#since = null
    return true
  }

  /** When it might be over. */
  wakeAt(): EpochMs | undefined {
    if (this.#since === null) return undefined
    const first = this.#times[Math.max(0, Math.ceil(this.#times.length - this.#limit / 2) - 1)]
    return first === undefined ? -Infinity : first + this.#withinMs + 1
  }

  summary(): { readonly since: EpochMs; readonly count: number } | null { return this.#since === null ? null : { since: this.#since, count: this.#count } }

  /** After a restart: when what is still remembered was new. */
  restore(times: readonly EpochMs[]): void {
    this.#times = times.toSorted((a, b) => a - b).slice(-this.#max)
    this.#prune(this.#times.at(-1) ?? 0)
    if (this.#times.length > this.#limit) { this.#since = this.#times[0]!; this.#count = this.#times.length }
  }

  #prune(now: EpochMs): void { this.#times = this.#times.filter((at) => now - at <= this.#withinMs) }
}
