import type { GatewayEvent, PerStream, Position, Stream } from '../contract/index.ts'
import type { Heads } from './heads.ts'
import type { Database, Level, Operation } from './database.ts'
import { compare, isLocal, recordEnd, recordKey, recordPrefix, positionOf, trimKey } from './keys.ts'
import { gapEvent, type Gap, type Trim } from './opening.ts'
import { decodeFrame, hashOfFrame, type Frame } from './record.ts'
import { putSealed } from './sealed.ts'

/** Bytes of records on disk: of all streams together, and of a stream alone where it has a share of its own. */
export interface Quotas { readonly maxBytes: number; readonly streams: Readonly<Record<Stream, number>> }

/** Who has settled what: a reader's name and its place in one stream. */
export interface Placed { readonly name: string; readonly at: Position | null }

export interface RoomParts {
  readonly database: Database
  readonly heads: Heads
  readonly trims: Readonly<PerStream<Trim>>
  readonly quotas: Quotas
  /** Law 7: what gives way first stands first. */
  readonly sacrificed: readonly Stream[]
  /** The readers that take the stream. */
  readers(stream: Stream): readonly Placed[]
  /** Who reads is known: what nobody reads may go. */
  readonly settled: boolean
  readonly at: number
}

export interface Dropped {
  readonly events: readonly GatewayEvent[]
  /** Readers that had not read all of the ledger's entries among it: with those goes the news of gaps. */
  readonly unheard: ReadonlySet<string>
  readonly operations: readonly Operation[]
  readonly trims: ReadonlyMap<Stream, Trim>
}

/** Room is made in steps, so that a full store does not do this for every commit. */
const target = 0.97
/** Of the ledger, because it costs entries to make room in it. */
const ledgerTarget = 0.5
const maxDropped = 10_000
/** Of a stream that nobody reads. */
const keptUnread = 1 << 20
/** Of all the room, where the ledger has no share of its own: what an uplink that is gone never hears of its losses drives nothing else out. */
const ledgerShare = (maxBytes: number): number => Math.max(maxBytes / 8, 128 << 10)

export const usedOf = (heads: Heads, trims: Readonly<PerStream<Trim>>, stream: Stream): number => Math.max(0, heads[stream]!.bytes - trims[stream]!.bytes)
export const usedBytes = (heads: Heads, trims: Readonly<PerStream<Trim>>): number => Object.keys(heads).reduce((sum, stream) => sum + usedOf(heads, trims, stream), 0)

/** How much a quota is exceeded, with the step that is made in one go; 0 when it is not. */
const excessOf = (used: number, quota: number, to = target): number => (used <= quota ? 0 : used - quota * to)

/**
 * A stream above its own share drops its own oldest; above the whole quota goes first what some reader has and another lags behind with, for
 * one that is gone costs the others nothing, then the oldest of the most expendable stream. Each hole is declared in the batch that makes
 * it, naming the readers that lose; what all of them have settled is nobody's loss. null: nothing to do.
 */
export async function makeRoom(parts: RoomParts): Promise<Dropped | null> {
  const { heads, quotas, sacrificed, database, at, readers } = parts
  const trims: PerStream<Trim> = { ...parts.trims }
  let whole = excessOf(usedBytes(heads, trims), quotas.maxBytes)
  const own = (stream: Stream): number => {
    const used = usedOf(heads, trims, stream)
    const unread = parts.settled && used > keptUnread && readers(stream).length === 0
    if (stream === 'ledger' && !unread) return excessOf(used, quotas.streams[stream] ?? ledgerShare(quotas.maxBytes), ledgerTarget)
    return unread ? used : excessOf(used, quotas.streams[stream] ?? Infinity)
  }
  if (whole <= 0 && sacrificed.every((stream) => own(stream) <= 0)) return null
  const operations: Operation[] = []
  const gaps: Gap[] = []
  const unheard = new Set<string>()
  const drop = async (stream: Stream, excess: number, upTo: string): Promise<void> => {
    if (excess <= 0 || operations.length >= maxDropped) return
    const from = trims[stream]!
    const dropped = await database.run((level) => oldest(level, { stream, after: from.at, upTo, excess, readers: readers(stream) }))
    if (!dropped.trim) return
    whole -= dropped.trim.bytes - from.bytes
    operations.push(...dropped.operations, putSealed(trimKey(stream), dropped.trim))
    gaps.push(...dropped.gaps)
    if (stream === 'ledger') for (const { uplinks = [] } of dropped.gaps) for (const name of uplinks) unheard.add(name)
    trims[stream] = dropped.trim
  }
  for (const stream of sacrificed) {
    const furthest = readers(stream).reduce((most: Position | null, reader) => (!isLocal(reader) && compare(reader.at, most) > 0 ? reader.at : most), null)
    if (furthest) await drop(stream, whole, `${recordKey(stream, furthest)}0`)
  }
  for (const stream of sacrificed) await drop(stream, Math.max(whole, own(stream)), recordEnd(stream))
  const moved = new Map(sacrificed.filter((stream) => trims[stream] !== parts.trims[stream]).map((stream) => [stream, trims[stream]!]))
  return moved.size === 0 ? null : { events: gaps.map((gap) => gapEvent(at, gap)), unheard, operations, trims: moved }
}

interface Wanted { readonly stream: Stream; readonly after: Position | null; /** A key, exclusive. */ readonly upTo: string; readonly excess: number; readonly readers: readonly Placed[] }

async function oldest(level: Level, { stream, after, upTo, excess, readers }: Wanted) {
  const operations: Operation[] = []
  const gaps: Gap[] = []
  let trim: Trim | null = null
  let freed = 0
  let open = null as { readonly epoch: string; readonly losers: string; last: Frame | null } | null
  const close = (hash: string): void => { const gap = gaps.at(-1); if (gap && open?.losers) gaps[gaps.length - 1] = { ...gap, hashAfter: hash } }
  for await (const [key, value] of level.iterator({ gt: after ? recordKey(stream, after) : recordPrefix(stream), lt: upTo, limit: maxDropped })) {
    if (freed >= excess) break
    const position = positionOf(key)
    const frame = decodeFrame(key, value)
    const uplinks = readers.filter((reader) => compare(reader.at, position) < 0).map(({ name }) => name)
    const losers = uplinks.join(' ')
    operations.push({ type: 'del', key })
    freed += value.length
    if (open?.epoch !== position.epoch || open.losers !== losers) {
      if (open) close(open.epoch === position.epoch ? frame?.prevHash ?? '' : open.last ? hashOfFrame(open.last) : '')
      if (losers) gaps.push({ stream, epoch: position.epoch, from: position.seq, to: position.seq, reason: 'quota', uplinks, hashBefore: frame?.prevHash ?? '', hashAfter: '' })
      open = { epoch: position.epoch, losers, last: frame }
    } else {
      if (losers) gaps[gaps.length - 1] = { ...gaps.at(-1)!, to: position.seq }
      open.last = frame
    }
    if (frame) trim = { at: position, records: frame.records, bytes: frame.bytes }
  }
  close(open?.last ? hashOfFrame(open.last) : '')
  return { operations, gaps, trim }
}
