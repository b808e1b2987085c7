import type { Chart, ChartSlot, EpochMs, PointId, Quality, Value } from '../contract/index.ts'
import { DataError } from '../kit/index.ts'
import type { Span } from './books.ts'
import { hourMs, lesser, minuteMs, numberOf, qualities, type Held, type Row, type Severity } from './rows.ts'

/** What is known of one point in one hour. */
export interface HourOfPoint { readonly opening: Held | null; readonly rows: readonly Row[]; readonly alive: readonly Span[] }

export const maxSlots = 2_000

/** Whole minutes, so that at most `maxPoints` slots cover the range. Throws DataError HISTORY_RANGE. */
function slotsOf(from: EpochMs, to: EpochMs, maxPoints: number): { readonly slotMs: number; readonly first: EpochMs; readonly count: number } {
  if (!(to > from) || !(maxPoints >= 1 && maxPoints <= maxSlots)) throw new DataError('HISTORY_RANGE', `a chart needs a range that ends after it begins, and 1 to ${maxSlots} points; ask for another range`, { values: { from, to, maxPoints } })
  const first = Math.floor(from / minuteMs) * minuteMs
  const slotMs = Math.ceil((to - first) / maxPoints / minuteMs) * minuteMs
  return { slotMs, first, count: Math.ceil((to - first) / slotMs) }
}

/** Hours of which anything is known, in order, and one point in one of them. */
export interface ChartSource { hours(first: number, last: number): readonly number[]; hourOf(hour: number, point: PointId): Promise<HourOfPoint> }

/** Throws DataError HISTORY_RANGE. */
export async function drawChart(source: ChartSource, point: PointId, from: EpochMs, to: EpochMs, maxPoints: number): Promise<Chart> {
  const { slotMs, first, count } = slotsOf(from, to, maxPoints)
  const drawing = new ChartDrawing(first, slotMs, count)
  // The hour before tells what held when the first one began.
  for (const hour of source.hours(Math.floor(first / hourMs) - 1, Math.floor((to - 1) / hourMs))) drawing.hour(hour, await source.hourOf(hour, point))
  return drawing.chart(point, from, to)
}

/** Draws minute after minute: a row where the point changed, the value it holds while the gateway ran, nothing otherwise. */
class ChartDrawing {
  readonly #slotMs: number
  readonly #first: EpochMs
  readonly #slots: Slot[]
  #held: Held | null = null
  /** The gateway ran without a break up to here. */
  #ranUntil: EpochMs = -Infinity

  constructor(first: EpochMs, slotMs: number, count: number) {
    this.#first = first
    this.#slotMs = slotMs
    this.#slots = Array.from({ length: count }, (_, index) => new Slot(first + index * slotMs))
  }

  /** Hours in order. Those the history does not have are left out. */
  hour(hour: number, { opening, rows, alive }: HourOfPoint): void {
    // What is known at the hour's beginning; after a break nobody knows until the point is heard again.
    if (this.#ranUntil < hour * hourMs || this.#held === null) this.#held = opening
    this.#ranUntil = Math.max(this.#ranUntil, hour * hourMs)
    let next = 0
    for (let minute = hour * 60; minute < hour * 60 + 60; minute++) {
      const from = minute * minuteMs
      const ranMs = this.#run(alive, from)
      const row = rows[next]?.minute === minute ? rows[next++] : undefined
      if (row) this.#held = { value: row.last, quality: row.lastQuality }
      const slot = this.#slots[Math.floor((from - this.#first) / this.#slotMs)]
      if (!slot) continue
      if (row) slot.row(row)
      else if (this.#held && ranMs > 0) slot.held(this.#held, ranMs)
    }
  }

  chart(point: PointId, from: EpochMs, to: EpochMs): Chart {
    return { point, from, to, slotMs: this.#slotMs, slots: this.#slots.map((slot) => slot.result()) }
  }

  /** How much of this minute the gateway ran; forgets what is held when there was a break before or in it. */
  #run(alive: readonly Span[], from: EpochMs): number {
    let ran = 0
    for (const [start, end] of alive) {
      if (end <= from || start >= from + minuteMs) continue
      if (start > this.#ranUntil) this.#held = null
      this.#ranUntil = Math.max(this.#ranUntil, Math.min(end, from + minuteMs))
      ran += Math.min(end, from + minuteMs) - Math.max(start, from)
    }
    return ran
  }
}

class Slot {
  readonly #at: EpochMs
  #min = NaN
  #max = NaN
  #sum = 0
  #weightMs = 0
  /** Of readings that held for no time: the mean when there is nothing else. */
  #bare = NaN
  #last: Value | null = null
  #worst: Severity | -1 = -1
  #changes = 0
  #goodMs = 0
  constructor(at: EpochMs) { this.#at = at }

  row(row: Row): void {
    this.#band(row.min, row.max)
    if (row.weightMs > 0) { this.#sum += row.mean * row.weightMs; this.#weightMs += row.weightMs } else this.#bare = row.mean
    this.#changes += row.count
    this.#goodMs += row.goodMs
    this.#set(row.last, row.worst)
  }
  held({ value, quality }: Held, ms: number): void {
    const number = numberOf(value)
    this.#band(number, number)
    if (number === number) { this.#sum += number * ms; this.#weightMs += ms }
    if (quality === 0) this.#goodMs += ms
    this.#set(value, quality)
  }
  result(): ChartSlot {
    const mean = this.#weightMs > 0 ? this.#sum / this.#weightMs : this.#bare
    return {
      at: this.#at, min: orNull(this.#min), mean: orNull(Math.min(this.#max, Math.max(this.#min, mean))), max: orNull(this.#max), last: this.#last,
      quality: this.#worst < 0 ? null : qualities[this.#worst] as Quality, changes: this.#changes, goodMs: this.#goodMs,
    }
  }
  #band(min: number, max: number): void {
    this.#min = lesser(this.#min, min)
    this.#max = -lesser(-this.#max, -max)
  }
  #set(last: Value | null, quality: Severity): void {
    this.#last = last
    if (quality > this.#worst) this.#worst = quality
  }
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value)
