import type { EpochMs, GatewayEvent, PerStream, Position, Stream } from '../contract/index.ts'
import { emptyHeads, type Heads, type StreamHead } from './heads.ts'
import type { Level } from './database.ts'
import type { Ends } from './epoch.ts'
import { compare, headKey, perStream, positionOf, recordEnd, recordKey, recordPrefix, trimKey } from './keys.ts'
import { decodeFrame, hashOfFrame, sizeOf } from './record.ts'
import { unseal } from './sealed.ts'

/** What was removed on purpose, with the totals up to there. */
export interface Trim { readonly at: Position | null; readonly records: number; readonly bytes: number }
export interface Found { readonly heads: Heads; readonly trims: PerStream<Trim>; readonly lastStored: Readonly<PerStream<Position | null>> }
export const noTrim: Trim = { at: null, records: 0, bytes: 0 }

/**
 * LevelDB finds the end of a range only at the next key that is there, and passes over every deleted one on its way: a million of them after
 * a long outage. So a key stands behind each range.
 */
export async function raiseFences(level: Level, streams: readonly Stream[]): Promise<void> {
  const keys = [...streams.map(recordEnd), ...roomEnds]
  const missing = (await level.getMany(keys)).flatMap((value, index) => (value ? [] : [{ type: 'put' as const, key: keys[index]!, value: Buffer.from('fence') }]))
  if (missing.length > 0) await level.batch(missing)
}
const roomEnds = ['d0', 'h0', 'p0', 'q0', 's0', 't0']

/** The state of an opened database. A head that damage took is rebuilt from the last sound record, a trim's totals from the first. */
export async function readHeads(level: Level, streams: readonly Stream[]): Promise<Found> {
  const heads: PerStream<StreamHead> = { ...emptyHeads(streams) }
  const trims = perStream(streams, (): Trim => noTrim)
  const lastStored = perStream(streams, (): Position | null => null)
  for (const stream of streams) {
    const trim = unseal<Trim>(trimKey(stream), await level.get(trimKey(stream)))
    const written = unseal<StreamHead>(headKey(stream), await level.get(headKey(stream)))
    const last = await lastRecord(level, stream, trim?.at ?? null, written ?? null)
    lastStored[stream] = last
    heads[stream] = written && compare(written, last) >= 0 ? written : last ?? heads[stream]!
    trims[stream] = trim ?? await trimBefore(level, stream, heads[stream]!)
  }
  return { heads, trims, lastStored }
}

/**
 * The last sound record after the trim. Deleted ones are passed over one by one until LevelDB merges its tables, and that may be millions: so
 * what lies where the head says is looked at first, and the way back from the end is for a damaged store.
 */
async function lastRecord(level: Level, stream: Stream, trimmed: Position | null, written: StreamHead | null): Promise<StreamHead | null> {
  const known = compare(written, trimmed) >= 0 ? written : trimmed
  if (written && known) {
    const beyond = await level.keys({ gt: recordKey(stream, known), lt: recordEnd(stream), limit: 1 }).all()
    if (beyond.length === 0 && compare(written, trimmed) <= 0) return null
    const key = recordKey(stream, known)
    const value = await level.get(key)
    if (beyond.length === 0 && value && decodeFrame(key, value)) return written
  }
  for await (const [key, value] of level.iterator({ gt: trimmed ? recordKey(stream, trimmed) : recordPrefix(stream), lt: recordEnd(stream), reverse: true })) {
    const frame = decodeFrame(key, value)
    if (frame) return { ...positionOf(key), hash: hashOfFrame(frame), records: frame.records, bytes: frame.bytes, at: frame.at }
  }
  return null
}

/** `at` stays null: better a gap for what was delivered than a loss that nobody declares. */
async function trimBefore(level: Level, stream: Stream, head: StreamHead): Promise<Trim> {
  if (head.records === 0) return noTrim
  for await (const [key, value] of level.iterator({ gt: recordPrefix(stream), lt: recordEnd(stream) })) {
    const frame = decodeFrame(key, value)
    if (frame) return { at: null, records: frame.records - 1, bytes: frame.bytes - sizeOf(frame.payload) }
  }
  return { at: null, records: head.records, bytes: head.bytes }
}

