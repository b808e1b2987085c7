import type { EpochMs, GatewayEvent, Label, Severity } from '../../gateway/contract/index.ts'

/** One alert, as its events tell it. */
export interface AlertCase {
  readonly id: string
  readonly rule: string
  readonly device?: string
  readonly place?: string
  severity: Severity
  title: Label
  readonly raisedAt: EpochMs
  /** When people were told of it first; null: not yet (maintenance, or another explains it). */
  startedAt: EpochMs | null
  /** Since when it waits for somebody, this time. */
  askedAt: EpochMs
  lastRaisedAt: EpochMs
  /** The first person who did anything about it. */
  answeredAt?: EpochMs
  acknowledged?: { readonly at: EpochMs; readonly by: string; readonly afterMs: number }
  resolved?: { readonly at: EpochMs; readonly by: string; readonly note: string }
  phase: string
  active: boolean
  /** Makes no sound and is in no figure: worked on, or explained by another. */
  muted: boolean
  count: number
}
/** What one event did to its alert. `told`: how many times people were told of it anew. `answered`: it is the first that a person did about it, this time. */
export interface Step { readonly of: AlertCase; readonly told: number; readonly answered: boolean; readonly resolved: boolean }

const severities = [1, 2, 3, 4] as const
export const isSeverity = (value: unknown): value is Severity => severities.some((each) => each === value)
const begins = new Set(['raised', 'released', 'reopened'])
/** Somebody has seen it. */
const answers: ReadonlySet<string> = new Set(['acknowledged', 'assigned', 'resolved'])
export const isOver = ({ phase }: Pick<AlertCase, 'phase'>): boolean => phase === 'resolved' || phase === 'closed'
const maxCases = 20_000
const dayMs = 86_400_000

/** Follows alerts through their events, given in order of time. Bounded: beyond {@link maxCases} new ones are counted and not followed. */
export class AlertCases {
  readonly #cases = new Map<string, AlertCase>()
  uncounted = 0

  /** Null for what is no step of an alert that counts: tests, floods, notes of channels. */
  add({ at, type, mode, data }: GatewayEvent): Step | null {
    const { id, state, severity, rule, key } = data
    if (type !== 'alert' || typeof id !== 'string' || typeof state !== 'string' || rule === 'test' || key === 'gateway/flood' || !isSeverity(severity)) return null
    const known = this.#cases.get(id)
    if (!known && this.#cases.size >= maxCases) { if (state === 'raised') this.uncounted++; return null }
    const of = known ?? born(id, at, severity, data)
    if (!known) this.#cases.set(id, of)
    const by = typeof data.by === 'string' && data.by !== 'gateway' ? data.by : null
    const before = known?.count ?? (begins.has(state) ? of.count - 1 : of.count)
    of.count = typeof data.count === 'number' ? data.count : known ? of.count + (state === 'raised' ? 1 : 0) : of.count
    of.severity = severity
    of.title = labelOf(data.title) ?? of.title
    of.muted = mode !== undefined || typeof data.suppressedBy === 'string'
    const done = this.#turn(of, state, at, by, data)
    if (of.muted) return { of, told: 0, ...done }
    // What was muted and is still so is told now, whatever its count.
    const first = begins.has(state) && of.startedAt === null
    if (first) of.startedAt = state === 'reopened' && !known ? of.raisedAt : at
    return { of, told: Math.max(0, of.count - before, first && state !== 'reopened' ? 1 : 0), ...done }
  }

  #turn(of: AlertCase, state: string, at: EpochMs, by: string | null, data: GatewayEvent['data']): Pick<Step, 'answered' | 'resolved'> {
    const waited = of.phase === 'raised'
    of.phase = typeof data.phase === 'string' ? data.phase : phaseAfter[state] ?? of.phase
    of.active = typeof data.condition === 'string' ? data.condition === 'active' : state === 'cleared' ? false : begins.has(state) ? true : of.active
    if (state === 'raised') of.lastRaisedAt = at
    if (of.phase === 'raised' && (!waited || state === 'released')) { of.askedAt = at; delete of.acknowledged; delete of.resolved }
    if (by === null || !answers.has(state)) return { answered: false, resolved: false }
    of.answeredAt ??= at
    const answered = of.acknowledged === undefined
    of.acknowledged ??= { at, by, afterMs: Math.max(0, at - of.askedAt) }
    if (state === 'resolved') of.resolved = { at, by, note: typeof data.note === 'string' ? data.note : '' }
    return { answered, resolved: state === 'resolved' }
  }

  /** Those that are over are let go: what begins before a report is only asked for what it left open. */
  forgetOver(): void { for (const [id, each] of this.#cases) if (isOver(each)) this.#cases.delete(id) }
  /** What was still open when it was last heard of, and asks for somebody. */
  open(): readonly AlertCase[] { return [...this.#cases.values()].filter((each) => !isOver(each) && !each.muted).toSorted((a, b) => a.severity - b.severity || a.raisedAt - b.raisedAt) }
  all(): Iterable<AlertCase> { return this.#cases.values() }
}

/** ISA-18.2: an alarm that has lasted for more than a day. */
export const isStanding = ({ active, lastRaisedAt }: AlertCase, at: EpochMs): boolean => active && at - lastRaisedAt > dayMs

const phaseAfter: Readonly<Record<string, string>> = { raised: 'raised', released: 'raised', reopened: 'raised', acknowledged: 'acknowledged', assigned: 'acknowledged', resolved: 'resolved', closed: 'closed' }

function born(id: string, at: EpochMs, severity: Severity, { rule, title, device, place, count, raisedAt }: GatewayEvent['data']): AlertCase {
  const since = typeof raisedAt === 'number' ? Math.min(raisedAt, at) : at
  return {
    id, rule: typeof rule === 'string' ? rule : '', severity, title: labelOf(title) ?? { zh: id, en: id }, ...(typeof device === 'string' ? { device } : {}), ...(typeof place === 'string' ? { place } : {}),
    raisedAt: since, startedAt: null, askedAt: since, lastRaisedAt: since, phase: 'raised', active: false, muted: false, count: typeof count === 'number' ? count : 1,
  }
}

function labelOf(value: unknown): Label | null {
  if (typeof value !== 'object' || value === null || !('zh' in value) || !('en' in value)) return null
  return typeof value.zh === 'string' && typeof value.en === 'string' ? { zh: value.zh, en: value.en } : null
}
