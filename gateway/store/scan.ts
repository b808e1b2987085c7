import type { Position, Stored, Stream } from '../contract/index.ts'
import type { Level } from './database.ts'
import type { StreamHead } from './batch.ts'
import { compare, positionOf, recordEnd, recordKey, recordPrefix } from './keys.ts'
import type { Gap } from './opening.ts'
import { decodeFrame, hashOfStored } from './record.ts'

/** A stored record with the stream's totals up to it. */
export interface Scanned extends Stored { readonly prevHash: string; readonly totals: { readonly records: number; readonly bytes: number } }

export interface Scan {
  readonly records: readonly Scanned[]
  readonly gaps: readonly Gap[]
  /** Entries that failed their CRC. */
  readonly damaged: readonly (readonly [key: string, value: Buffer])[]
}

/**
 * The records after a position, and every hole between them that is not explained by `trimmed`. A record that fails its CRC is a hole.
 * `head` bounds what can be missing at the end of the current epoch.
 */
export async function scan(level: Level, stream: Stream, after: Position | null, limit: number, trimmed: Position | null, head: StreamHead): Promise<Scan> {
  const records: Scanned[] = []
  const gaps: Gap[] = []
  const damaged: [string, Buffer][] = []
  let last = compare(after, trimmed) >= 0 ? after : trimmed
  const range = { gt: last ? recordKey(stream, last) : recordPrefix(stream), lt: recordEnd(stream), limit }
  const entries = await level.iterator(range).all()
  for (const [key, value] of entries) {
    const frame = decodeFrame(key, value)
    if (!frame) { damaged.push([key, value]); continue }
    const position = positionOf(key)
    const missing = missingBefore(last, position)
    if (missing) gaps.push({ stream, ...missing, reason: 'log-damage', hashBefore: '', hashAfter: frame.prevHash })
    records.push({ stream, ...position, at: frame.at, encoding: frame.encoding, bytes: frame.payload, prevHash: frame.prevHash, totals: { records: frame.records, bytes: frame.bytes } })
    last = position
  }
  // The tail: the head says more was written than the database still has.
  if (entries.length < limit && last && head.epoch === last.epoch && head.seq > last.seq) {
    gaps.push({ stream, epoch: head.epoch, from: last.seq + 1, to: head.seq, reason: 'log-damage', hashBefore: '', hashAfter: head.hash })
  }
  return { records, damaged, gaps: gaps.map((gap) => ({ ...gap, hashBefore: hashBeforeOf(gap, records) })) }
}

/** null when nothing is missing. A stream that begins in the middle for a reader without a place is its beginning. */
function missingBefore(last: Position | null, next: Position): { readonly epoch: string; readonly from: number; readonly to: number } | null {
  if (!last) return null
  const expected = last.epoch === next.epoch ? last.seq + 1 : 1
  return next.seq > expected ? { epoch: next.epoch, from: expected, to: next.seq - 1 } : null
}

function hashBeforeOf(gap: Gap, records: readonly Scanned[]): string {
  const before = records.find(({ epoch, seq }) => epoch === gap.epoch && seq === gap.from - 1)
  return before ? hashOfStored(before) : gap.hashBefore
}
