import type { Alert, AlertWork, EpochMs, Facility, GatewayEvent, Json, Severity, StateWrite } from '../../gateway/contract/index.ts'
import type { Entry } from './entries.ts'
import { stepEvent, type StepFacts } from './events.ts'
import { Flood } from './flood.ts'
import type { Life, LifeRules } from './life.ts'
import { isParentOf, mayExplain, explains } from './parents.ts'
import { add, newRecord, parseFirst, parseRecord, replace, stateKey, stateOf, viewOf, type AlertRecord } from './record.ts'
import { nobody, type Roster, type Told } from './roster.ts'
import { raisesOf } from './statistics.ts'
import type { AlertsConfig } from './schema.ts'

export interface BookParts {
  readonly config: AlertsConfig
  readonly facility: Pick<Facility, 'devices'>
  readonly roster: Roster
  /** Open alerts; beyond it the least grave and oldest make room. */
  readonly maxOpen: number
}

const maxClosed = 500

/** All alerts there are, and what one call changed: events and state to be committed together. */
export class AlertBook {
  readonly records = new Map<string, AlertRecord>()
  readonly flood: Flood
  readonly rules: LifeRules
  readonly #parts: BookParts
  /** The newest of each condition. */
  readonly #byKey = new Map<string, AlertRecord>()
  readonly #closed = new Set<AlertRecord>()
  /** Alerts that may explain others: few. */
  readonly #parents = new Set<AlertRecord>()
  readonly #listeners = new Set<(alert: Alert) => void>()
  #events: GatewayEvent[] = []
  #changed = new Set<AlertRecord>()
  #gone: string[] = []

  constructor(parts: BookParts) {
    this.#parts = parts
    this.flood = new Flood(parts.config.flood)
    this.rules = { reopenScore: parts.config.reopenScore }
  }

