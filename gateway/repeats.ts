import type { EpochMs, Occurrence, StateWrite, Json } from './contract/index.ts'

const keptMs = 24 * 3_600_000
const prefix = 'seen/'

/**
 * Law 13: a device's own event id counts once in 24 h. The ids lie in the journal's state, written in the batch of the event they
 * name. At most `limit` are kept; beyond it the oldest are let go early (docs/decisions/0004).
 */
export class Repeats {
  readonly #seen = new Map<string, { at: EpochMs; stored: Promise<unknown> | null }>()
  readonly #limit: number
  dropped = 0
  constructor(limit = 100_000) { this.#limit = limit }

  restore(entries: readonly (readonly [string, Json])[]): void {
    const known = entries.flatMap(([key, at]) => (typeof at === 'number' ? [{ key, at }] : []))
    for (const { key, at } of known.toSorted((a, b) => a.at - b.at)) this.#seen.set(key, { at, stored: null })
  }

  /** `known` when it is a repeat; then wait for `stored` (if any) before acknowledging it. */
  check(occurrence: Occurrence): { readonly known: boolean; readonly stored: Promise<unknown> | null; readonly key?: string } {
    if (occurrence.sourceId === undefined) return { known: false, stored: null }
    const key = `${prefix}${occurrence.deviceId}/${occurrence.sourceId}`
    const entry = this.#seen.get(key)
    if (!entry) return { known: false, stored: null, key }
    this.dropped++
    return { known: true, stored: entry.stored, key }
  }

  /** Remembers ids that are about to be committed; returns the state writes for the same batch, old ids' deletion included. */
  remember(keys: readonly string[], now: EpochMs): readonly StateWrite[] {
    const writes: StateWrite[] = keys.map((key) => ({ key, value: now }))
    for (const key of keys) this.#seen.set(key, { at: now, stored: null })
    for (const [key, { at }] of this.#seen) {
      if (this.#seen.size <= this.#limit && now - at < keptMs) break
      this.#seen.delete(key)
      writes.push({ key, value: null })
    }
    return writes
  }

  /** The commit that holds the keys: repeats wait for it; if it fails the ids are forgotten, so that a resend is taken. */
  pending(keys: readonly string[], commit: Promise<unknown>): void {
    for (const key of keys) { const entry = this.#seen.get(key); if (entry) entry.stored = commit }
    commit.then(
      () => { for (const key of keys) { const entry = this.#seen.get(key); if (entry) entry.stored = null } },
      () => { for (const key of keys) this.#seen.delete(key) },
    )
  }
}
