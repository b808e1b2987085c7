import type { Clock } from '../contract/index.ts'

export interface Rate { readonly burst: number; readonly everyMs: number }
interface Bucket { tokens: number; at: number; refused: number }

const maxBuckets = 10_000

/** Token buckets by key, by the monotonic clock. Full ones are forgotten when there are many. */
export class Buckets {
  readonly #clock: Clock
  readonly #rate: Rate
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock, rate: Rate) { this.#clock = clock; this.#rate = rate }

  /** 0 when it may; else how many were refused since one last might, this one counted. */
  take(key: string): number {
    const now = this.#clock.monotonic()
    const { burst, everyMs } = this.#rate
    let bucket = this.#buckets.get(key)
    if (!bucket) {
      if (this.#buckets.size >= maxBuckets) this.#forget(now)
      this.#buckets.set(key, bucket = { tokens: burst, at: now, refused: 0 })
    }
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / everyMs)
    bucket.at = now
    if (bucket.tokens < 1) return ++bucket.refused
    bucket.tokens--
    bucket.refused = 0
    return 0
  }

  #forget(now: number): void {
    const { burst, everyMs } = this.#rate
    for (const [key, { tokens, at }] of this.#buckets) if (tokens + (now - at) / everyMs >= burst) this.#buckets.delete(key)
    // All in use: the one that was asked longest ago begins anew.
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size >= maxBuckets && oldest !== undefined) this.#buckets.delete(oldest)
  }
}
