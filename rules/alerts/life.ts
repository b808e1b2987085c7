import { isDeepStrictEqual } from 'node:util'
import type { Alert, AlertAct, AlertState, EpochMs, JsonObject } from '../../gateway/contract/index.ts'
import type { Entry, Subject } from './entries.ts'

/** Everything about an alert that its entries decide. JSON, so that the oldest entries can be folded away into it. */
export interface Life {
  readonly state: AlertState
  readonly condition: Alert['condition']
  readonly subject: Subject
  readonly count: number
  readonly lastRaisedAt: EpochMs
  readonly changedAt: EpochMs
  /** Since when it waits for somebody: deadlines and escalation count from here. */
  readonly askedAt: EpochMs
  readonly escalation: number
  /** When the last step was taken. */
  readonly escalatedAt?: EpochMs
  readonly reopened: number
  readonly acknowledged?: Alert['acknowledged']
  readonly assigned?: Alert['assigned']
  readonly shelved?: Alert['shelved']
  readonly resolved?: Alert['resolved']
  readonly evaluated?: Alert['evaluated']
  readonly closedAt?: EpochMs
  readonly suppressedBy?: string
  readonly chattering?: true
}

/** `already`: somebody was first. A code: not allowed here, and why. */
export type Effect = { readonly life: Life } | 'already' | Code
export type Code = 'ALERT_STILL_ACTIVE' | 'ALERT_NOT_ALLOWED'

/** What decides, apart from the entries. */
export interface LifeRules {
  /** Scores up to this reopen. */
  readonly reopenScore: number
}

type ActName = AlertAct['act']
type Of<A extends ActName> = Extract<AlertAct, { readonly act: A }>
type Move<A extends ActName> = ((life: Life, act: Of<A>, at: EpochMs, rules: LifeRules) => Effect) | 'already' | Code

/** The person who acts has seen it: whatever it is, it waits for nobody else to notice it. */
const acknowledge = (life: Life, { by }: AlertAct, at: EpochMs): Life => ({ ...life, state: 'acknowledged', acknowledged: life.acknowledged ?? { at, by } })
const asks = (life: Life, at: EpochMs): Life => {
  const { acknowledged: _a, resolved: _r, closedAt: _c, shelved: _s, suppressedBy: _p, escalatedAt: _e, ...rest } = life
  return { ...rest, state: 'raised', askedAt: at, escalation: 0 }
}
const reopen = (life: Life, at: EpochMs): Life => {
  const { chattering: _, ...rest } = asks(life, at)
  return { ...rest, reopened: life.reopened + 1 }
}
const assign: Move<'assign'> = (life, act, at) => ({ life: { ...acknowledge(life, act, at), assigned: { at, by: act.by, to: act.to } } })
const shelve: Move<'shelve'> = (life, { by, until, reason }, at) => ({ life: { ...life, shelved: { at, by, until, reason } } })
const unshelve: Move<'unshelve'> = (life, _act, at) => (life.shelved ? { life: returned(life, at) } : 'already')
const resolve: Move<'resolve'> = (life, act, at) => {
  if (life.condition === 'active') return 'ALERT_STILL_ACTIVE'
  const { shelved: _s, chattering: _c, suppressedBy: _p, ...rest } = acknowledge(life, act, at)
  return { life: { ...rest, state: 'resolved', resolved: { at, by: act.by, note: act.note } } }
}
const evaluate: Move<'evaluate'> = (life, { by, score, text }, at, { reopenScore }) => {
  if (life.evaluated && life.evaluated.at >= (life.resolved?.at ?? 0)) return 'already'
  const rated: Life = { ...life, evaluated: { at, by, score, ...(text === undefined ? {} : { text }) } }
  return { life: score <= reopenScore ? reopen(rated, at) : { ...rated, state: 'closed', closedAt: life.closedAt ?? at } }
}
const reopens: Move<'reopen'> = (life, _act, at) => ({ life: reopen(life, at) })
const comment: Move<'comment'> = (life) => ({ life })

/** Which act does what in which state. Everything else is refused. README.md shows it as a table; a test holds the two together. */
export const table: { readonly [A in ActName]: Readonly<Record<AlertState, Move<A>>> } = {
  acknowledge: { raised: (life, act, at) => ({ life: acknowledge(life, act, at) }), acknowledged: 'already', resolved: 'already', closed: 'already' },
  assign: { raised: assign, acknowledged: assign, resolved: 'ALERT_NOT_ALLOWED', closed: 'ALERT_NOT_ALLOWED' },
  shelve: { raised: shelve, acknowledged: shelve, resolved: 'ALERT_NOT_ALLOWED', closed: 'ALERT_NOT_ALLOWED' },
  unshelve: { raised: unshelve, acknowledged: unshelve, resolved: 'already', closed: 'already' },
  resolve: { raised: resolve, acknowledged: resolve, resolved: 'already', closed: 'already' },
  evaluate: { raised: 'ALERT_NOT_ALLOWED', acknowledged: 'ALERT_NOT_ALLOWED', resolved: evaluate, closed: evaluate },
  reopen: { raised: 'already', acknowledged: 'already', resolved: reopens, closed: reopens },
  comment: { raised: comment, acknowledged: comment, resolved: comment, closed: comment },
}

