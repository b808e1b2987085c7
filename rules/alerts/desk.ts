import type { ActAnswer, Alert, AlertAct, AlertDesk, AlertSummary, AlertWork, EpochMs, Facility, Severity } from '../../gateway/contract/index.ts'
import { judgeAct } from './acts.ts'
import { AlertBook, floodKey } from './book.ts'
import { Building, fullKey } from './building.ts'
import { decide, nextDecision } from './decisions.ts'
import type { Entry } from './entries.ts'
import { isSame, mayResident, saying, step, wordOf } from './life.ts'
import { before, hasAct, lastAt, notBefore, type AlertRecord } from './record.ts'
import { noRoster, type Roster } from './roster.ts'
import type { AlertsConfig } from './schema.ts'
import { isStanding, statistics, type AlertStatistics } from './statistics.ts'

export interface DeskParts {
  /** 16 hex digits. */
  newId(): string
  readonly config: AlertsConfig
  /** For the connection of a device. */
  readonly facility?: Pick<Facility, 'devices'>
  readonly roster?: Roster
  /** Nothing was raised in the future, whatever a device's clock says. */
  now?(): EpochMs
  /** Beyond it the least grave and oldest make room. */
  readonly maxOpen?: number
}

export interface BuildingDesk extends AlertDesk {
  /** Rings, is told, says TEST everywhere, and ends by itself after 30 s. */
  test(severity: Severity, by: string, now: EpochMs): AlertWork
  /** Maintenance is over for these: what is still so waits for somebody from now on. */
  unmute(covers: (alert: Alert) => boolean, now: EpochMs): AlertWork
  /** Of the alerts that are kept and began at or after `from`. */
  statistics(from: EpochMs, now: EpochMs): AlertStatistics
}

const testMs = 30_000
const nothing: AlertWork = { events: [], state: [] }

/** Owns the alerts' life: building.ts says what the building does to it, life.ts what people do, decisions.ts what the clock does. */
export function createAlertDesk({ newId, config, facility = { devices: new Map() }, roster = noRoster, now: clock = () => Infinity, maxOpen = 5_000 }: DeskParts): BuildingDesk {
  const book = new AlertBook({ config, facility, roster, maxOpen })
  const building = new Building({ book, newId, now: clock, maxOpen })
  let wake: EpochMs | undefined

  const plan = (): void => {
    const times = [...book.records.values()].flatMap(({ wakeAt }) => wakeAt ?? [])
    wake = times.reduce<EpochMs | undefined>((first, time) => (first === undefined || time < first ? time : first), book.flood.wakeAt())
  }
  /** Ends every call: when the clock is asked next, and what is to be committed. */
  const done = (): AlertWork => {
    for (const record of book.changed) record.wakeAt = nextDecision(book, record)
    plan()
    return book.take()
  }

  const act = (given: AlertAct, now: EpochMs): ActAnswer => {
    const refuse = (code: string, detail: string): ActAnswer => ({ outcome: 'refused', code, detail })
    const wrong = judgeAct(given, now, config.shelve)
    if (wrong) return refuse('ALERT_ACT_INVALID', wrong)
    const record = book.records.get(given.alert)
    if (!record) return refuse('ALERT_UNKNOWN', `there is no alert ${given.alert}; it was closed a while ago, or the id is mistyped. linli alerts lists them`)
    const already = (): ActAnswer => ({ ...nothing, outcome: 'already', alert: book.view(record) })
    if (hasAct(record, given.id)) return already()
    const acted = { ...given, at: placeOf(given, record, now) }
    const entry: Entry = { kind: 'act', at: acted.at, act: acted }
    const effect = step(before(record, entry, book.rules), entry, book.rules)
    if (effect === 'ALERT_STILL_ACTIVE') return refuse(effect, `"${record.life.subject.title.en}" is still so; it can be resolved when its cause is gone. Acknowledge, assign or shelve it meanwhile`)
    if (effect === 'ALERT_NOT_ALLOWED') return refuse(effect, notAllowed(acted, record))
    const was = record.life
    if (effect === 'already') return already()
    book.add(record, entry)
    // One that came late and changes nothing is kept all the same: what comes later still may make it count.
    const outcome = acted.act !== 'comment' && isSame(was, record.life) ? 'already' : 'applied'
    tell(record, acted, was.state !== 'raised' && record.life.state === 'raised')
    building.release(record, acted.at)
    const work = done()
    return { ...work, outcome, alert: book.view(record) }
  }

  /** `asks`: it waits for somebody again. */
  const tell = (record: AlertRecord, { at, id, act: name, by, origin, ...rest }: AlertAct, asks: boolean): void => {
    const told = asks ? { told: book.toldAtFirst(record, at) } : {}
    const said = saying({ at, id, act: name, by, origin, ...rest } as AlertAct)
    book.tell(record, { at, state: wordOf[name], data: said, by, origin, act: id, ...(name === 'evaluate' ? {} : told) })
    if (asks && name === 'evaluate') book.tell(record, { at, state: 'reopened', by: 'gateway', data: { reason: 'rating', ...said }, ...told })
  }

  return {
    apply(effects) {
      for (const effect of effects) if (effect.kind === 'raise') building.raise(effect); else building.clear(effect)
      return effects.length === 0 ? nothing : done()
    },
    act,
    note(id, entry) {
      const record = book.records.get(id)
      if (!record) return nothing
      const at = Math.max(Math.min(entry.at, clock()), notBefore(record))
      book.add(record, { kind: 'note', ...entry, at })
      book.tell(record, { at, state: entry.what, ...(entry.data ? { data: entry.data } : {}), ...(entry.by === undefined ? {} : { by: entry.by }) })
      return done()
    },
    tick(now) {
      const due = [...book.records.values()].filter(({ wakeAt }) => wakeAt !== undefined && wakeAt <= now)
      for (const record of due) {
        decide(book, record, now)
        // Also where nothing came of it: the next time is another.
        record.wakeAt = nextDecision(book, record)
        building.release(record, now)
      }
      if (book.flood.ended(now)) building.clear({ kind: 'clear', key: floodKey, ruleId: 'gateway', at: now, data: {} })
      if (book.openCount <= maxOpen * 0.9) building.clear({ kind: 'clear', key: fullKey, ruleId: 'gateway', at: now, data: {} })
      return done()
    },
    test(severity, by, now) {
      building.raise({ kind: 'raise', key: `test/alarm/${severity}`, ruleId: 'test', severity, at: now, title: { zh: '报警试验', en: 'alarm test' }, data: { by, endsAt: now + testMs }, mode: 'test' })
      return done()
    },
    unmute(covers, now) {
      for (const record of book.open()) if (record.life.subject.mode !== undefined && covers(book.view(record))) building.unmute(record, now)
      return done()
    },
    wakeAt: () => wake,
    open: () => book.open().toSorted(byUrgency).map((record) => book.view(record)),
    find: (id) => { const record = book.records.get(id); return record && book.view(record) },
    closed: () => book.closed(),
    summary: (now) => summaryOf(book, now),
    statistics: (from, now) => statistics(book.records.values(), from, now),
    onChange: (listener) => book.onChange(listener),
    restore(entries) {
      book.restore(entries)
      for (const record of book.records.values()) {
        // Whether what explains it still stands is looked at again.
        if (record.life.suppressedBy !== undefined && !book.stillExplains(record.life.suppressedBy)) record.releaseAt = -Infinity
        record.wakeAt = nextDecision(book, record)
      }
      plan()
    },
  }
}

