import type { EpochMs, PointId, Reading, Value } from '../contract/index.ts'
import { hourMs, lesser, minuteMs, numberOf, qualities, type Held, type Row, type Severity } from './rows.ts'

/** A device's own time is taken this far back; what is older, or ahead of its arrival, is counted when it arrived. */
const oldestMs = 24 * hourMs
/** Readings of one point that overtook each other by less are counted in order of arrival. */
const overtakenMs = 2 * minuteMs
/** Of a text; the raw log has the whole. */
const maxText = 200

export interface MinuteSink {
  /** A part of a minute is complete; there may be another part of it. */
  row(point: PointId, row: Row): void
  /** First reading of this point in an hour; `held` is what it had since the hour began, null when nobody knows. */
  opening(point: PointId, hour: number, held: Held | null): void
}

interface Open {
  readonly id: PointId
  known: boolean
  value: Value | null
  number: number
  quality: Severity
  /** Accounted up to here. */
  at: EpochMs
  minute: number
  hour: number
  /** The minute will have a row. */
  touched: boolean
  count: number
  min: number
  max: number
  sum: number
  weightMs: number
  goodMs: number
  worst: Severity
}

/**
 * Readings in, one row a point and minute out, for minutes in which the point changed. A value counts for as long as it held, so the
 * value a minute begins with is part of its minimum, mean and maximum. One entry a point; a point that does not change costs nothing.
 */
export class Minutes {
  readonly #sink: MinuteSink
  readonly #points = new Map<PointId, Open>()
  #touched: Open[] = []

