import type { RuleInput } from './rules.ts'
import type { DeviceStatus, EpochMs, Occurrence, PointId, Quality, Reading, Value } from './values.ts'

/** One slot of a chart. A slot with nothing known (gateway down, point not yet heard) has `quality: null` and no values: a gap is drawn as a gap. */
export interface ChartSlot {
  readonly at: EpochMs
  /** Numbers in the point's unit; booleans as 0 and 1. Null for strings and where the value was bad throughout. */
  readonly min: number | null
  /** Weighted by the time each value held; of a boolean: the share of time true. */
  readonly mean: number | null
  readonly max: number | null
  readonly last: Value | null
  /** The worst in the slot; null: nothing is known. */
  readonly quality: Quality | null
  /** Readings in the slot; 0 where a value only held. */
  readonly changes: number
  readonly goodMs: number
}

export interface Chart {
  readonly point: PointId
  readonly from: EpochMs
  readonly to: EpochMs
  /** Width of a slot, whole minutes. */
  readonly slotMs: number
  /** Without a break from `from` (down to a whole minute) to `to`; at most `maxPoints`. */
  readonly slots: readonly ChartSlot[]
}

/** Null where there is nothing yet. */
export interface HistorySpan { readonly minutes: EpochMs | null; readonly raw: EpochMs | null; readonly to: EpochMs }

export interface HistoryStatistics {
  readonly readings: number
  readonly ticks: number
  /** Of all that was received, what did not reach the disk while it was failing. */
  readonly lost: number
  /** Files thrown away, whole or in part, because they did not read back. */
  readonly damaged: number
  readonly bytes: number
  /** What it may fill. */
  readonly maxBytes: number
  /** What it reaches back to, never before the gateway first ran; null where there is nothing yet, or it is not known since the start. */
  readonly oldest: { readonly minutes: EpochMs | null; readonly raw: EpochMs | null }
  readonly bytesWritten: number
  readonly paused: boolean
}

/** What rules are given; `restart`: here the gateway began anew, with its rules as their states were. */
export type HistoryEntry = RuleInput | { readonly restart: EpochMs }

/** What the gateway saw. Disposable: it never holds up the live path, and its loss stops nothing. */
export interface History {
  /** Throws DataError HISTORY_RANGE for a range that ends before it begins, or `maxPoints` outside 1..2000. An unknown point is all gap. */
  chart(point: PointId, from: EpochMs, to: EpochMs, maxPoints: number): Promise<Chart>
  /** Every reading received, every occurrence, every news of a device's state, every tick given to the rules and every restart of the gateway, at a time in [from, to), in order of arrival. For backtests. */
  replay(from: EpochMs, to: EpochMs): AsyncIterable<HistoryEntry>
  span(): Promise<HistorySpan>
  statistics(): HistoryStatistics
}

/** The pipeline's side: synchronous, never throws. */
export interface HistoryIntake {
  readings(readings: readonly Reading[]): void
  occurrence(occurrence: Occurrence, receivedAt: EpochMs): void
  device(status: DeviceStatus): void
  tick(at: EpochMs): void
}
