import type { ChangeOrder, ChangePort, ChangeView } from './change.ts'
import type { EpochMs } from './values.ts'

/** One wish of the city's for another configuration. `version`: the platform's own count. `hash`: SHA-256 of what was signed, hex. A type, so that it is JSON. */
export type DesiredMark = { readonly version: number; readonly hash: string; readonly actor: string }

/** The newest wish that was genuine, and what became of it: tried (`number`: of the configuration), or not (`code`). */
export type DesiredRecord = DesiredMark & {
  readonly at: EpochMs
  readonly number?: number | undefined
  /** Absent while it is on trial, and where it was never tried. */
  readonly outcome?: 'confirmed' | 'rolled-back' | undefined
  /** A code of docs/errors.md, of a wish that was refused or taken back. */
  readonly code?: string | undefined
  readonly detail?: string | undefined
}

/** A change that the city ordered. */
export interface DesiredOrder extends ChangeOrder {
  readonly desired: DesiredMark
  /** SHA-256, hex, of the text it was built upon. Throws ConfigError CHANGE_BASE where another one runs. */
  readonly base?: string | undefined
}

/** What the city's wishes need of the configurations. Each wish gets one answer, on disk before anything else happens. */
export interface DesiredPort extends ChangePort {
  /** Its version is the floor: nothing below it is tried again. Null before the first. */
  desired(): DesiredRecord | null
  /** As `apply`; the wish is remembered in the same write that begins the trial. What runs already is confirmed at once. */
  applyDesired(order: DesiredOrder): Promise<ChangeView>
  /** It is not tried, now or later. Throws ConfigError CHANGE_BOOK. */
  refuseDesired(mark: DesiredMark, code: string, detail: string): Promise<void>
  /** Called after whatever changes `view` or `desired`. Returns the function that ends it. */
  watch(listener: () => void): () => void
  /** Every text that may be in force again: those of the book, and what lies in the file. */
  texts(): AsyncIterable<string>
}
