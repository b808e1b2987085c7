import type { EpochMs, Json } from '../../gateway/contract/index.ts'
import type { Measure, WindowPort } from '../expression/scope.ts'

/** A ring has at most so many buckets, whatever it spans: a window is exact to one of them. */
export const maxBuckets = 60
type Column = 'covered' | 'integral' | 'min' | 'max' | 'sum' | 'count' | 'first' | 'last'
const columnsOf: Readonly<Record<Measure, readonly Column[]>> = { avg: ['integral'], min: ['min'], max: ['max'], sum: ['sum'], count: ['count'], rate: ['first', 'last'], delta: ['first', 'last'] }
const order: readonly Column[] = ['covered', 'integral', 'min', 'max', 'sum', 'count', 'first', 'last']
const empty: Readonly<Record<Column, number>> = { covered: 0, integral: 0, min: Infinity, max: -Infinity, sum: 0, count: 0, first: NaN, last: NaN }
/** What a window counts: a reading of a text is one, its value no number. */
export type Sample = number | boolean | string | null

/**
 * One point's past, `spanMs` long, in a ring of buckets aligned to the clock. A value holds until the next one, for as long as it is
 * good; what is bad is not counted. Unknown until half of the span is covered. Time only goes forward.
 *
 * An update touches one bucket; when a bucket ends the sums over the others are made afresh (at most 60 additions), so that they
 * depend on the buckets alone: no drift, and the same after a restart.
 */
export class Window implements WindowPort {
  readonly bucketMs: number
  readonly size: number
  readonly #columns: readonly Column[]
  readonly #cells: Readonly<Record<Column, Float64Array | undefined>>
  readonly #truth: boolean
  /** The bucket now written, counted from 1970; -1 before the first. */
  #head = -1
  #at: EpochMs = 0
  #held: Sample = null
  /** Over the closed buckets. */
  readonly #closed = { ...empty, oldest: -1 }

  /** `truth`: of a boolean, whose count is how often it became true. */
  constructor(spanMs: number, measures: Iterable<Measure>, truth = false) {
    this.bucketMs = Math.max(1_000, Math.ceil(spanMs / maxBuckets))
    this.size = Math.max(1, Math.ceil(spanMs / this.bucketMs))
    const wanted = new Set<Column>(['covered', ...[...measures].flatMap((measure) => columnsOf[measure])])
    this.#columns = order.filter((column) => wanted.has(column))
    this.#cells = Object.fromEntries(order.map((column) => [column, wanted.has(column) ? new Float64Array(this.size).fill(empty[column]) : undefined])) as Record<Column, Float64Array | undefined>
    this.#truth = truth
  }