/** A resident may say what it was like, and nothing else. */
export const mayResident: readonly ActName[] = ['evaluate', 'comment']

const returned = (life: Life, at: EpochMs): Life => {
  const { shelved: _, ...rest } = life
  return life.state === 'raised' ? afresh(rest, at) : rest
}
const afresh = ({ escalatedAt: _, ...life }: Life, at: EpochMs): Life => ({ ...life, askedAt: at, escalation: 0 })

function raised(life: Life, at: EpochMs, subject: Subject): Life {
  const again: Life = { ...life, subject, condition: subject.momentary ? 'momentary' : 'active', count: life.count + 1, lastRaisedAt: at }
  if (life.state === 'resolved' || life.state === 'closed') return reopen(again, at)
  // Shelved: somebody has said that it may come and go until then.
  if (life.shelved) return again
  // Graver than it was, or worked on no longer: whoever waits for it has less time, or hears of it now.
  const anew = subject.severity < life.subject.severity || (life.subject.mode !== undefined && subject.mode === undefined)
  return life.state === 'acknowledged' || anew ? asks(again, at) : again
}

function closed(life: Life, at: EpochMs, reason: string): Effect {
  const { shelved: _s, chattering: _c, suppressedBy: _p, ...rest } = life
  if (life.state === 'closed') return 'already'
  // A life that somebody has taken up again in the meantime, as it turned out.
  if (reason === 'time' && life.state !== 'resolved') return 'already'
  if (reason === 'returned' && life.condition === 'active') return 'already'
  return { life: { ...rest, state: 'closed', closedAt: at, resolved: life.resolved ?? { at, by: 'gateway', note: reason } } }
}

/** What one entry does to a life. */
export function step(life: Life, entry: Entry, rules: LifeRules): Effect {
  const at = entry.at
  switch (entry.kind) {
    case 'raise': return { life: raised(life, at, entry.subject) }
    case 'clear': return life.condition === 'active' ? { life: { ...life, condition: 'returned' } } : 'already'
    case 'chatter': return { life: { ...life, chattering: true, condition: life.condition === 'momentary' ? 'momentary' : entry.active ? 'active' : 'returned', count: life.count + entry.raises, lastRaisedAt: entry.last } }
    case 'calm': { const { chattering: _, ...rest } = life; return { life: rest } }
    case 'suppress': return life.state === 'raised' ? { life: { ...life, suppressedBy: entry.parent } } : 'already'
    case 'release': { const { suppressedBy: was, ...rest } = life; return was === undefined ? 'already' : { life: life.state === 'raised' ? afresh(rest, at) : rest } }
    case 'escalate': return { life: { ...life, escalation: Math.max(life.escalation, entry.step), escalatedAt: at } }
    case 'return': return life.shelved ? { life: returned(life, at) } : 'already'
    case 'close': return closed(life, at, entry.reason)
    case 'note': return { life }
    case 'act': {
      const { act } = entry
      if (act.origin === 'resident' && !mayResident.includes(act.act)) return 'ALERT_NOT_ALLOWED'
      const move = table[act.act][life.state] as Move<ActName>
      return typeof move === 'string' ? move : (move as (life: Life, act: AlertAct, at: EpochMs, rules: LifeRules) => Effect)(life, act, at, rules)
    }
  }
}

/** Before its first entry: nothing has asked yet. */
export function unborn(at: EpochMs, subject: Subject): Life {
  return { state: 'raised', condition: subject.momentary ? 'momentary' : 'active', subject, count: 0, lastRaisedAt: at, changedAt: at, askedAt: at, escalation: 0, reopened: 0 }
}

/** The whole life. Pure: whoever has the same entries has the same alert, in whatever order they came. */
export function fold(start: Life, entries: readonly Entry[], rules: LifeRules): Life {
  let life = start
  for (const entry of entries) {
    const effect = step(life, entry, rules)
    if (typeof effect !== 'string') life = entry.kind === 'note' ? effect.life : { ...effect.life, changedAt: entry.at }
  }
  return life
}

/** What people and pages see of it changed. */
export const isSame = (a: Life, b: Life): boolean => isDeepStrictEqual({ ...a, changedAt: 0 }, { ...b, changedAt: 0 })

/** What an act says, for its event and its line. */
export function saying(act: AlertAct): JsonObject {
  switch (act.act) {
    case 'assign': return { to: act.to }
    case 'shelve': return { until: act.until, reason: act.reason }
    case 'resolve': return { note: act.note, ...(act.photo === undefined ? {} : { photo: act.photo }) }
    case 'reopen': return { note: act.note }
    case 'evaluate': return { score: act.score, ...(act.text === undefined ? {} : { text: act.text }) }
    case 'comment': return { text: act.text }
    default: return {}
  }
}

/** The word of the event and of the timeline. */
export const wordOf: Readonly<Record<ActName, string>> = {
  acknowledge: 'acknowledged', assign: 'assigned', shelve: 'shelved', unshelve: 'unshelved', resolve: 'resolved', evaluate: 'evaluated', reopen: 'reopened', comment: 'commented',
}
