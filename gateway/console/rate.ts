import type { Clock } from '../contract/index.ts'

interface Bucket { tokens: number; at: number }
const maxAddresses = 5_000

/** So many requests a second and address, with some to spare; an address that is full waits. Bounded: the longest silent one is let go. */
export class RateLimit {
  readonly #clock: Clock
  readonly #buckets = new Map<string, Bucket>()
  constructor(clock: Clock) { this.#clock = clock }

  /** Whether {@link takes} would. */
  mayTake(address: string, perSecond: number, burst: number): boolean { return this.#tokens(address, this.#clock.monotonic(), perSecond, burst) >= 1 }

  takes(address: string, perSecond: number, burst: number): boolean {
    const now = this.#clock.monotonic()
    const tokens = this.#tokens(address, now, perSecond, burst)
    this.#buckets.delete(address)
    this.#buckets.set(address, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
    if (this.#buckets.size > maxAddresses) this.#buckets.delete(this.#buckets.keys().next().value!)
    return tokens >= 1
  }

  #tokens(address: string, now: number, perSecond: number, burst: number): number {
    const before = this.#buckets.get(address)
    return before ? Math.min(burst, before.tokens + (now - before.at) * perSecond / 1_000) : burst
  }
}