  /** null: from now on it is bad. */
  put(value: Sample, now: EpochMs): void {
    this.advance(now)
    const before = this.#held
    this.#held = value
    if (value === null) return
    const cell = this.#head % this.size
    const { sum, count } = this.#cells
    this.#see(cell, value)
    if (count && (!this.#truth || (value === true && before === false))) count[cell]!++
    if (sum) sum[cell]! += number(value)
  }

  /** Lets the held value count up to now. */
  advance(now: EpochMs): void {
    if (this.#head < 0) { this.#head = Math.floor(now / this.bucketMs); this.#at = now }
    if (now <= this.#at) return
    const target = Math.floor(now / this.bucketMs)
    if (target - this.#head >= this.size) this.#skip(target)
    while (this.#head < target) {
      const end = (this.#head + 1) * this.bucketMs
      this.#hold(end - this.#at)
      this.#at = end
      this.#open(this.#head + 1)
    }
    this.#hold(now - this.#at)
    this.#at = now
  }

  /** Unknown (null) until half of the span is covered. */
  measure(what: Measure, now: EpochMs): number | null {
    this.advance(now)
    const cell = this.#head % this.size
    const covered = this.#closed.covered + this.#cells.covered![cell]!
    if (covered * 2 < this.size * this.bucketMs) return null
    const value = this.#value(what, cell, covered, now)
    return Number.isFinite(value) ? value : null
  }

  #value(what: Measure, cell: number, covered: number, now: EpochMs): number {
    const { integral, min, max, sum, count, first, last } = this.#cells
    switch (what) {
      case 'avg': return (this.#closed.integral + integral![cell]!) / covered
      case 'min': return Math.min(this.#closed.min, min![cell]!)
      case 'max': return Math.max(this.#closed.max, max![cell]!)
      case 'sum': return this.#closed.sum + sum![cell]!
      case 'count': return this.#closed.count + count![cell]!
      case 'delta': case 'rate': {
        const from = Number.isNaN(this.#closed.first) ? first![cell]! : this.#closed.first
        const delta = (Number.isNaN(last![cell]!) ? this.#closed.last : last![cell]!) - from
        const oldest = this.#closed.oldest < 0 ? this.#head : this.#closed.oldest
        return what === 'delta' ? delta : delta / (now - oldest * this.bucketMs) * 3_600_000
      }
    }
  }

  /** The end of the bucket that `now` is in. */
  boundary(now: EpochMs): EpochMs { return (Math.floor(now / this.bucketMs) + 1) * this.bucketMs }

  #hold(ms: number): void {
    if (ms <= 0 || this.#held === null) return
    const cell = this.#head % this.size
    this.#cells.covered![cell]! += ms
    if (this.#cells.integral) this.#cells.integral[cell]! += ms * number(this.#held)
    this.#see(cell, this.#held)
  }
  #see(cell: number, value: Sample): void {
    const { min, max, first, last } = this.#cells
    const seen = number(value)
    if (min && seen < min[cell]!) min[cell] = seen
    if (max && seen > max[cell]!) max[cell] = seen
    if (first && Number.isNaN(first[cell]!)) first[cell] = seen
    if (last) last[cell] = seen
  }
  #open(head: number): void {
    this.#head = head
    const cell = head % this.size
    for (const column of this.#columns) this.#cells[column]![cell] = empty[column]
    this.#close()
  }
  /** The sums over all buckets but the one now written, the oldest first. */
  #close(): void {
    const closed = this.#closed
    Object.assign(closed, empty, { oldest: -1 })
    for (let index = this.#head - this.size + 1; index < this.#head; index++) {
      if (index < 0) continue
      const cell = index % this.size
      const { covered, integral, min, max, sum, count, first, last } = this.#cells
      closed.covered += covered![cell]!
      if (integral) closed.integral += integral[cell]!
      if (min && min[cell]! < closed.min) closed.min = min[cell]!
      if (max && max[cell]! > closed.max) closed.max = max[cell]!
      if (sum) closed.sum += sum[cell]!
      if (count) closed.count += count[cell]!
      if (!first || Number.isNaN(first[cell]!)) continue
      if (Number.isNaN(closed.first)) { closed.first = first[cell]!; closed.oldest = index }
      closed.last = last![cell]!
    }
  }
  /** Nothing of the ring is left: only what was held from the oldest bucket on. */
  #skip(target: number): void {
    for (const column of this.#columns) this.#cells[column]!.fill(empty[column])
    this.#head = target - this.size + 1
    this.#at = this.#head * this.bucketMs
    this.#close()
  }
  /** Nobody looked until now: what was held is not counted for that time, and goes on from here. */
  interrupted(now: EpochMs): void {
    const held = this.#held
    this.#held = null
    this.advance(now)
    this.#held = held
  }

  /** The clock went back: what it knew has no place in time any more. */
  reset(now: EpochMs): void {
    this.#skip(Math.floor(now / this.bucketMs))
    this.#head += this.size - 1
    this.#at = now
  }

  state(): Json {
    const { size, bucketMs } = this
    const cells = Buffer.concat(this.#columns.map((column) => { const { buffer, byteOffset, byteLength } = this.#cells[column]!; return Buffer.from(buffer, byteOffset, byteLength) }))
    return { size, bucketMs, head: this.#head, at: this.#at, held: this.#held, columns: this.#columns.join(), cells: cells.toString('base64') }
  }
  /** Nothing happens with a state of another shape. */
  restore(state: Json | undefined): void {
    if (typeof state !== 'object' || state === null || Array.isArray(state)) return
    const { size, bucketMs, head, at, held, columns, cells } = state as { readonly [key: string]: Json }
    if (size !== this.size || bucketMs !== this.bucketMs || columns !== this.#columns.join() || typeof cells !== 'string') return
    const bytes = Buffer.from(cells, 'base64')
    if (bytes.length !== this.#columns.length * this.size * 8 || !isMoment(head) || !isMoment(at) || Math.floor(at / this.bucketMs) !== head) return
    this.#columns.forEach((column, row) => { for (let cell = 0; cell < this.size; cell++) this.#cells[column]![cell] = bytes.readDoubleLE((row * this.size + cell) * 8) })
    this.#head = head
    this.#at = at
    this.#held = typeof held === 'object' || held === undefined ? null : held as Sample
    this.#close()
  }
}

const number = (value: Sample): number => (typeof value === 'number' ? value : value === true ? 1 : 0)
const isMoment = (value: Json | undefined): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0
