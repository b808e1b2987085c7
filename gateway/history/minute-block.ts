import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { EpochMs, PointId } from '../contract/index.ts'
import { Book, PointHour, type Span } from './books.ts'
import { packPoint, unpackPoint, type PackedPoint } from './book-file.ts'
import type { Row } from './rows.ts'

export interface FreshRow { readonly id: PointId; readonly row: Row }

/** What one minute of all points puts into the log, so that a killed process loses no minute: the rows, and when the gateway ran. */
interface Content {
  /** Readings received from here on are in no row of this block or of one before, though they may stand before it; null: all before it are. */
  readonly after: EpochMs | null
  readonly alive: readonly Span[]
  readonly hours: readonly (readonly [hour: number, points: readonly PackedPoint[]])[]
}

const maxBytes = 64 << 20

export function encodeMinutes(fresh: readonly FreshRow[], alive: readonly Span[], after: EpochMs | null): Buffer {
  const hours = new Map<number, Map<PointId, PointHour>>()
  for (const { id, row } of fresh) {
    const hour = Math.floor(row.minute / 60)
    const points = hours.get(hour) ?? new Map<PointId, PointHour>()
    hours.set(hour, points)
    const point = points.get(id) ?? new PointHour(hour)
    points.set(id, point)
    point.put(row)
  }
  const content: Content = { after, alive, hours: [...hours].map(([hour, points]) => [hour, [...points].map(([id, point]) => packPoint(id, hour, null, point.rows()))]) }
  return zstdCompressSync(JSON.stringify(content))
}

/** Throws for what no block is. */
export function decodeMinutes(payload: Uint8Array): { readonly after: EpochMs | null; readonly alive: readonly Span[]; readonly books: readonly Book[] } {
  const { after, alive, hours } = JSON.parse(zstdDecompressSync(payload, { maxOutputLength: maxBytes }).toString()) as Content
  return {
    after, alive,
    books: hours.map(([hour, points]) => {
      const book = new Book(hour)
      for (const packed of points) book.points.set(packed[0], unpackPoint(packed, hour))
      return book
    }),
  }
}
