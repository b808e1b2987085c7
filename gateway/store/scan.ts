import type { Position, Stored, Stream } from '../contract/index.ts'
import type { Level } from './database.ts'
import type { StreamHead } from './heads.ts'
import type { Ends } from './epoch.ts'
import { compare, positionOf, recordKey, recordPrefix } from './keys.ts'
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

export interface ScanOptions {
  readonly stream: Stream
  readonly after: Position | null
  readonly limit: number
  /** Everything up to here was removed on purpose. */
  readonly trimmed: Position | null
  /** The last durable record; what lies beyond it was never committed. */
  readonly head: StreamHead
  /** The present epoch. */
  readonly epoch: string
  /** Where earlier epochs ended, the oldest first. */
  readonly ends: readonly Ends[]
}

export interface Range { readonly epoch: string; readonly from: number; readonly to: number }
/** Before everything. */
export const beginning: Position = { epoch: '', seq: 0 }

/** The records after a position, and every hole between them that is not explained by `trimmed`. A record that fails its CRC is a hole. */
export async function scan(level: Level, { stream, after, limit, trimmed, head, epoch, ends }: ScanOptions): Promise<Scan> {
  const records: Scanned[] = []
  const gaps: Gap[] = []
  const damaged: [string, Buffer][] = []
  let last = (compare(after, trimmed) >= 0 ? after : trimmed) ?? beginning
  const upTo: Position = { epoch, seq: head.epoch === epoch ? head.seq : 0 }
  const range = { gt: last === beginning ? recordPrefix(stream) : recordKey(stream, last), lte: recordKey(stream, upTo), limit }
  const entries = await level.iterator(range).all()
  for (const [key, value] of entries) {
    const frame = decodeFrame(key, value)
    if (!frame) { damaged.push([key, value]); continue }
    const position = positionOf(key)
    if (position.seq !== last.seq + 1 || position.epoch !== last.epoch) gaps.push(...damageBetween(stream, last, position, ends, frame.prevHash))
    records.push({ stream, ...position, at: frame.at, encoding: frame.encoding, bytes: frame.payload, prevHash: frame.prevHash, totals: { records: frame.records, bytes: frame.bytes } })
    last = position
  }
  // The tail: more was written than the database still has.
  if (entries.length < limit) gaps.push(...damageBetween(stream, last, { epoch, seq: upTo.seq + 1 }, ends, head.hash))
  return { records, damaged, gaps: gaps.map((gap) => ({ ...gap, hashBefore: hashBeforeOf(gap, records) })) }
}

/** What lies between: the rest of the one's epoch, whole epochs, the beginning of the other's. */
export function missingBetween(last: Position, next: Position, stream: Stream, ends: readonly Ends[]): readonly Range[] {
  if (last.epoch === next.epoch) return [{ epoch: next.epoch, from: last.seq + 1, to: next.seq - 1 }].filter(isSome)
  const before = ends.filter(({ epoch }) => epoch >= last.epoch && epoch < next.epoch).map(({ epoch, seqs }) => ({ epoch, from: epoch === last.epoch ? last.seq + 1 : 1, to: seqs[stream] ?? 0 }))
  return [...before, { epoch: next.epoch, from: 1, to: next.seq - 1 }].filter(isSome)
}
const isSome = ({ from, to }: Range): boolean => from <= to

/** `hash`: of the record before `next`. */
function damageBetween(stream: Stream, last: Position, next: Position, ends: readonly Ends[], hash: string): readonly Gap[] {
  return missingBetween(last, next, stream, ends).map((range) => ({ stream, ...range, reason: 'log-damage', hashBefore: '', hashAfter: range.epoch === next.epoch ? hash : '' }))
}

function hashBeforeOf(gap: Gap, records: readonly Scanned[]): string {
  const before = records.find(({ epoch, seq }) => epoch === gap.epoch && seq === gap.from - 1)
  return before ? hashOfStored(before) : gap.hashBefore
}
