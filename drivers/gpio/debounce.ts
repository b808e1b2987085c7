import type { EpochMs } from '../../gateway/contract/index.ts'

/** A level and since when: `mono` for durations and order, `at` in wall time. */
export interface Level { readonly level: boolean; readonly mono: number; readonly at: EpochMs }

export interface DebouncerState { readonly stable: boolean; readonly raw: boolean; readonly pending: Level | null }

/**
 * Pure. A level is believed when it has held for `debounceMs`; its time is the edge that began it, not the moment it was believed. Works on
 * the edges' own times, so a late delivery changes nothing.
 */
export class Debouncer {
  readonly #debounceMs: number
  #stable: boolean
  #raw: boolean
  #pending: Level | null = null
  /** Edges that led to no believed change. */
  debounced = 0
  /** Edges to the level the line already had: the one between was lost by the kernel, or was too short to be read. */
  lost = 0

  constructor(level: boolean | DebouncerState, debounceMs: number) {
    const { stable, raw, pending } = typeof level === 'boolean' ? { stable: level, raw: level, pending: null } : level
    this.#stable = stable
    this.#raw = raw
    this.#pending = pending
    this.#debounceMs = debounceMs
  }

  /** To go on from after a restart. */
  get state(): DebouncerState { return { stable: this.#stable, raw: this.#raw, pending: this.#pending } }

  get stable(): boolean { return this.#stable }
  /** The level as last heard, believed or not. */
  get raw(): boolean { return this.#raw }
  /** The monotonic time from which {@link settle} has something; null when nothing is pending. */
  get dueAt(): number | null { return this.#pending && this.#pending.mono + this.#debounceMs }

  /** The changes that are certain once this edge is known, oldest first. */
  edge(edge: Level): readonly Level[] {
    const settled = this.settle(edge.mono)
    if (edge.level === this.#raw) {
      this.lost++
      // It was interrupted, however shortly: what is pending begins anew.
      if (this.#pending) this.#pending = edge
      return settled
    }
    this.#raw = edge.level
    if (edge.level === this.#stable) {
      this.#pending = null
      this.debounced += 2
      return settled
    }
    this.#pending = edge
    return this.#debounceMs === 0 ? [...settled, ...this.settle(edge.mono)] : settled
  }

  /** What has held long enough by `mono`. */
  settle(mono: number): readonly Level[] {
    const pending = this.#pending
    const held = pending ? mono - pending.mono : 0
    // Negative: what is pending was seen before the machine started anew.
    if (!pending || (held >= 0 && held < this.#debounceMs)) return []
    this.#pending = null
    this.#stable = pending.level
    return [pending]
  }
}