/**
 * Where an act stands in the alert's life. Who acts here has seen all that is here, whatever the clock did. What comes from the city has the
 * time at which it was done there, in the past and not before what is folded away.
 */
function placeOf(act: AlertAct, record: AlertRecord, now: EpochMs): EpochMs {
  const latest = Math.max(now, lastAt(record))
  return act.origin === 'city' ? Math.max(record.floor, Math.min(act.at, latest)) : latest
}

function notAllowed({ act, origin }: AlertAct, { life: { state } }: AlertRecord): string {
  if (origin === 'resident' && !mayResident.includes(act)) return 'a resident may rate and comment; the rest is for the people of the house'
  return state === 'raised' || state === 'acknowledged' ? `it cannot be ${wordOf[act]} before it is resolved` : `it is ${state}; reopen it first`
}

/** What needs somebody before what only waits for a rating, then the gravest, then the oldest. */
function byUrgency(a: AlertRecord, b: AlertRecord): number {
  const rank = ({ life }: AlertRecord): number => (life.state === 'resolved' ? 10 : life.subject.severity)
  return rank(a) - rank(b) || a.raisedAt - b.raisedAt
}

function summaryOf(book: AlertBook, now: EpochMs): AlertSummary {
  const standing = book.open().filter(({ life }) => life.state !== 'resolved' && life.subject.mode === undefined)
  const loud = standing.filter(({ life }) => life.shelved === undefined && life.suppressedBy === undefined)
  const of = (severity: Severity): number => loud.filter(({ life }) => life.subject.severity === severity).length
  return {
    open: { 1: of(1), 2: of(2), 3: of(3), 4: of(4) }, waiting: loud.filter(({ life }) => life.state === 'raised').length, flood: book.flood.summary(),
    shelved: standing.filter(({ life }) => life.shelved !== undefined).length, suppressed: standing.filter(({ life }) => life.suppressedBy !== undefined).length,
    standing: standing.filter(({ life }) => isStanding(life, now)).length,
  }
}
