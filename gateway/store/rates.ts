import type { Clock, Stream } from '../contract/index.ts'
import type { Heads } from './heads.ts'

interface Sample { readonly at: number; readonly bytes: ReadonlyMap<Stream, number> }

const everyMs = 60_000
const kept = 10

/** How fast each stream grows, over the last ten minutes. One sample a minute. */
export class Rates {
  readonly #clock: Clock
  readonly #samples: Sample[] = []

  constructor(clock: Clock, heads: Heads) { this.#clock = clock; this.#take(heads) }

  /** After each commit. */
  note(heads: Heads): void { if (this.#clock.monotonic() - this.#samples.at(-1)!.at >= everyMs) this.#take(heads) }

  /** Bytes a second; 0 within the first second. */
  perSecond(heads: Heads, stream: Stream): number {
    const [oldest] = this.#samples
    const seconds = (this.#clock.monotonic() - oldest!.at) / 1_000
    return seconds < 1 ? 0 : Math.max(0, heads[stream]!.bytes - oldest!.bytes.get(stream)!) / seconds
  }

  #take(heads: Heads): void {
    this.#samples.push({ at: this.#clock.monotonic(), bytes: new Map(Object.entries(heads).map(([stream, { bytes }]) => [stream, bytes])) })
    if (this.#samples.length > kept) this.#samples.shift()
  }
}