  get config(): AlertsConfig { return this.#parts.config }
  get roster(): Roster { return this.#parts.roster }
  newest(key: string): AlertRecord | undefined { return this.#byKey.get(key) }
  get openCount(): number { return this.records.size - this.#closed.size }
  get isFull(): boolean { return this.openCount >= this.#parts.maxOpen }
  open(): AlertRecord[] { return [...this.records.values()].filter(({ life }) => life.state !== 'closed') }
  closed(): readonly Alert[] { return [...this.#closed].toReversed().map((record) => this.view(record)) }

  parentOf(child: AlertRecord): AlertRecord | undefined {
    for (const parent of this.#parents) if (isParentOf(parent, child, this.#parts.facility)) return parent
    return undefined
  }
  isParentOf(parent: AlertRecord, child: AlertRecord): boolean { return isParentOf(parent, child, this.#parts.facility) }
  /** Is the key still that of something that explains others? */
  stillExplains(key: string): boolean { return [...this.#parents].some((parent) => parent.key === key && explains(parent)) }

  readonly due = ({ state, subject, askedAt, suppressedBy }: Life): Alert['due'] => {
    if (subject.mode !== undefined || suppressedBy !== undefined || state === 'resolved' || state === 'closed') return {}
    const { acknowledge, resolve } = this.config.deadlines[subject.severity]
    return { ...(state === 'raised' ? { acknowledge: askedAt + acknowledge } : {}), resolve: askedAt + resolve }
  }
  view(record: AlertRecord): Alert { return viewOf(record, this.due) }

  create(of: Pick<AlertRecord, 'id' | 'key' | 'ruleId'>, first: Extract<Entry, { kind: 'raise' }>): AlertRecord {
    const record = newRecord(of, first)
    this.records.set(record.id, record)
    this.#byKey.set(record.key, record)
    return record
  }

  add(record: AlertRecord, entry: Entry): void { add(record, entry, this.rules); this.#touched(record) }
  replace(record: AlertRecord, old: Entry, by: Entry): void { replace(record, old, by, this.rules); this.#touched(record) }

  get changed(): ReadonlySet<AlertRecord> { return this.#changed }

  /** Tells a step. */
  tell(record: AlertRecord, facts: StepFacts): void { this.#events.push(stepEvent(this.view(record), facts)) }

  /** Who is told that it asks. In a flood only what is gravest is told one by one. */
  toldAtFirst(record: AlertRecord, at: EpochMs): Told { return this.isQuiet(record) ? nobody : this.roster.first(this.view(record), at) }
  toldAtStep(record: AlertRecord, step: number, at: EpochMs): Told { return this.isQuiet(record) ? nobody : this.roster.escalate(this.view(record), step, at) }
  isQuiet({ key, life }: AlertRecord): boolean {
    const { mode, severity } = life.subject
    return life.suppressedBy !== undefined || life.shelved !== undefined || (mode !== undefined && mode !== 'test') || (this.flood.active && severity > 1 && key !== floodKey)
  }

  forget(record: AlertRecord): void {
    this.records.delete(record.id)
    this.#closed.delete(record)
    this.#parents.delete(record)
    this.#changed.delete(record)
    if (this.#byKey.get(record.key) === record) this.#byKey.delete(record.key)
    this.#gone.push(stateKey(record.id))
  }

  /** The least grave, of those the oldest. */
  leastNeeded(): AlertRecord | undefined {
    let found: AlertRecord | undefined
    const isLess = (a: AlertRecord, b: AlertRecord): boolean => rankOf(a) > rankOf(b) || (rankOf(a) === rankOf(b) && a.raisedAt < b.raisedAt)
    for (const record of this.records.values()) if (record.life.state !== 'closed' && (!found || isLess(record, found))) found = record
    return found
  }

  onChange(listener: (alert: Alert) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What has changed since the last time, to be committed; listeners hear of it now. */
  take(): AlertWork {
    for (const record of this.#closed) {
      if (this.#closed.size <= maxClosed) break
      this.forget(record)
    }
    const changed = [...this.#changed]
    const state: StateWrite[] = [...changed.map((record) => ({ key: stateKey(record.id), value: stateOf(record) })), ...this.#gone.map((key) => ({ key, value: null }))]
    const work = { events: this.#events, state }
    this.#events = []
    this.#changed = new Set()
    this.#gone = []
    if (this.#listeners.size > 0) for (const record of changed) { const alert = this.view(record); for (const listener of this.#listeners) listener(alert) }
    return work
  }

  restore(entries: readonly (readonly [string, Json])[]): void {
    const found = entries.flatMap(([key, value]) => {
      const record = parseRecord(value, this.rules)
      if (record && stateKey(record.id) === key) return [record]
      // Of a version before, or not ours: let go with the next commit, so that it does not come back at every start.
      this.#gone.push(key)
      const first = parseFirst(value)
      if (first) this.#changed.add(first)
      return first ?? []
    }).toSorted((a, b) => a.raisedAt - b.raisedAt)
    for (const record of found) {
      this.records.set(record.id, record)
      this.#byKey.set(record.key, record)
    }
    for (const record of found.toSorted((a, b) => (a.life.closedAt ?? 0) - (b.life.closedAt ?? 0))) this.#index(record)
    this.flood.restore(found.filter(({ key, life }) => life.subject.mode === undefined && life.suppressedBy === undefined && key !== floodKey).flatMap((record) => raisesOf(record)))
  }

  #touched(record: AlertRecord): void {
    this.#changed.add(record)
    this.#index(record)
  }

  #index(record: AlertRecord): void {
    if (record.life.state === 'closed') this.#closed.add(record)
    else this.#closed.delete(record)
    if (mayExplain(record) && explains(record)) this.#parents.add(record)
    else this.#parents.delete(record)
  }
}

export const floodKey = 'gateway/flood'
const rankOf = ({ life }: AlertRecord): Severity | 5 => (life.state === 'resolved' ? 5 : life.subject.severity)
