import type { EpochMs } from './values.ts'

/** The only source of time. Tests drive a fake one. */
export interface Clock {
  /** Wall time; may step. */
  now(): EpochMs
  /** Milliseconds from an arbitrary start; never steps. Use it for durations, deadlines and order. */
  monotonic(): number
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `task` once after `ms`; the returned function cancels. */
  after(ms: number, task: () => void): () => void
}

/** Uniform in [0, 1). */
export type Random = () => number
