import type { Configuration, DesiredRecord, EpochMs } from '../../gateway/contract/index.ts'
import type { Trial } from './trial.ts'

export interface Entry extends Configuration { readonly at: EpochMs; readonly bytes: number }

/** What `book.json` holds. `desired` came later: a book without it is as sound. */
export interface Pages { readonly format: 1; readonly inForce: number; readonly trial: Trial | null; readonly entries: readonly Entry[]; readonly desired?: DesiredRecord }

type Guard = (value: unknown) => boolean

const text: Guard = (value) => typeof value === 'string'
const number: Guard = (value) => typeof value === 'number' && Number.isFinite(value)
const count: Guard = (value) => Number.isSafeInteger(value) && value as number >= 0
const ordinal: Guard = (value) => count(value) && value !== 0
const one = (...values: readonly unknown[]): Guard => (value) => values.includes(value)
const list = (entry: Guard): Guard => (value) => Array.isArray(value) && value.every(entry)
/** These keys and no others. */
const record = (needed: Readonly<Record<string, Guard>>, optional: Readonly<Record<string, Guard>> = {}): Guard => (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const known = { ...needed, ...optional }
  return Object.keys(needed).every((key) => Object.hasOwn(value, key)) && Object.entries(value).every(([key, item]) => Object.hasOwn(known, key) && known[key]!(item))
}

const trial = record({
  number: count, previous: count, confirm: one('person', 'health'), windowMs: count, boot: text, beganAt: number, starts: count,
  baseline: record({ connections: list(text), devices: list(text), uplinks: list(text), failed: list(text), console: one(true, false) }),
})
const entry = record({
  number: ordinal, at: number, by: text, origin: one('file', 'cli', 'console', 'city'), reason: text, hash: text, bytes: count,
  outcome: one('found', 'trial', 'confirmed', 'rolled-back', 'kept-aside'),
}, { note: text })
const desired = record({ version: ordinal, hash: text, actor: text, at: number }, { number: count, outcome: one('confirmed', 'rolled-back'), code: text, detail: text })
const pages = record({ format: one(1), inForce: count, trial: (value) => value === null || trial(value), entries: list(entry) }, { desired })

/** Null: damaged. By hand and not by zod, because every start reads it and nothing else there needs schemas (docs/decisions/0029). */
export function readPages(json: string): Pages | null {
  try {
    const found: unknown = JSON.parse(json)
    return pages(found) ? found as Pages : null
  } catch {
    return null
  }
}
