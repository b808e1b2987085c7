import type { EpochMs } from '../../gateway/contract/index.ts'
import type { Schedule } from '../hours.ts'
import type { DoorMemory, Grant, Moment } from './memory.ts'

type Level = 'on' | 'off' | 'unknown'
/** What the machine is told. `at`: when it happened, by whoever saw it; `now`: when it came here. */
export type DoorInput = { readonly now: EpochMs } & (
  | { readonly kind: 'contact'; readonly at: EpochMs; readonly value: 'open' | 'closed' | 'unknown' }
  | { readonly kind: 'lock'; readonly at: EpochMs; readonly value: 'unlocked' | 'locked' | 'unknown' }
  | { readonly kind: 'card'; readonly at: EpochMs }
  | { readonly kind: 'exit'; readonly at: EpochMs; readonly point: string; readonly value: Level }
  /** The controller's own word, which the city has already. */
  | { readonly kind: 'told'; readonly at: EpochMs; readonly what: 'forced' | 'held' }
  | { readonly kind: 'tamper'; readonly at: EpochMs; readonly point: string; readonly value: Level }
  | { readonly kind: 'fire'; readonly burning: boolean }
  | { readonly kind: 'time' }
)
type Input<K extends DoorInput['kind']> = Extract<DoorInput, { readonly kind: K }>

export type DoorResult = 'opened' | 'closed' | 'granted' | 'forced' | 'held-open' | 'unlocked-too-long' | 'tamper'
export type DoorAlert = 'forced' | 'heldOpen' | 'unlockedTooLong' | 'tamper' | 'fault' | 'afterHours'
export type DoorFacts = { readonly [key: string]: string | number | boolean }
export type DoorFinding =
  | { readonly kind: 'event'; readonly result: DoorResult; readonly at: EpochMs; readonly facts: DoorFacts }
  | { readonly kind: 'raise' | 'clear'; readonly alert: DoorAlert; readonly at: EpochMs; readonly facts: DoorFacts }
  /** The lock's pulse is over. */
  | { readonly kind: 'lock'; readonly at: EpochMs }

/** Milliseconds; see the keys of the site file. */
export interface DoorTimes {
  readonly heldOpenAfter: number
  readonly unlockedTooLong: number
  readonly grantWindow: number
  readonly grace: number
  readonly faultAfter: number
  readonly pulse?: number
  /** False where nobody could have granted anything, or the site file says so. */
  readonly detectsForced: boolean
  /** Outside, an opening is marked. */
  readonly hours?: Schedule
  /** Within, it may stand unlocked. */
  readonly free?: Schedule
}

type Act = 'found-open' | 'opened' | 'opened-unseen' | 'closed' | 'closed-unseen' | 'same'
/**
 * What the contact says, by what was known. `lost-…`: it cannot be read, and was so before. Nothing is called forced that opened while
 * nobody could see, because cards were not seen either.
 */
const passage: Readonly<Record<DoorMemory['contact'], Readonly<Record<Input<'contact'>['value'], readonly [to: DoorMemory['contact'], act: Act]>>>> = {
  'new': { open: ['open', 'found-open'], closed: ['closed', 'same'], unknown: ['new', 'same'] },
  'closed': { open: ['open', 'opened'], closed: ['closed', 'same'], unknown: ['lost-closed', 'same'] },
  'open': { open: ['open', 'same'], closed: ['closed', 'closed'], unknown: ['lost-open', 'same'] },
  'lost-closed': { open: ['open', 'opened-unseen'], closed: ['closed', 'same'], unknown: ['lost-closed', 'same'] },
  'lost-open': { open: ['open', 'same'], closed: ['closed', 'closed-unseen'], unknown: ['lost-open', 'same'] },
}

/** A lock that does not lock is told to so often, so far apart; then the alert says it alone. */
const lockTries = 5
const lockAgainMs = 10_000
const keptGrants = 8

