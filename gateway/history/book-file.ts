import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { PointId, Value } from '../contract/index.ts'
import { DataError } from '../kit/index.ts'
import { Book, PointHour, type Span } from './books.ts'
import type { Held, Row, Severity } from './rows.ts'

/**
 * One hour of all points: a JSON head of one line, then zstd chunks of 32 points each, in order of their ids, so that one point of
 * 1,000 is found with two reads and one small decompression. A chunk is JSON by columns: `zstd -d` shows it to a person.
 */
export interface BookHead {
  readonly version: 1
  readonly hour: number
  /** Blocks of the log up to this number are in here. */
  readonly upTo: number
  readonly alive: readonly Span[]
  readonly chunks: readonly { readonly first: PointId; readonly at: number; readonly bytes: number; readonly crc: number }[]
}

type Number_ = number | null
/** id, opening, then the rows by columns: minute of the hour, count, min, max, mean, weight, good, worst * 4 + last quality, last. */
export type PackedPoint = readonly [id: PointId, opening: readonly [Value | null, Severity] | null, minutes: readonly number[], counts: readonly number[], mins: readonly Number_[], maxes: readonly Number_[], means: readonly Number_[], weights: readonly number[], goods: readonly number[], severities: readonly number[], lasts: readonly (Value | null)[]]

const chunkPoints = 32
/** A mean is kept as its place between minimum and maximum, which a chart cannot tell from the exact one. */
const meanSteps = 10_000
const maxChunkBytes = 32 << 20

export function packPoint(id: PointId, hour: number, opening: Held | null, rows: readonly Row[]): PackedPoint {
  const numbers = (of: (row: Row) => number): Number_[] => rows.map((row) => { const value = of(row); return Number.isFinite(value) ? value : null })
  return [
    id, opening && [opening.value, opening.quality], rows.map((row) => row.minute - hour * 60), rows.map((row) => row.count), numbers((row) => row.min), numbers((row) => row.max),
    numbers(({ mean, min, max }) => (max > min ? Math.round(((mean - min) / (max - min)) * meanSteps) : mean - mean)), rows.map((row) => row.weightMs), rows.map((row) => row.goodMs),
    rows.map((row) => row.worst * 4 + row.lastQuality), rows.map((row) => row.last),
  ]
}

export function unpackPoint(packed: PackedPoint, hour: number): PointHour {
  const [, opening, minutes, counts, mins, maxes, means, weights, goods, severities, lasts] = packed
  const point = new PointHour(hour)
  if (opening) point.opening = { value: opening[0], quality: opening[1] }
  for (const [index, offset] of minutes.entries()) {
    const [min, max, share] = [mins[index] ?? NaN, maxes[index] ?? NaN, means[index] ?? NaN]
    const severity = severities[index]!
    point.put({
      minute: hour * 60 + offset, count: counts[index]!, min, max, mean: min + (max - min) * (share / meanSteps), weightMs: weights[index]!, goodMs: goods[index]!,
      worst: (severity >> 2) as Severity, lastQuality: (severity & 3) as Severity, last: lasts[index]!,
    })
  }
  return point
}

/** `pause` is awaited between chunks, so that an hour of 1,000 points never holds up an alarm. */
export async function encodeBook(book: Book, upTo: number, pause: () => Promise<void>): Promise<Buffer> {
  const ids = [...book.points.keys()].toSorted()
  const chunks: { first: PointId; at: number; bytes: number; crc: number }[] = []
  const parts: Buffer[] = []
  let at = 0
  for (let from = 0; from < ids.length; from += chunkPoints) {
    const packed = ids.slice(from, from + chunkPoints).map((id) => { const point = book.points.get(id)!; return packPoint(id, book.hour, point.opening, point.rows()) })
    const bytes = zstdCompressSync(JSON.stringify(packed))
    chunks.push({ first: ids[from]!, at, bytes: bytes.length, crc: crc32(bytes) })
    parts.push(bytes)
    at += bytes.length
    await pause()
  }
  const head: BookHead = { version: 1, hour: book.hour, upTo, alive: book.alive, chunks }
  const text = Buffer.from(`${JSON.stringify(head)}\n`)
  const start = Buffer.alloc(8)
  start.writeUInt32BE(crc32(text), 0)
  start.writeUInt32BE(text.length, 4)
  return Buffer.concat([start, text, ...parts])
}

/** Reads some bytes of a book's file. */
export type ReadAt = (offset: number, bytes: number) => Promise<Buffer>

const firstRead = 4_096

/** Throws DataError HISTORY_DAMAGED. */
export async function readHead(read: ReadAt): Promise<{ readonly head: BookHead; readonly chunksAt: number }> {
  const start = await read(0, firstRead)
  if (start.length < 8) throw damaged('its head is missing')
  const bytes = start.readUInt32BE(4)
  const text = bytes + 8 <= start.length ? start.subarray(8, 8 + bytes) : bytes < 1 << 20 ? await read(8, bytes) : Buffer.alloc(0)
  if (text.length !== bytes || crc32(text) !== start.readUInt32BE(0)) throw damaged('its head does not read back')
  return { head: JSON.parse(text.toString()) as BookHead, chunksAt: 8 + bytes }
}

/** The packed points of the chunk that would hold `id`; of all chunks without an id. Throws DataError HISTORY_DAMAGED. */
export async function readPoints(read: ReadAt, { head, chunksAt }: { readonly head: BookHead; readonly chunksAt: number }, id?: PointId): Promise<readonly PackedPoint[]> {
  const wanted = id === undefined ? head.chunks : head.chunks.filter((_, index) => index === head.chunks.findLastIndex(({ first }) => first <= id))
  const points: PackedPoint[] = []
  for (const { at, bytes, crc } of wanted) {
    const chunk = await read(chunksAt + at, bytes)
    if (chunk.length !== bytes || crc32(chunk) !== crc) throw damaged('a part of it does not read back')
    points.push(...JSON.parse(zstdDecompressSync(chunk, { maxOutputLength: maxChunkBytes }).toString()) as PackedPoint[])
  }
  return points
}

const damaged = (why: string): DataError => new DataError('HISTORY_DAMAGED', `a file of the history is damaged: ${why}; it is left out`)
