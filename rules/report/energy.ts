import type { ChartSlot, EpochMs } from '../../gateway/contract/index.ts'
import { round } from './figures.ts'

export interface Consumption { readonly kWh: number | null; readonly from: EpochMs | null; readonly to: EpochMs | null; readonly resets: number }

/** A counter that comes back to where it was within this was only misread. */
const glitchMs = 3_600_000
/** Rounding of a gateway or meter, not a reset. */
const jitter = 0.001

/**
 * How far a counter went, from what it said at the end of each slot. A counter counts on while nobody looks, so gaps are no loss. At a
 * drop that lasts it was reset or exchanged: what it says then is where it begins, and nothing is made up for the time between.
 */
export function consumptionOf(slots: readonly Pick<ChartSlot, 'at' | 'last' | 'quality'>[]): Consumption {
  let sum = 0
  let resets = 0
  let base: number | null = null
  let [from, to]: [EpochMs | null, EpochMs | null] = [null, null]
  /** Below `base` since: a misreading, or a new beginning. */
  let below: { readonly since: EpochMs; readonly first: number; last: number } | null = null
  const settle = (): void => { if (below && base !== null) { resets++; sum += Math.max(0, below.last - below.first); base = below.last } below = null }
  for (const { at, last: value, quality } of slots) {
    if (typeof value !== 'number' || quality === 'bad' || quality === null || value < 0) continue
    from ??= at
    if (base === null) { base = value; to = at; continue }
    if (value >= base - jitter) {
      if (below && at - below.since > glitchMs) settle()
      below = null
      sum += Math.max(0, value - base!)
      base = Math.max(base!, value)
    } else if (!below) below = { since: at, first: value, last: value }
    else if (value < below.last - jitter) { settle(); below = { since: at, first: value, last: value } } else {
      below.last = value
      if (at - below.since > glitchMs) settle()
    }
    to = at
  }
  settle()
  return from === null || from === to ? { kWh: null, from, to, resets } : { kWh: round(sum, 3), from, to, resets }
}