/** One step of a door; changes `memory`. No clock, no I/O. What was due before the input came is found first, at its own moment. */
export function stepDoor(memory: DoorMemory, input: DoorInput, times: DoorTimes): readonly DoorFinding[] {
  const out: DoorFinding[] = []
  notFromTheFuture(memory, input.now)
  fallDue(memory, input.now, times, out)
  switch (input.kind) {
    case 'contact': contact(memory, input, times, out); break
    case 'lock': lock(memory, input, times, out); break
    case 'card': grant(memory, { at: input.at, now: input.now, forMs: times.grantWindow, by: 'card' }, times, out); break
    case 'exit': exit(memory, input, times, out); break
    case 'told': told(memory, input, times, out); break
    case 'tamper': tamper(memory, input, out); break
    case 'fire': fire(memory, input.burning); break
    case 'time': break
  }
  fallDue(memory, input.now, times, out)
  return out
}

function contact(memory: DoorMemory, { value, at, now }: Input<'contact'>, times: DoorTimes, out: DoorFinding[]): void {
  loseOrFind(memory, 'contact', value === 'unknown', now, out)
  const [to, act] = passage[memory.contact][value]
  memory.contact = to
  if (act === 'found-open') memory.opening = { at, now }
  if (act === 'opened' || act === 'opened-unseen') open(memory, { at, now }, act === 'opened-unseen', times, out)
  if (act === 'closed' || act === 'closed-unseen') { memory.opening = null; out.push({ kind: 'event', result: 'closed', at, facts: act === 'closed' ? {} : { unseen: true } }) }
  if (to !== 'closed') return
  if (memory.held) { memory.held = false; out.push({ kind: 'clear', alert: 'heldOpen', at, facts: {} }) }
  if (memory.forced && !memory.word) endForced(memory, at, {}, out)
}

function open(memory: DoorMemory, opening: Moment, unseen: boolean, times: DoorTimes, out: DoorFinding[]): void {
  const { at, now } = opening
  const cause = unseen ? null : causeOf(memory, opening, times)
  const outside = times.hours !== undefined && !times.hours.isOpen(at)
  const facts = { cause: cause ?? 'unknown', ...(unseen ? { unseen } : {}), ...(outside ? { afterHours: true } : {}) }
  memory.opening = opening
  out.push({ kind: 'event', result: 'opened', at, facts })
  if (outside) out.push({ kind: 'raise', alert: 'afterHours', at, facts: { cause: facts.cause } })
  const word = memory.word !== null
  memory.word = null
  if (!word && cause === null && !unseen && times.detectsForced) memory.suspect ??= { ...opening, due: now + times.grace }
}

/** Why it may be open: a card, a button, a lock that is not locked. Null: nothing is known of any. */
function causeOf(memory: DoorMemory, opening: Moment, { grace }: DoorTimes): string | null {
  const found = memory.grants.findLast((each) => covers(each, opening, grace))
  if (found) return found.by
  if (memory.pressed.length > 0) return 'exit-button'
  return memory.lock === 'unlocked' ? 'unlocked' : null
}

/** By either clock, the devices' own or the order in which things came here: two devices never agree on the time. */
const covers = (given: Grant, opening: Moment, grace: number): boolean =>
  isWithin(opening.at - given.at, given.forMs, grace) || isWithin(opening.now - given.now, given.forMs, grace)
const isWithin = (later: number, forMs: number, grace: number): boolean => later >= -grace && later <= forMs

function force(memory: DoorMemory, opening: Moment, byDevice: boolean, out: DoorFinding[]): void {
  memory.suspect = null
  if (memory.forced) return
  memory.forced = { at: opening.at, now: opening.now, told: byDevice }
  if (!byDevice) out.push({ kind: 'event', result: 'forced', at: opening.at, facts: {} })
  out.push({ kind: 'raise', alert: 'forced', at: opening.at, facts: byDevice ? { toldByDevice: true } : {} })
}

function endForced(memory: DoorMemory, at: EpochMs, facts: DoorFacts, out: DoorFinding[]): void {
  memory.forced = null
  out.push({ kind: 'clear', alert: 'forced', at, facts })
}

