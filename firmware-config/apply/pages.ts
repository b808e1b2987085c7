import type { Configuration, DesiredRecord, EpochMs } from '../../gateway/contract/index.ts'
import { count, flag, list, nullOr, number, one, ordinal, record, text } from '../../gateway/kit/guards.ts'
import type { Trial } from './trial.ts'

export interface Entry extends Configuration { readonly at: EpochMs; readonly bytes: number }

/** What `book.json` holds. `desired` came later: a book without it is as sound. */
export interface Pages { readonly format: 1; readonly inForce: number; readonly trial: Trial | null; readonly entries: readonly Entry[]; readonly desired?: DesiredRecord }

const trial = record({
  number: count, previous: count, confirm: one('person', 'health'), windowMs: count, boot: text, beganAt: number, starts: count,
  baseline: record({ connections: list(text), devices: list(text), uplinks: list(text), failed: list(text), console: flag }),
})
const entry = record({
  number: ordinal, at: number, by: text, origin: one('file', 'cli', 'console', 'city'), reason: text, hash: text, bytes: count,
  outcome: one('found', 'trial', 'confirmed', 'rolled-back', 'kept-aside'),
}, { note: text })
const desired = record({ version: ordinal, hash: text, actor: text, at: number }, { number: count, outcome: one('confirmed', 'rolled-back'), code: text, detail: text })
const pages = record({ format: one(1), inForce: count, trial: nullOr(trial), entries: list(entry) }, { desired })

/** Null: damaged. */
export function readPages(json: string): Pages | null {
  try {
    const found: unknown = JSON.parse(json)
    return pages(found) ? found as Pages : null
  } catch {
    return null
  }
}
