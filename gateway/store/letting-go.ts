import type { PerStream, Stream } from '../contract/index.ts'
import type { Database } from './database.ts'
import { compare, recordKey, recordPrefix, trimKey } from './keys.ts'
import type { Trim } from './opening.ts'
import type { Place } from './reader.ts'
import { seal } from './sealed.ts'

/** Deletes what every reader has settled. One deletion in the air per stream; those that follow find the newest place. */
export class LettingGo {
  readonly #database: Database
  readonly #trims: Record<Stream, Trim>
  readonly #placesIn: (stream: Stream) => readonly Place[]
  readonly #working = new Map<Stream, Promise<void>>()

  constructor(database: Database, trims: PerStream<Trim>, placesIn: (stream: Stream) => readonly Place[]) {
    this.#database = database
    this.#trims = trims
    this.#placesIn = placesIn
  }

  /** Waits for nothing and never throws: what cannot be deleted now costs room, and goes with the next. */
  upTo(stream: Stream): void {
    if (this.#working.has(stream)) return
    this.#working.set(stream, this.#delete(stream).catch(() => {}).finally(() => this.#working.delete(stream)))
  }

  async idle(): Promise<void> { await Promise.all(this.#working.values()) }

  async #delete(stream: Stream): Promise<void> {
    for (;;) {
      const [first, ...others] = this.#placesIn(stream)
      if (!first) return
      const { at, records, bytes } = others.reduce((a, b) => (compare(a.at, b.at) <= 0 ? a : b), first)
      const from = this.#trims[stream]!
      if (!at || compare(at, from.at) <= 0) return
      const slowest: Trim = { at, records, bytes }
      await this.#database.run((level) => level.clear({ gt: from.at ? recordKey(stream, from.at) : recordPrefix(stream), lte: recordKey(stream, at) }))
      await this.#database.run((level) => level.put(trimKey(stream), seal(trimKey(stream), slowest)))
      if (compare(at, this.#trims[stream]!.at) > 0) this.#trims[stream] = slowest
    }
  }
}
