import type { Alert, AlertAct, GatewayEvent } from '../../gateway/contract/index.ts'
import { insert, type Entry, type Subject } from '../../rules/alerts/entries.ts'
import { fold, unborn, type Life } from '../../rules/alerts/life.ts'

type Data = Readonly<Record<string, any>>

/** What a platform knows of an alert from its records alone: every step as an entry, folded in their order of time. */
export function lifeOf(records: readonly GatewayEvent[], reopenScore = 2): Life {
  const [first] = records
  let entries: readonly Entry[] = []
  for (const record of records) {
    const entry = entryOf(record)
    if (entry?.kind === 'chatter') {
      // One entry grows while it chatters.
      const growing = entries.findLast((one) => one.kind === 'chatter' || one.kind === 'calm')
      if (growing?.kind === 'chatter') { entries = entries.filter((one) => one !== growing); entries = insert(entries, { ...entry, at: growing.at }); continue }
    }
    if (entry) entries = insert(entries, entry)
  }
  return fold(unborn(first!.at, subjectOf(first!)), entries, { reopenScore })
}

function subjectOf({ data, mode }: GatewayEvent): Subject {
  const { severity, title, condition } = data as Data
  return { severity, title, data: {}, ...(condition === 'momentary' ? { momentary: true } : {}), ...(mode ? { mode } : {}) }
}

function entryOf(record: GatewayEvent): Entry | null {
  const { at } = record
  const data = record.data as Data
  if (data.act) return { kind: 'act', at, act: { ...said(data), id: data.act, alert: data.id, at, by: data.by, origin: data.origin } as AlertAct }
  switch (data.state) {
    case 'raised': return { kind: 'raise', at, subject: subjectOf(record) }
    // By a poor rating, which is its own record.
    case 'reopened': return data.reason === 'rating' ? null : { kind: 'raise', at, subject: subjectOf(record) }
    case 'cleared': return { kind: 'clear', at, data: {} }
    case 'closed': return { kind: 'close', at, reason: data.reason }
    case 'unshelved': return { kind: 'return', at }
    case 'escalated': return { kind: 'escalate', at, step: data.step, notify: [], mention: [] }
    case 'suppressed': return { kind: 'suppress', at, parent: data.suppressedBy }
    case 'released': return { kind: 'release', at }
    default: return null
  }
}

function said({ state, to, until, reason, note, score, text }: Data): object {
  switch (state) {
    case 'acknowledged': return { act: 'acknowledge' }
    case 'assigned': return { act: 'assign', to }
    case 'shelved': return { act: 'shelve', until, reason }
    case 'unshelved': return { act: 'unshelve' }
    case 'resolved': return { act: 'resolve', note }
    case 'evaluated': return { act: 'evaluate', score, ...(text === undefined ? {} : { text }) }
    case 'reopened': return { act: 'reopen', note }
    default: return { act: 'comment', text }
  }
}

/** What both sides must agree on. */
export const essence = ({ state, condition, count, acknowledged, assigned, shelved, resolved, evaluated, reopened, closedAt }: Alert | Life): object => ({ state, condition, count, acknowledged, assigned, shelved, resolved, evaluated, reopened, closedAt })
