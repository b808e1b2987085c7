import type { AlertAct, EpochMs, JsonObject, RaiseAlert } from '../../gateway/contract/index.ts'

/** What a raise says of its alert; the latest one counts. */
export type Subject = Pick<RaiseAlert, 'severity' | 'title' | 'data' | 'deviceId' | 'place' | 'momentary' | 'mode'>

/**
 * One line of an alert's life. What the building and the gateway do is told by this box alone, in its order; what people do may come from
 * the city late and in any order. All are folded in the order of (at, whether a person did it, the act's id), see {@link insert}.
 */
export type Entry =
  | { readonly kind: 'raise'; readonly at: EpochMs; readonly subject: Subject }
  | { readonly kind: 'clear'; readonly at: EpochMs; readonly data: JsonObject }
  /** While it chatters one entry stands for all that come and go; it is replaced in its place. */
  | { readonly kind: 'chatter'; readonly at: EpochMs; readonly raises: number; readonly active: boolean; readonly last: EpochMs }
  | { readonly kind: 'calm'; readonly at: EpochMs }
  | { readonly kind: 'suppress'; readonly at: EpochMs; readonly parent: string }
  | { readonly kind: 'release'; readonly at: EpochMs }
  | { readonly kind: 'escalate'; readonly at: EpochMs; readonly step: number; readonly notify: readonly string[]; readonly mention: readonly string[] }
  /** Shelving is over. */
  | { readonly kind: 'return'; readonly at: EpochMs }
  /** Nobody has to do anything more: it resolved itself, its time is over, or it had to make room. */
  | { readonly kind: 'close'; readonly at: EpochMs; readonly reason: CloseReason }
  | { readonly kind: 'note'; readonly at: EpochMs; readonly what: string; readonly by?: string; readonly data?: JsonObject }
  | { readonly kind: 'act'; readonly at: EpochMs; readonly act: AlertAct }

export type CloseReason = 'returned' | 'time' | 'room'

/** A person's act comes after what the building did in the same millisecond: the person has seen it. */
const rank = (entry: Entry): string => (entry.kind === 'act' ? entry.act.id : '')
const isAfter = (a: Entry, b: Entry): boolean => a.at > b.at || (a.at === b.at && rank(a) > rank(b))

/** A new list with the entry in its place. Entries of the box with one time stay in the order in which they came. */
export function insert(entries: readonly Entry[], entry: Entry): readonly Entry[] {
  let index = entries.length
  while (index > 0 && isAfter(entries[index - 1]!, entry)) index--
  return entries.toSpliced(index, 0, entry)
}
