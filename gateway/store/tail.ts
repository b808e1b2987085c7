import type { Position, Stream } from '../contract/index.ts'
import type { Scanned } from './scan.ts'

/** Of each stream, as stored. */
const keptBytes = 32 << 10

/** The newest records of this epoch, in memory: an alert that was just stored goes out without being read again. */
export class Tail {
  readonly #streams = new Map<Stream, { readonly records: Scanned[]; bytes: number }>()

  /** Durable ones, in the order of their numbers. */
  add(records: readonly Scanned[]): void {
    for (const record of records) {
      let kept = this.#streams.get(record.stream)
      if (!kept) this.#streams.set(record.stream, kept = { records: [], bytes: 0 })
      kept.records.push(record)
      kept.bytes += record.bytes.length
      while (kept.bytes > keptBytes) kept.bytes -= kept.records.shift()!.bytes.length
    }
  }

  /** What follows `after` without a hole; empty when that is not here. */
  after(stream: Stream, after: Position | null, limit: number): readonly Scanned[] {
    const records = this.#streams.get(stream)?.records ?? []
    const [first] = records
    if (!first || after?.epoch !== first.epoch || after.seq < first.seq - 1) return []
    const from = after.seq + 1 - first.seq
    return records.slice(from, from + limit)
  }
}