  constructor(sink: MinuteSink) { this.#sink = sink }

  add(reading: Reading): void {
    const { at, receivedAt } = reading
    let time = at <= receivedAt && at > receivedAt - oldestMs ? at : receivedAt
    const point = this.#points.get(reading.pointId) ?? this.#meet(reading.pointId, time)
    if (time < point.at) {
      if (time < point.at - overtakenMs) return this.#late(reading, time)
      time = point.at
    }
    this.#advance(point, time)
    if (!point.touched) { point.touched = true; this.#touched.push(point) }
    const value = typeof reading.value === 'string' ? reading.value.slice(0, maxText) : reading.value
    const quality: Severity = reading.quality === 'good' ? 0 : reading.quality === 'uncertain' ? 1 : 2
    const number = typeof value === 'number' ? value : numberOf(value)
    point.known = true
    point.value = value
    point.number = number
    point.quality = quality
    point.count++
    if (!(number >= point.min)) point.min = lesser(point.min, number)
    if (!(number <= point.max)) point.max = -lesser(-point.max, -number)
    if (quality > point.worst) point.worst = quality
  }

  /** Rows of all minutes before the one that holds `at`. Call a little after each full minute. */
  closeBefore(at: EpochMs): void {
    const minute = Math.floor(at / minuteMs)
    const open: Open[] = []
    for (const point of this.#touched) {
      if (point.minute < minute) this.#close(point, (point.minute + 1) * minuteMs)
      else open.push(point)
    }
    this.#touched = open
  }

  /** Time from `lastSeen` to `now` did not pass as it should: the clock was set, or the box slept. What is held goes on from `now`. */
  rebase(lastSeen: EpochMs, now: EpochMs): void {
    this.closeAll(lastSeen)
    for (const point of this.#points.values()) {
      point.at = now
      this.#begin(point, now)
      point.touched = true
      this.#touched.push(point)
    }
  }

  /** What there is, up to `at`: for the end, and for a clock that was set. */
  closeAll(at: EpochMs): void {
    for (const point of this.#touched) this.#close(point, Math.max(point.at, Math.min(at, (point.minute + 1) * minuteMs)))
    this.#touched = []
  }

  /** A clean end: every point tells what it held until now, also those that did not change in this minute. */
  end(at: EpochMs): void {
    for (const point of this.#points.values()) {
      if (point.touched || !point.known) continue
      this.#advance(point, Math.max(point.at, at))
      point.touched = true
      this.#touched.push(point)
    }
    this.closeAll(at)
  }

  /** Nothing is known any more. Call closeAll before. */
  forget(): void { this.#points.clear() }

  held(id: PointId): Held | null {
    const point = this.#points.get(id)
    return point?.known ? { value: point.value, quality: point.quality } : null
  }

  /** Did it change at or after `at`? */
  touchedSince(id: PointId, at: EpochMs): boolean {
    const point = this.#points.get(id)
    return point !== undefined && point.minute * minuteMs >= at
  }

  ids(): IterableIterator<PointId> { return this.#points.keys() }

  /** The open minute of a point so far; null when it did not change in it. */
  peek(id: PointId, at: EpochMs): Row | null {
    const point = this.#points.get(id)
    if (!point?.touched) return null
    const copy = { ...point }
    account(copy, Math.max(point.at, Math.min(at, (point.minute + 1) * minuteMs)))
    return rowOf(copy)
  }

  #meet(id: PointId, at: EpochMs): Open {
    const point: Open = { id, known: false, value: null, number: NaN, quality: 2, at, minute: -1, hour: -1, touched: false, count: 0, min: NaN, max: NaN, sum: 0, weightMs: 0, goodMs: 0, worst: 0 }
    this.#points.set(id, point)
    return point
  }

  #advance(point: Open, at: EpochMs): void {
    if (Math.floor(at / minuteMs) !== point.minute) {
      if (point.touched) { this.#close(point, (point.minute + 1) * minuteMs); point.touched = true }
      this.#begin(point, at)
      // Nothing was heard since, so it held from the beginning of this minute.
      point.at = Math.max(point.at, point.minute * minuteMs)
    }
    if (at > point.at) account(point, at)
  }

  #begin(point: Open, at: EpochMs): void {
    point.minute = Math.floor(at / minuteMs)
    point.min = point.max = NaN
    point.count = point.sum = point.weightMs = point.goodMs = point.worst = 0
    const hour = Math.floor(point.minute / 60)
    if (hour === point.hour) return
    point.hour = hour
    this.#sink.opening(point.id, hour, point.known ? { value: point.value, quality: point.quality } : null)
  }

  #close(point: Open, end: EpochMs): void {
    account(point, end)
    point.touched = false
    this.#sink.row(point.id, rowOf(point))
    // Anything more in this minute is another part of it.
    point.min = point.max = NaN
    point.count = point.sum = point.weightMs = point.goodMs = point.worst = 0
  }

  /** Older than what the point already holds: it counts in its minute, and changes nothing after it. */
  #late(reading: Reading, at: EpochMs): void {
    const number = numberOf(reading.value)
    const quality = qualities.indexOf(reading.quality) as Severity
    this.#sink.row(reading.pointId, { minute: Math.floor(at / minuteMs), count: 1, min: number, max: number, mean: number, weightMs: 0, goodMs: 0, worst: quality, last: typeof reading.value === 'string' ? reading.value.slice(0, maxText) : reading.value, lastQuality: quality })
  }
}

/** The value held from `point.at` until `until`. */
function account(point: Open, until: EpochMs): void {
  const ms = until - point.at
  point.at = until
  if (!point.known || ms <= 0) return
  const { number } = point
  if (number === number) {
    point.sum += number * ms
    point.weightMs += ms
    if (!(number >= point.min)) point.min = lesser(point.min, number)
    if (!(number <= point.max)) point.max = -lesser(-point.max, -number)
  }
  if (point.quality === 0) point.goodMs += ms
  if (point.quality > point.worst) point.worst = point.quality
}

function rowOf({ minute, count, min, max, sum, weightMs, goodMs, worst, value, number, quality }: Open): Row {
  // A minute of no length (a stop just after a reading) has its value for mean.
  const mean = weightMs > 0 ? Math.min(max, Math.max(min, sum / weightMs)) : number
  return { minute, count, min, max, mean, weightMs, goodMs, worst, last: value, lastQuality: quality }
}