function grant(memory: DoorMemory, given: Grant, { grace }: DoorTimes, out: DoorFinding[]): void {
  memory.grants.push(given)
  if (memory.grants.length > keptGrants) memory.grants.shift()
  if (memory.suspect && covers(given, memory.suspect, grace)) memory.suspect = null
  // It comes far too late, and shows that somebody was let in. The controller's own word stands.
  if (memory.forced && !memory.forced.told && covers(given, memory.forced, grace)) endForced(memory, given.now, { reason: 'grant-came-late', by: given.by }, out)
}

/** The door is let go on pressing, and a while after: some buttons are motion detectors that stay on. */
function exit(memory: DoorMemory, { point, value, at, now }: Input<'exit'>, times: DoorTimes, out: DoorFinding[]): void {
  loseOrFind(memory, point, value === 'unknown', now, out)
  if (value === 'unknown' || memory.pressed.includes(point) === (value === 'on')) return
  memory.pressed = [...memory.pressed.filter((each) => each !== point), ...(value === 'on' ? [point] : [])]
  if (value === 'on') out.push({ kind: 'event', result: 'granted', at, facts: { by: 'exit-button', point } })
  grant(memory, { at, now, forMs: times.grantWindow, by: 'exit-button' }, times, out)
}

function told(memory: DoorMemory, { what, at, now }: Input<'told'>, { grace }: DoorTimes, out: DoorFinding[]): void {
  if (what === 'held') {
    if (memory.contact !== 'open' || memory.held) return
    memory.held = true
    out.push({ kind: 'raise', alert: 'heldOpen', at, facts: { toldByDevice: true } })
    return
  }
  if (memory.forced) return
  force(memory, memory.suspect ?? { at, now }, true, out)
  // Its contact may be on its way; if that never says open, the word alone keeps no alert.
  if (memory.contact !== 'open') memory.word = { due: now + grace }
}

function lock(memory: DoorMemory, { value, at, now }: Input<'lock'>, times: DoorTimes, out: DoorFinding[]): void {
  loseOrFind(memory, 'lock', value === 'unknown', now, out)
  if (value === 'unknown' || value === memory.lock) return
  memory.lock = value
  const { unlocked } = memory
  if (value === 'unlocked') {
    memory.unlocked = { at, now, told: false, tries: 0, next: times.pulse === undefined || memory.fire ? null : now + times.pulse }
    // The strike may be heard of after the contact.
    if (memory.suspect && (memory.suspect.at - at >= -times.grace || memory.suspect.now - now >= -times.grace)) memory.suspect = null
    return
  }
  memory.unlocked = null
  if (!unlocked) return
  grant(memory, { at: unlocked.at, now: unlocked.now, forMs: Math.max(at - unlocked.at, now - unlocked.now) + times.grace, by: 'unlocked' }, times, out)
  if (unlocked.told) out.push({ kind: 'clear', alert: 'unlockedTooLong', at, facts: {} })
}

function tamper(memory: DoorMemory, { point, value, at, now }: Input<'tamper'>, out: DoorFinding[]): void {
  loseOrFind(memory, point, value === 'unknown', now, out)
  if (value === 'unknown') return
  const before = memory.tamper.length > 0
  memory.tamper = [...memory.tamper.filter((each) => each !== point), ...(value === 'on' ? [point] : [])]
  const after = memory.tamper.length > 0
  if (after && !before) out.push({ kind: 'event', result: 'tamper', at, facts: { point } }, { kind: 'raise', alert: 'tamper', at, facts: { point } })
  if (before && !after) out.push({ kind: 'clear', alert: 'tamper', at, facts: {} })
}

/** A pulse that a fire cut short is not taken up again: whoever ends the alarm sees to the doors. */
function fire(memory: DoorMemory, burning: boolean): void {
  memory.fire = burning
  if (burning && memory.unlocked) memory.unlocked.next = null
}

function loseOrFind(memory: DoorMemory, input: string, lost: boolean, now: EpochMs, out: DoorFinding[]): void {
  if (lost === (memory.lost[input] !== undefined)) return
  if (lost) { memory.lost = { ...memory.lost, [input]: now }; return }
  memory.lost = Object.fromEntries(Object.entries(memory.lost).filter(([name]) => name !== input))
  if (!memory.fault || Object.keys(memory.lost).length > 0) return
  memory.fault = false
  out.push({ kind: 'clear', alert: 'fault', at: now, facts: {} })
}

