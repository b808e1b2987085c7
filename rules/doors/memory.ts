import type { EpochMs, Json, JsonObject } from '../../gateway/contract/index.ts'

/** When it happened, by whoever saw it, and when it came here. */
export interface Moment { readonly at: EpochMs; readonly now: EpochMs }
export type Opening = Moment
/** An opening in the `forMs` after it is no force. */
export interface Grant extends Moment { readonly forMs: number; readonly by: string }

/** All a door remembers. JSON; changed in place by the machine alone. */
export interface DoorMemory {
  /** `lost-…`: it cannot be read now and was so before. */
  contact: 'new' | 'closed' | 'open' | 'lost-closed' | 'lost-open'
  opening: Opening | null
  /** An opening nobody is known to have granted, until `due`. */
  suspect: (Opening & { readonly due: EpochMs }) | null
  /** The alert stands. `told`: by the controller itself. */
  forced: (Moment & { readonly told: boolean }) | null
  /** The controller said forced and its contact has not said open yet. */
  word: { readonly due: EpochMs } | null
  held: boolean
  lock: 'unknown' | 'locked' | 'unlocked'
  unlocked: { readonly at: EpochMs; now: EpochMs; told: boolean; tries: number; /** When it is to be locked. */ next: EpochMs | null } | null
  grants: Grant[]
  /** Exit buttons that are pressed, tamper contacts that speak, by point. */
  pressed: readonly string[]
  tamper: readonly string[]
  /** Inputs that cannot be read, since when. */
  lost: Readonly<Record<string, EpochMs>>
  fault: boolean
  fire: boolean
}

export const newMemory = (): DoorMemory => ({
  contact: 'new', opening: null, suspect: null, forced: null, word: null, held: false, lock: 'unknown', unlocked: null, grants: [], pressed: [], tamper: [], lost: {}, fault: false, fire: false,
})

const isFields = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumber = (value: Json | undefined): value is number => typeof value === 'number' && Number.isFinite(value)
const texts = (value: Json | undefined): string[] => (Array.isArray(value) ? (value as readonly Json[]).filter((each): each is string => typeof each === 'string').slice(0, 64) : [])
const moment = (value: Json | undefined): Moment | null => (isFields(value) && isNumber(value.at) && isNumber(value.now) ? { at: value.at, now: value.now } : null)

/**
 * What was stored; anything else is as new. What a contact said before the restart is what it said last, not what it says now: the
 * first reading tells whether somebody went through meanwhile.
 */
export function parseMemory(state: Json | undefined): DoorMemory {
  const memory = newMemory()
  if (!isFields(state)) return memory
  const { contact, suspect, forced, word, lock, unlocked, grants, lost } = state
  if (contact === 'closed' || contact === 'lost-closed') memory.contact = 'lost-closed'
  if (contact === 'open' || contact === 'lost-open') memory.contact = 'lost-open'
  memory.opening = moment(state.opening)
  const doubt = moment(suspect)
  if (doubt && isFields(suspect) && isNumber(suspect.due)) memory.suspect = { ...doubt, due: suspect.due }
  const break_ = moment(forced)
  if (break_ && isFields(forced)) memory.forced = { ...break_, told: forced.told === true }
  if (isFields(word) && isNumber(word.due)) memory.word = { due: word.due }
  memory.held = state.held === true
  if (lock === 'locked' || lock === 'unlocked') memory.lock = lock
  const open = moment(unlocked)
  if (open && isFields(unlocked)) memory.unlocked = { ...open, told: unlocked.told === true, tries: isNumber(unlocked.tries) ? unlocked.tries : 0, next: isNumber(unlocked.next) ? unlocked.next : null }
  if (Array.isArray(grants)) {
    for (const each of (grants as readonly Json[]).slice(-8)) {
      const given = moment(each)
      if (given && isFields(each) && isNumber(each.forMs) && typeof each.by === 'string') memory.grants.push({ ...given, forMs: each.forMs, by: each.by })
    }
  }
  memory.pressed = texts(state.pressed)
  memory.tamper = texts(state.tamper)
  if (isFields(lost)) memory.lost = Object.fromEntries(Object.entries(lost).filter((entry): entry is [string, number] => isNumber(entry[1])).slice(0, 64))
  memory.fault = state.fault === true
  memory.fire = state.fire === true
  return memory
}
