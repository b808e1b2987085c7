import type { EpochMs } from '../contract/index.ts'

export const dayMs = 86_400_000

/** Events of doors have days of their own (privacy), so they lie in files of their own. */
export type Kind = 'events' | 'access'

/**
 * One file: a kind, a day of UTC, and a part of it. `open` (JSON lines, appended to) becomes `sealed` (zstd, in order of time) when
 * its day is over; what comes later begins another part. Where both are there, the open one was about to be removed.
 */
export interface DayFile { readonly kind: Kind; readonly day: number; readonly part: number; readonly state: 'open' | 'sealed' }

/** Days of UTC: a file is a unit of deletion, and no change of the site's time zone moves an event to another. */
export const dayOf = (at: EpochMs): number => Math.floor(at / dayMs)

const pattern = /^(access-)?(\d{4}-\d\d-\d\d)(?:\.(\d{1,4}))?\.(jsonl|jsonl\.zst)$/

/** `2026-11-25.jsonl`, `access-2026-11-25.1.jsonl.zst`. */
export function nameOf({ kind, day, part, state }: DayFile): string {
  return `${kind === 'access' ? 'access-' : ''}${new Date(day * dayMs).toISOString().slice(0, 10)}${part > 0 ? `.${part}` : ''}.jsonl${state === 'sealed' ? '.zst' : ''}`
}

/** Null for what is none of ours. */
export function fileOf(name: string): DayFile | null {
  const [, access, date, part, suffix] = pattern.exec(name) ?? []
  if (date === undefined) return null
  const at = Date.parse(`${date}T00:00:00Z`)
  return Number.isNaN(at) ? null : { kind: access ? 'access' : 'events', day: dayOf(at), part: Number(part ?? 0), state: suffix === 'jsonl' ? 'open' : 'sealed' }
}
