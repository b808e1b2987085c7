import type { Quality, Value } from '../contract/index.ts'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
/** Of the history's folder: the log of all that came in, and the minutes of hours that are over. */
export const rawFolder = 'raw'
export const hoursFolder = 'hours'
/** Before this the clock was never set: a box that boots in 1970. */
export const plausible = Date.UTC(2020, 0, 1)

export const qualities: readonly Quality[] = ['good', 'uncertain', 'bad']
/** Index into `qualities`: the larger, the worse. */
export type Severity = 0 | 1 | 2

/** One point in one minute. */
export interface Row {
  /** Minutes since 1970. */
  readonly minute: number
  readonly count: number
  /** NaN where no number is known: strings, and a minute that was bad throughout. */
  readonly min: number
  readonly max: number
  readonly mean: number
  /** How long the mean's values held; 0 for readings that came late. More than a minute when a clock set back lived it twice. */
  readonly weightMs: number
  readonly goodMs: number
  readonly worst: Severity
  readonly last: Value | null
  readonly lastQuality: Severity
}

/** What a point holds. */
export interface Held { readonly value: Value | null; readonly quality: Severity }

export const numberOf = (value: Value | null): number => (typeof value === 'number' ? value : value === true ? 1 : value === false ? 0 : NaN)

/** Two parts of one minute: a restart within it, a clock set back, a reading that came late. `later` tells the last value. */
export function mergeRows(earlier: Row, later: Row): Row {
  const weight = earlier.weightMs + later.weightMs
  const weigh = weight > 0 ? (row: Row) => row.weightMs : (row: Row) => row.count
  const last = later.count > 0 || later.weightMs > 0 ? later : earlier
  return {
    minute: earlier.minute, count: earlier.count + later.count,
    min: lesser(earlier.min, later.min), max: -lesser(-earlier.max, -later.max), mean: meanOf(earlier, later, weigh),
    weightMs: weight, goodMs: earlier.goodMs + later.goodMs, worst: Math.max(earlier.worst, later.worst) as Severity, last: last.last, lastQuality: last.lastQuality,
  }
}

/** The smaller of two, either of which may be NaN for "none". */
export const lesser = (a: number, b: number): number => (b < a || Number.isNaN(a) ? b : a)

function meanOf(a: Row, b: Row, weigh: (row: Row) => number): number {
  if (Number.isNaN(a.mean)) return b.mean
  if (Number.isNaN(b.mean)) return a.mean
  const [wa, wb] = [weigh(a), weigh(b)]
  return wa + wb > 0 ? (a.mean * wa + b.mean * wb) / (wa + wb) : a.mean
}
