const windowMs = 60_000

/** At most `perMinute` messages in any 60 s of the monotonic clock. */
export class Budget {
  readonly #perMinute: number
  #spent: number[] = []
  constructor(perMinute: number) { this.#perMinute = perMinute }

  /** 0: a message may go now. */
  waitMs(now: number): number {
    this.#spent = this.#spent.filter((at) => now - at < windowMs)
    return this.#spent.length < this.#perMinute ? 0 : this.#spent[this.#spent.length - this.#perMinute]! + windowMs - now
  }
  spend(now: number): void { this.#spent.push(now) }
}