/** What waits until now, found at the moment it was due. */
function fallDue(memory: DoorMemory, now: EpochMs, times: DoorTimes, out: DoorFinding[]): void {
  const isDue = (at: EpochMs | undefined): at is EpochMs => at !== undefined && at <= now
  const { suspect, word, unlocked } = memory
  if (suspect && isDue(suspect.due)) {
    force(memory, suspect, false, out)
    if (memory.contact === 'closed' || memory.contact === 'lost-closed') endForced(memory, suspect.due, {}, out)
  }
  if (word && isDue(word.due)) {
    memory.word = null
    if (memory.contact === 'closed' && memory.forced) endForced(memory, word.due, { reason: 'never-opened' }, out)
  }
  const [held, tooLong, fault, relock] = [heldAt(memory, times), tooLongAt(memory, times), faultAt(memory, times), lockAt(memory)]
  if (isDue(held)) {
    memory.held = true
    out.push({ kind: 'event', result: 'held-open', at: held, facts: {} }, { kind: 'raise', alert: 'heldOpen', at: held, facts: {} })
  }
  if (isDue(tooLong)) {
    unlocked!.told = true
    out.push({ kind: 'event', result: 'unlocked-too-long', at: tooLong, facts: {} }, { kind: 'raise', alert: 'unlockedTooLong', at: tooLong, facts: {} })
  }
  if (isDue(fault)) {
    memory.fault = true
    out.push({ kind: 'raise', alert: 'fault', at: fault, facts: { inputs: Object.keys(memory.lost).toSorted().join(', ') } })
  }
  if (isDue(relock)) {
    unlocked!.tries++
    unlocked!.next = unlocked!.tries < lockTries ? now + lockAgainMs : null
    out.push({ kind: 'lock', at: now })
  }
}

const heldAt = ({ contact: state, held, opening }: DoorMemory, { heldOpenAfter }: DoorTimes): EpochMs | undefined => (state === 'open' && !held && opening ? opening.now + heldOpenAfter : undefined)

/** Its own long time, or the end of the hours in which it may stand unlocked. */
function tooLongAt({ unlocked }: DoorMemory, { unlockedTooLong, free }: DoorTimes): EpochMs | undefined {
  if (!unlocked || unlocked.told) return undefined
  const at = unlocked.now + unlockedTooLong
  return free?.isOpen(at) ? free.nextChange(at) : at
}

function faultAt({ lost, fault }: DoorMemory, { faultAfter }: DoorTimes): EpochMs | undefined {
  const since = Object.values(lost)
  return fault || since.length === 0 ? undefined : Math.min(...since) + faultAfter
}

const lockAt = ({ unlocked, fire: burning }: DoorMemory): EpochMs | undefined => (burning ? undefined : unlocked?.next ?? undefined)

/** When a tick is wanted. */
export function doorWakeAt(memory: DoorMemory, times: DoorTimes): EpochMs | undefined {
  const all = [memory.suspect?.due, memory.word?.due, heldAt(memory, times), tooLongAt(memory, times), faultAt(memory, times), lockAt(memory)].filter((at) => at !== undefined)
  return all.length === 0 ? undefined : Math.min(...all)
}

/** A wall clock that was set back must not make a wait longer than it is. */
function notFromTheFuture(memory: DoorMemory, now: EpochMs): void {
  const { opening, unlocked, suspect, word } = memory
  if (opening && opening.now > now) memory.opening = { ...opening, now }
  if (unlocked && unlocked.now > now) { if (unlocked.next !== null) unlocked.next -= unlocked.now - now; unlocked.now = now }
  if (suspect && suspect.now > now) memory.suspect = { ...suspect, now, due: suspect.due - suspect.now + now }
  if (word && word.due > now + 60_000) memory.word = { due: now }
  if (Object.values(memory.lost).some((since) => since > now)) memory.lost = Object.fromEntries(Object.entries(memory.lost).map(([name, since]) => [name, Math.min(since, now)]))
}
