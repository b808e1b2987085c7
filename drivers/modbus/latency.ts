/** Quarter-octave buckets from 1/16 ms to over a minute; old answers count for less and less. */
const bucketsPerOctave = 4
const buckets = 84
const kept = 1_000

/** How long answers take, as percentiles of about the last thousand. Fixed memory, a few nanoseconds an answer. */
export class Latency {
  readonly #counts = new Uint32Array(buckets)
  #total = 0
  add(ms: number): void {
    const bucket = ms <= 1 / 16 ? 0 : Math.min(buckets - 1, Math.round(Math.log2(ms * 16) * bucketsPerOctave))
    this.#counts[bucket]!++
    if (++this.#total < kept * 2) return
    this.#total = 0
    for (let index = 0; index < buckets; index++) this.#total += this.#counts[index] = this.#counts[index]! >> 1
  }
  /** Milliseconds; 0 when nothing was answered. Within 9 % of the true one. */
  percentile(share: number): number {
    let left = this.#total * share
    if (this.#total === 0) return 0
    for (let index = 0; index < buckets; index++) {
      left -= this.#counts[index]!
      if (left <= 0) return Math.round(2 ** (index / bucketsPerOctave) / 16 * 100) / 100
    }
    return 0
  }
}