export interface Opening {
  readonly previous: string | null
  readonly found: Found
  /** The furthest place of any reader. */
  readonly places: Readonly<PerStream<Position | null>>
  readonly mark: Ends | null
  /** Of epochs before the previous one. */
  readonly older: readonly Ends[]
  /** The database is a new one in place of one that was beyond repair. */
  readonly replaced: boolean
  readonly restored: boolean
  readonly at: EpochMs
}

/**
 * The first ledger entries of an epoch: how the last one ended, and a gap for each stream whose tail the log has lost: the mark or the
 * head says it was written, and neither a record nor a trim explains where it went. `atLeast`: it may have gone on after what is known.
 */
export function openingEvents({ previous, found, places, mark, older, replaced, restored, at }: Opening): readonly GatewayEvent[] {
  if (previous === null) return []
  const gaps: GatewayEvent[] = []
  // Of a lost database nothing is known but how far each epoch had got: all of it is declared, whether or not it was delivered before.
  for (const { epoch, seqs } of replaced ? older : []) {
    for (const [stream, to] of Object.entries(seqs)) if (to > 0) gaps.push(gapEvent(at, { stream, epoch, from: 1, to, reason: 'log-damage', hashBefore: '', hashAfter: '' }))
  }
  const ends = perStream(Object.keys(found.heads), (stream) => {
    const head = found.heads[stream]!
    const { seq, hash } = head.epoch === previous ? head : { seq: 0, hash: '' }
    const reached = mark?.epoch === previous ? Math.max(seq, mark.seqs[stream] ?? 0) : seq
    const kept = Math.max(...[found.lastStored[stream], found.trims[stream]!.at, places[stream]].map((place) => (place?.epoch === previous ? place.seq : 0)))
    if (reached > kept) gaps.push(gapEvent(at, { stream, epoch: previous, from: kept + 1, to: reached, reason: 'log-damage', hashBefore: kept === seq ? hash : '', hashAfter: reached === seq ? hash : '' }))
    return { seq: reached, hash: reached === seq ? hash : '' }
  })
  const unsure = restored || replaced || gaps.length > 0 || mark?.epoch !== previous
  return [...unclosed({ previous, found, older, replaced, at }), { stream: 'ledger', type: 'epoch', at, data: { closes: previous, streams: ends, ...(unsure ? { atLeast: true } : {}) } }, ...gaps]
}

/** An opening that died before its first entry has left the epoch before it without an end: the ledger's last entry is as old as that. */
function unclosed({ previous, found, older, replaced, at }: Pick<Opening, 'found' | 'older' | 'replaced' | 'at'> & { readonly previous: string }): readonly GatewayEvent[] {
  // Of a lost database the last entry is not known; its earlier epochs are declared as gaps to their ends.
  if (replaced) return []
  return older.filter(({ epoch }) => epoch >= found.heads.ledger.epoch && epoch < previous).map(({ epoch, seqs }) => {
    const streams = perStream(Object.keys(seqs), (stream) => ({ seq: seqs[stream]!, hash: found.heads[stream]?.epoch === epoch && found.heads[stream].seq === seqs[stream] ? found.heads[stream].hash : '' }))
    return { stream: 'ledger', type: 'epoch', at, data: { closes: epoch, streams, atLeast: true } }
  })
}

export interface Gap {
  readonly stream: Stream
  readonly epoch: string
  readonly from: number
  readonly to: number
  /** `quota`: dropped for room. `log-damage`: the log lost it. `refused`: the consumer would not take it; it is a dead letter now. `removed`: the site file no longer names the stream. */
  readonly reason: 'quota' | 'log-damage' | 'refused' | 'removed'
  /** The uplinks that lose it; absent: all of them. */
  readonly uplinks?: readonly string[]
  /** Hash of the record before, and of the last one lost; '' where nobody knows. */
  readonly hashBefore: string
  readonly hashAfter: string
}
export const gapEvent = (at: EpochMs, gap: Gap): GatewayEvent => ({ stream: 'ledger', type: 'gap', at, data: { ...gap } })
