import type { Clock } from '../../gateway/contract/index.ts'

/** A token bucket a name, full at first: as many at once as a minute allows. The names come from the site file, so they are few. */
export class Rates {
  readonly #clock: Clock
  readonly #buckets = new Map<string, { tokens: number; at: number }>()
  constructor(clock: Clock) { this.#clock = clock }

  take(name: string, perMinute: number): boolean {
    const now = this.#clock.monotonic()
    const bucket = this.#buckets.get(name) ?? { tokens: perMinute, at: now }
    bucket.tokens = Math.min(perMinute, bucket.tokens + (now - bucket.at) * perMinute / 60_000)
    bucket.at = now
    this.#buckets.set(name, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
}
