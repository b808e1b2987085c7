import type { EpochMs } from './values.ts'

interface ActBase {
  /** 16 hex digits, made by whoever acts: the same act heard twice is one. */
  readonly id: string
  /** The alert's id. */
  readonly alert: string
  readonly at: EpochMs
  /** A person of the roster, an account, or an actor of the city: an id, never a name. */
  readonly by: string
  readonly origin: 'site' | 'city' | 'resident'
}
/** What a person does with an alert. A type, so that it is JSON. */
export type AlertAct = ActBase & (
  | { readonly act: 'acknowledge' }
  | { readonly act: 'assign'; readonly to: string }
  | { readonly act: 'shelve'; readonly until: EpochMs; readonly reason: string }
  | { readonly act: 'unshelve' }
  | { readonly act: 'resolve'; readonly note: string; /** Id of one that stays on the box. */ readonly photo?: string }
  | { readonly act: 'evaluate'; readonly score: 1 | 2 | 3 | 4 | 5; readonly text?: string }
  | { readonly act: 'reopen'; readonly note: string }
  | { readonly act: 'comment'; readonly text: string }
)
