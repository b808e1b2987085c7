import type { GatewayEvent, PerStream, Position, Stream } from '../contract/index.ts'
import type { Heads } from './batch.ts'
import type { Database, Level, Operation } from './database.ts'
import { compare, recordEnd, recordKey, recordPrefix, positionOf, trimKey } from './keys.ts'
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
  readonly operations: readonly Operation[]
  readonly trims: ReadonlyMap<Stream, Trim>
}

/** Room is made in steps, so that a full store does not do this for every commit. */
const target = 0.97
const maxDropped = 10_000
/** Of a stream that nobody reads. */
const keptUnread = 1 << 20

export const usedOf = (heads: Heads, trims: Readonly<PerStream<Trim>>, stream: Stream): number => Math.max(0, heads[stream]!.bytes - trims[stream]!.bytes)
export const usedBytes = (heads: Heads, trims: Readonly<PerStream<Trim>>): number => Object.keys(heads).reduce((sum, stream) => sum + usedOf(heads, trims, stream), 0)

/** How much a quota is exceeded, with the step that is made in one go; 0 when it is not. */
const excessOf = (used: number, quota: number): number => (used <= quota ? 0 : used - quota * target)

/**
 * A stream above its own share drops its own oldest; above the whole quota the most expendable stream drops first. Each hole is declared
 * in the batch that makes it, naming the readers that lose; what all of them have settled is nobody's loss. null: nothing to do.
 */
export async function makeRoom(parts: RoomParts): Promise<Dropped | null> {
  const { heads, trims, quotas, sacrificed, database, at } = parts
  let whole = excessOf(usedBytes(heads, trims), quotas.maxBytes)
  const own = (stream: Stream): number => {
    const used = usedOf(heads, trims, stream)
    const unread = parts.settled && used > keptUnread && parts.readers(stream).length === 0
    return unread ? used : excessOf(used, quotas.streams[stream] ?? Infinity)
  }
  if (whole <= 0 && sacrificed.every((stream) => own(stream) <= 0)) return null
  const operations: Operation[] = []
  const gaps: Gap[] = []
  const moved = new Map<Stream, Trim>()
  for (const stream of sacrificed) {
    const excess = Math.max(whole, own(stream))
    if (excess <= 0 || operations.length >= maxDropped) continue
    const dropped = await database.run((level) => oldest(level, stream, trims[stream]!.at, excess, parts.readers(stream)))
    if (!dropped.trim) continue
    whole -= dropped.trim.bytes - trims[stream]!.bytes
    operations.push(...dropped.operations, putSealed(trimKey(stream), dropped.trim))
    gaps.push(...dropped.gaps)
    moved.set(stream, dropped.trim)
  }
  return moved.size === 0 ? null : { events: gaps.map((gap) => gapEvent(at, gap)), operations, trims: moved }
}

async function oldest(level: Level, stream: Stream, after: Position | null, excess: number, readers: readonly Placed[]) {
  const operations: Operation[] = []
  const gaps: Gap[] = []
  let trim: Trim | null = null
  let freed = 0
  let open = null as { readonly epoch: string; readonly losers: string; last: Frame | null } | null
  const close = (hash: string): void => { const gap = gaps.at(-1); if (gap && open?.losers) gaps[gaps.length - 1] = { ...gap, hashAfter: hash } }
  for await (const [key, value] of level.iterator({ gt: after ? recordKey(stream, after) : recordPrefix(stream), lt: recordEnd(stream), limit: maxDropped })) {
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
