import type { EpochMs, GatewayEvent, PerStream, Position, Stream } from '../contract/index.ts'
import { emptyHeads, type Heads, type StreamHead } from './batch.ts'
import type { Level } from './database.ts'
import type { MarkContent } from './epoch.ts'
import { compare, headKey, perStream, positionOf, recordEnd, recordPrefix, trimKey } from './keys.ts'
import { decodeFrame, hashOfFrame } from './record.ts'

/** What was removed on purpose, with the totals up to there. */
export interface Trim { readonly at: Position | null; readonly records: number; readonly bytes: number }
export interface Found { readonly heads: Heads; readonly trims: PerStream<Trim>; readonly lastStored: Readonly<PerStream<Position | null>> }
export const noTrim: Trim = { at: null, records: 0, bytes: 0 }

/** The state of an opened database. A head that damage took is rebuilt from the last sound record. */
export async function readHeads(level: Level, streams: readonly Stream[]): Promise<Found> {
  const heads: PerStream<StreamHead> = { ...emptyHeads(streams) }
  const trims = perStream(streams, (): Trim => noTrim)
  const lastStored = perStream(streams, (): Position | null => null)
  for (const stream of streams) {
    trims[stream] = parse<Trim>(await level.get(trimKey(stream))) ?? noTrim
    const written = parse<StreamHead>(await level.get(headKey(stream)))
    const last = await lastRecord(level, stream)
    lastStored[stream] = last
    heads[stream] = written && compare(written, last) >= 0 ? written : last ?? heads[stream]!
  }
  return { heads, trims, lastStored }
}

async function lastRecord(level: Level, stream: Stream): Promise<StreamHead | null> {
  for await (const [key, value] of level.iterator({ gt: recordPrefix(stream), lt: recordEnd(stream), reverse: true })) {
    const frame = decodeFrame(key, value)
    if (frame) return { ...positionOf(key), hash: hashOfFrame(frame), records: frame.records, bytes: frame.bytes, at: frame.at }
  }
  return null
}

export function parse<T>(value: Buffer | undefined): T | undefined {
  if (!value) return undefined
  try { return JSON.parse(value.toString()) as T } catch { return undefined }
}

export interface Opening {
  readonly previous: string | null
  readonly found: Found
  /** The furthest place of any reader. */
  readonly places: Readonly<PerStream<Position | null>>
  readonly mark: MarkContent | null
  /** The database is a new one in place of one that was beyond repair. */
  readonly replaced: boolean
  readonly at: EpochMs
}

/**
 * The first ledger entries of an epoch: how the last one ended, and a gap for each stream whose tail the log has lost: the mark or the
 * head says it was written, and neither a record nor a trim explains where it went.
 */
export function openingEvents({ previous, found, places, mark, replaced, at }: Opening): readonly GatewayEvent[] {
  if (previous === null) return []
  const gaps: GatewayEvent[] = []
  // Of a lost database nothing is known but how far each epoch had got: all of it is declared, whether or not it was delivered before.
  for (const { epoch, seqs } of replaced ? mark?.older ?? [] : []) {
    if (epoch !== previous) for (const [stream, to] of Object.entries(seqs)) if (to > 0) gaps.push(gapEvent(at, { stream, epoch, from: 1, to, reason: 'log-damage', hashBefore: '', hashAfter: '' }))
  }
  const ends = perStream(Object.keys(found.heads), (stream) => {
    const head = found.heads[stream]!
    const { seq, hash } = head.epoch === previous ? head : { seq: 0, hash: '' }
    const reached = mark?.epoch === previous ? Math.max(seq, mark.seqs[stream] ?? 0) : seq
    const kept = Math.max(...[found.lastStored[stream], found.trims[stream]!.at, places[stream]].map((place) => (place?.epoch === previous ? place.seq : 0)))
    if (reached > kept) gaps.push(gapEvent(at, { stream, epoch: previous, from: kept + 1, to: reached, reason: 'log-damage', hashBefore: kept === seq ? hash : '', hashAfter: reached === seq ? hash : '' }))
    return { seq: reached, hash: reached === seq ? hash : '' }
  })
  return [{ stream: 'ledger', type: 'epoch', at, data: { closes: previous, streams: ends } }, ...gaps]
}

export interface Gap {
  readonly stream: Stream
  readonly epoch: string
  readonly from: number
  readonly to: number
  /** `quota`: dropped for room. `log-damage`: the log lost it. `refused`: the consumer would not take it; it is a dead letter now. */
  readonly reason: 'quota' | 'log-damage' | 'refused'
  /** The uplinks that lose it; absent: all of them. */
  readonly uplinks?: readonly string[]
  /** Hash of the record before, and of the last one lost; '' where nobody knows. */
  readonly hashBefore: string
  readonly hashAfter: string
}
export const gapEvent = (at: EpochMs, gap: Gap): GatewayEvent => ({ stream: 'ledger', type: 'gap', at, data: { ...gap } })
