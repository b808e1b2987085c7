import type { EpochMs, PointId, Value } from '../contract/index.ts'
import { hourMs, mergeRows, type Held, type Row, type Severity } from './rows.ts'

/** From, to. */
export type Span = readonly [from: EpochMs, to: EpochMs]

const width = 8

/** The rows of one point in one hour, packed: 64 bytes a row. Strings stand beside them. */
export class PointHour {
  readonly hour: number
  /** What it had when the hour began; null: nobody knows. */
  opening: Held | null = null
  #cells = new Float64Array(2 * width)
  #texts: Map<number, string> | null = null
  /** Row of each minute of the hour, in order of minutes. */
  #order: number[] = []
  constructor(hour: number) { this.hour = hour }
  get size(): number { return this.#order.length }

  put(row: Row): void {
    const offset = row.minute - this.hour * 60
    const at = this.#order.findLastIndex((index) => Math.floor(this.#cells[index * width]! / 64) <= offset)
    const index = at < 0 ? undefined : this.#order[at]
    if (index === undefined || Math.floor(this.#cells[index * width]! / 64) !== offset) {
      this.#order.splice(at + 1, 0, this.#order.length)
      this.#write(this.#order.length - 1, row)
      return
    }
    const before = this.#read(index)
    // A reading that came late (it held for no time) never tells a minute's last value.
    this.#write(index, row.weightMs === 0 && before.weightMs > 0 ? mergeRows(row, before) : mergeRows(before, row))
  }

  rows(): Row[] { return this.#order.map((index) => this.#read(index)) }

  #write(index: number, row: Row): void {
    if ((index + 1) * width > this.#cells.length) {
      const larger = new Float64Array(Math.min(60 * width, this.#cells.length * 2))
      larger.set(this.#cells)
      this.#cells = larger
    }
    const { last } = row
    const kind = last === null ? 0 : typeof last === 'number' ? 1 : typeof last === 'boolean' ? 2 : 3
    const offset = row.minute - this.hour * 60
    if (typeof last === 'string') (this.#texts ??= new Map()).set(index, last)
    this.#cells.set([offset * 64 + kind * 16 + row.worst * 4 + row.lastQuality, row.count, row.min, row.max, row.mean, row.weightMs, row.goodMs, Number(typeof last === 'string' ? 0 : last)], index * width)
  }

  #read(index: number): Row {
    const [head, count, min, max, mean, weightMs, goodMs, last] = this.#cells.subarray(index * width, index * width + width)
    const kind = (head! >> 4) & 3
    const value: Value | null = kind === 0 ? null : kind === 1 ? last! : kind === 2 ? last === 1 : this.#texts!.get(index)!
    return { minute: this.hour * 60 + Math.floor(head! / 64), count: count!, min: min!, max: max!, mean: mean!, weightMs: weightMs!, goodMs: goodMs!, worst: ((head! >> 2) & 3) as Severity, last: value, lastQuality: (head! & 3) as Severity }
  }
}

/** One hour of all points, and when the gateway ran in it. */
export class Book {
  readonly hour: number
  readonly points = new Map<PointId, PointHour>()
  alive: readonly Span[] = []
  constructor(hour: number) { this.hour = hour }
  point(id: PointId): PointHour {
    let found = this.points.get(id)
    if (!found) this.points.set(id, found = new PointHour(this.hour))
    return found
  }
  ran(span: Span): void {
    const from = Math.max(span[0], this.hour * hourMs)
    const to = Math.min(span[1], (this.hour + 1) * hourMs)
    if (to > from) this.alive = union([...this.alive, [from, to]])
  }
  /** Takes in what another book of this hour has; `book` is the earlier. */
  absorb(book: Book): void {
    for (const span of book.alive) this.ran(span)
    for (const [id, other] of book.points) {
      const mine = this.points.get(id)
      if (!mine) { this.points.set(id, other); continue }
      const later = mine.rows()
      for (const row of later) other.put(row)
      other.opening ??= mine.opening
      this.points.set(id, other)
    }
  }
}

/** What a file and a book of one hour know of a point. */
export function pointHour(hour: number, ...parts: readonly (PointHour | undefined)[]): PointHour {
  const all = new PointHour(hour)
  for (const part of parts) for (const row of part?.rows() ?? []) all.put(row)
  return all
}

/** Notes it in the last two hours of the span; those before have their files. */
export function noteRun(span: Span, bookOf: (hour: number) => Book): void {
  const [from, to] = span
  for (let hour = Math.max(Math.floor(from / hourMs), Math.floor(to / hourMs) - 1); hour * hourMs < to; hour++) bookOf(hour).ran(span)
}

const maxSpans = 120

/** In order, without overlap; bounded by leaving out the shortest pauses. */
export function union(spans: readonly Span[]): Span[] {
  const out: Span[] = []
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1)
    if (last && (from <= last[1] || out.length >= maxSpans)) out[out.length - 1] = [last[0], Math.max(last[1], to)]
    else out.push([from, to])
  }
  return out
}
