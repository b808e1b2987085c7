import type { EpochMs, Stream } from '../../gateway/contract/index.ts'

/** From, to: times of what records hold. */
export type Stretch = readonly [from: EpochMs, to: EpochMs]
interface Seen { readonly seq: number; readonly from: EpochMs; readonly to: EpochMs }

/** Which records of a capture are there, and between which moments some are missing. An epoch's numbers begin with 1 and have no hole. */
export class Sequences {
  /** Stream, then epoch. */
  readonly #seen = new Map<Stream, Map<string, Seen[]>>()
  readonly #ends = new Map<Stream, Map<string, number>>()

  add(stream: Stream, epoch: string, record: Seen): void {
    const list = listOf(this.#seen, stream).get(epoch)
    if (list) list.push(record)
    else listOf(this.#seen, stream).set(epoch, [record])
  }
  /** From the ledger: how far an epoch went. */
  closed(stream: Stream, epoch: string, seq: number): void { listOf(this.#ends, stream).set(epoch, seq) }

  /** Without a record missing, in order, within [from, to]. */
  stretches(from: EpochMs, to: EpochMs): readonly Stretch[] {
    const holes = [...this.#seen.keys()].flatMap((stream) => this.#holes(stream, to)).toSorted((a, b) => a[0] - b[0])
    const out: Stretch[] = []
    let begin = from
    for (const [start, end] of holes) {
      if (start > begin) out.push([begin, start])
      begin = Math.max(begin, end)
    }
    return begin <= to ? [...out, [begin, to]] : out
  }

  #holes(stream: Stream, to: EpochMs): readonly Stretch[] {
    const seen = this.#seen.get(stream)!
    const ends = this.#ends.get(stream)
    const first = [...seen.keys()].toSorted()[0]!
    const holes: Stretch[] = []
    let last: EpochMs | null = null
    let lost = false
    // Epochs sort by age. What lies before the first record of all was before the capture.
    for (const epoch of [...new Set([...seen.keys(), ...ends?.keys() ?? []])].filter((each) => each >= first).toSorted()) {
      const records = (seen.get(epoch) ?? []).toSorted((a, b) => a.seq - b.seq)
      let next = last === null ? records[0]!.seq : 1
      for (const record of records) {
        if ((record.seq > next || lost) && last !== null) holes.push([last, Math.max(last, record.from)])
        lost = false
        next = record.seq + 1
        last = Math.max(last ?? record.to, record.to)
      }
      lost ||= (ends?.get(epoch) ?? 0) >= next
    }
    if (lost && last !== null) holes.push([last, Math.max(last, to)])
    return holes
  }
}

function listOf<V>(of: Map<Stream, Map<string, V>>, stream: Stream): Map<string, V> {
  const list = of.get(stream) ?? new Map<string, V>()
  of.set(stream, list)
  return list
}
