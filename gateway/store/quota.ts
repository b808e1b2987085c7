import type { GatewayEvent, Position, Stream } from '../contract/index.ts'
import type { Heads } from './batch.ts'
import type { Database, Level, Operation } from './database.ts'
import { recordEnd, recordKey, recordPrefix, positionOf, trimKey } from './keys.ts'
import { gapEvent, type Gap, type Trim } from './opening.ts'
import { decodeFrame, hashOfFrame, type Frame } from './record.ts'

/** Law 7: telemetry gives way first, then events; alerts and the ledger last. */
const sacrificed: readonly Stream[] = ['telemetry', 'event', 'alert', 'ledger']
/** Room is made in steps, so that a full store does not do this for every commit. */
const target = 0.97
const maxDropped = 10_000

export interface Dropped {
  readonly events: readonly GatewayEvent[]
  readonly operations: readonly Operation[]
  readonly trims: ReadonlyMap<Stream, Trim>
}

export function usedBytes(heads: Heads, trims: Readonly<Record<Stream, Trim>>): number {
  return sacrificed.reduce((sum, stream) => sum + Math.max(0, heads[stream].bytes - trims[stream].bytes), 0)
}

/** The oldest records go until `target` of the quota is used; each hole is declared in the batch that makes it. null: nothing to do. */
export async function makeRoom(database: Database, heads: Heads, trims: Readonly<Record<Stream, Trim>>, maxBytes: number, at: number): Promise<Dropped | null> {
  let excess = usedBytes(heads, trims) - maxBytes
  if (excess <= 0) return null
  excess += maxBytes * (1 - target)
  const operations: Operation[] = []
  const gaps: Gap[] = []
  const moved = new Map<Stream, Trim>()
  for (const stream of sacrificed) {
    if (excess <= 0 || operations.length >= maxDropped) break
    const dropped = await database.run((level) => oldest(level, stream, trims[stream].at, excess))
    if (!dropped.trim) continue
    excess -= dropped.trim.bytes - trims[stream].bytes
    operations.push(...dropped.operations, { type: 'put', key: trimKey(stream), value: Buffer.from(JSON.stringify(dropped.trim)) })
    gaps.push(...dropped.gaps)
    moved.set(stream, dropped.trim)
  }
  return moved.size === 0 ? null : { events: gaps.map((gap) => gapEvent(at, gap)), operations, trims: moved }
}

async function oldest(level: Level, stream: Stream, after: Position | null, excess: number) {
  const operations: Operation[] = []
  const gaps: Gap[] = []
  let trim: Trim | null = null
  let freed = 0
  let last: Frame | null = null
  const close = (): void => { const gap = gaps.at(-1); if (gap && last) gaps[gaps.length - 1] = { ...gap, hashAfter: hashOfFrame(last) } }
  for await (const [key, value] of level.iterator({ gt: after ? recordKey(stream, after) : recordPrefix(stream), lt: recordEnd(stream), limit: maxDropped })) {
    if (freed >= excess) break
    const position = positionOf(key)
    const frame = decodeFrame(key, value)
    operations.push({ type: 'del', key })
    freed += value.length
    const open = gaps.at(-1)
    if (open?.epoch === position.epoch) {
      gaps[gaps.length - 1] = { ...open, to: position.seq }
    } else {
      close()
      gaps.push({ stream, epoch: position.epoch, from: position.seq, to: position.seq, reason: 'quota', hashBefore: frame?.prevHash ?? '', hashAfter: '' })
    }
    last = frame
    if (frame) trim = { at: position, records: frame.records, bytes: frame.bytes }
  }
  close()
  return { operations, gaps, trim }
}
