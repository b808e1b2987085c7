import type { Clock } from '../contract/index.ts'

/** So many commits may come early after a quiet time. */
const most = 100

/** Flash wear follows commits: the timer's rate is their budget, and those that were not needed are saved up for who would rather not wait. */
export class Pace {
  readonly #clock: Clock
  readonly #everyMs: number
  #saved = most
  #at: number

  constructor(clock: Clock, commitMs: number) { this.#clock = clock; this.#everyMs = Math.max(1, commitMs); this.#at = clock.monotonic() }

  get spare(): boolean { return this.#earned() >= 1 }

  /** For each commit, whoever wanted it. */
  spend(): void {
    this.#saved = Math.max(0, this.#earned() - 1)
    this.#at = this.#clock.monotonic()
  }

  #earned(): number { return Math.min(most, this.#saved + (this.#clock.monotonic() - this.#at) / this.#everyMs) }
}
