import type { Alert, EpochMs, Facility, GatewayEvent, Label } from '../../gateway/contract/index.ts'
import type { Decisions } from '../site.ts'
import { quantile } from './answers.ts'
import { AlertCases, isOver, type AlertCase } from './cases.ts'
import { mean } from './figures.ts'
import type { Named, ShiftAlert, ShiftFigures } from './shift-figures.ts'
import { DoorsOfShift, OfflineOfShift, TerminalsOfShift } from './shift-parts.ts'
import type { Duty, Shift } from './shifts.ts'

export interface ShiftParts {
  readonly decisions: Pick<Decisions, 'residents' | 'doors' | 'kiosks' | 'people'>
  readonly facility: Facility
  /** That overlap it, or lie before it; in any order. */
  readonly duties: readonly Duty[]
  /** Other shifts at the same time, as the site file has them. */
  readonly planned: readonly Shift[]
  events(from: EpochMs, to: EpochMs, types: readonly string[]): AsyncIterable<GatewayEvent>
  /** What is open now, of a running gateway: an alert may be older than the log remembers. */
  open?(): readonly Alert[]
}

const leadMs = 31 * 86_400_000
const maxRows = 200
const maxPlaces = 60

/** The figures of a shift, up to `now`. Reads the log once, and some weeks before it for what was open. */
export async function createShiftReport(shift: Shift, now: EpochMs, parts: ShiftParts): Promise<ShiftFigures> {
  const { decisions, facility, events } = parts
  const [from, to] = [shift.from, Math.max(shift.from, Math.min(shift.to, now))]
  const names = namesIn(decisions, facility)
  const alerts = new AlertsOfShift(names)
  const doors = new DoorsOfShift(decisions.doors)
  const terminals = new TerminalsOfShift(decisions.kiosks, from, to)
  const offline = new OfflineOfShift(facility, from)
  const ratings = { n: 0, sum: 0, poor: 0 }
  let calls = 0
  for await (const event of events(from - leadMs, from, ['alert', 'device', 'kiosk', 'gateway'])) { alerts.before(event); offline.add(event); terminals.add(event) }
  for await (const event of events(from, to, ['alert', 'device', 'kiosk', 'gateway', 'access', 'request', 'evaluation'])) {
    alerts.add(event)
    offline.add(event)
    terminals.add(event)
    doors.add(event)
    if (event.mode !== undefined) continue
    if (event.type === 'request') calls++
    const { score } = event.data
    if (event.type === 'evaluation' && typeof score === 'number' && score >= 1 && score <= 5) { ratings.n++; ratings.sum += score; if (score <= decisions.residents.poorRating) ratings.poor++ }
  }
  const { people: _, ...rest } = shift
  return {
    shift: rest, from, to, complete: to === shift.to && !shift.open,
    ...dutyOf(shift, { from, to }, parts, names),
    ...alerts.figures(shift.to >= now ? parts.open?.() ?? [] : []),
    doors: doors.figures(), terminals: terminals.figures(), offline: offline.figures(), calls,
    ratings: { n: ratings.n, mean: mean(ratings.sum, ratings.n), poor: ratings.poor },
  }
}

interface Names { person(id: string): Named; where(of: { readonly device?: string | undefined; readonly place?: string | undefined }): Label | null }

function namesIn({ people }: ShiftParts['decisions'], { devices, places }: Facility): Names {
  return {
    person: (id) => ({ id, name: people.find((each) => each.id === id)?.name ?? { zh: id, en: id } }),
    where: ({ device, place }) => (place !== undefined ? places?.get(place) ?? { zh: place, en: place } : device !== undefined ? devices.get(device)?.name ?? null : null),
  }
}

function dutyOf(shift: Shift, { from, to }: { readonly from: EpochMs; readonly to: EpochMs }, { duties, planned }: ShiftParts, { person }: Names): Pick<ShiftFigures, 'duty' | 'received' | 'notes'> {
  const inIt = duties.filter((duty) => (duty.from < to || duty.from === from) && (duty.to ?? Infinity) > from).toSorted((a, b) => a.from - b.from)
  const left = duties.flatMap(({ person: by, to: at, note }) => (at !== null && note !== null && note !== '' ? [{ by: person(by), at, note }] : [])).toSorted((a, b) => a.at - b.at)
  const plans = shift.kind === 'plan' ? [shift] : planned.filter((each) => each.from < to && each.to > from)
  return {
    duty: [
      ...inIt.slice(0, maxPlaces).map((duty) => ({ kind: 'desk' as const, person: person(duty.person), from: Math.max(duty.from, from), to: duty.to === null ? null : Math.min(duty.to, shift.to) })),
      ...plans.flatMap((plan) => plan.people.map((id) => ({ kind: 'plan' as const, person: person(id), from: Math.max(plan.from, from), to: Math.min(plan.to, shift.to) }))).slice(0, maxPlaces),
    ],
    received: left.findLast(({ at }) => at <= from) ?? null,
    // The note of a shift is written at its very end.
    notes: left.filter(({ at }) => at > from && at <= shift.to).slice(-20),
  }
}

/** Alerts that anything was done with in the shift, and those that it leaves open. */
class AlertsOfShift {
  readonly #cases = new AlertCases()
  readonly #names: Names
  readonly #touched = new Map<string, { readonly of: AlertCase; readonly first: EpochMs; times: number }>()
  readonly #done = { raised: 0, acknowledged: new Set<string>(), resolved: new Set<string>() }
  readonly #times: number[] = []
  #begun = false
  constructor(names: Names) { this.#names = names }

  before(event: GatewayEvent): void { this.#cases.add(event) }

  add(event: GatewayEvent): void {
    if (!this.#begun) { this.#begun = true; this.#cases.forgetOver() }
    const step = this.#cases.add(event)
    if (!step || (step.told === 0 && !step.answered && !step.resolved)) return
    const { of, told, answered, resolved } = step
    const touched = this.#touched.get(of.id) ?? { of, first: event.at, times: 0 }
    touched.times += told
    this.#touched.set(of.id, touched)
    this.#done.raised += told
    if (answered) { this.#done.acknowledged.add(of.id); this.#times.push(of.acknowledged!.afterMs) }
    if (resolved) this.#done.resolved.add(of.id)
  }

  /** `known`: what the desk has open, which the log may not remember. */
  figures(known: readonly Alert[]): Pick<ShiftFigures, 'alerts' | 'open'> {
    if (!this.#begun) this.#cases.forgetOver()
    const open = this.#cases.open()
    const seen = new Set([...this.#cases.all()].map(({ id }) => id))
    const older = known.filter(({ id, state, mode, suppressedBy }) => !seen.has(id) && state !== 'resolved' && mode === undefined && suppressedBy === undefined).map((alert) => this.#rowOf(caseOf(alert), 0))
    const rows = [...older, ...open.map((each) => this.#rowOf(each, this.#touched.get(each.id)?.times ?? 0))].toSorted((a, b) => a.severity - b.severity || a.raisedAt - b.raisedAt)
    const list = [...this.#touched.values()].toSorted((a, b) => a.first - b.first).map(({ of, times }) => this.#rowOf(of, times))
    const sorted = this.#times.toSorted((a, b) => a - b)
    return {
      alerts: {
        raised: this.#done.raised, acknowledged: this.#done.acknowledged.size, resolved: this.#done.resolved.size, medianS: quantile(sorted, 0.5), p90S: quantile(sorted, 0.9),
        open: rows.length, waiting: rows.filter(({ acknowledged }) => acknowledged === null).length, list: list.slice(0, maxRows), more: Math.max(0, list.length - maxRows),
      },
      open: { list: rows.slice(0, maxRows), more: Math.max(0, rows.length - maxRows) },
    }
  }

  #rowOf(of: AlertCase, times: number): ShiftAlert {
    const { id, severity, title, raisedAt, startedAt, acknowledged, resolved, active } = of
    return {
      id, severity, title, where: this.#names.where(of), raisedAt: startedAt ?? raisedAt, active, times, ended: isOver(of) && resolved === undefined,
      acknowledged: acknowledged ? { at: acknowledged.at, by: this.#names.person(acknowledged.by), ackS: Math.round(acknowledged.afterMs / 1_000) } : null,
      resolved: resolved ? { at: resolved.at, by: this.#names.person(resolved.by), note: resolved.note } : null,
    }
  }
}

const caseOf = ({ id, ruleId, severity, title, deviceId, place, raisedAt, lastRaisedAt, state, condition, count, acknowledged }: Alert): AlertCase => ({
  id, rule: ruleId, severity, title, ...(deviceId === undefined ? {} : { device: deviceId }), ...(place === undefined ? {} : { place }), raisedAt, startedAt: raisedAt, askedAt: raisedAt, lastRaisedAt, phase: state,
  active: condition === 'active', muted: false, count, ...(acknowledged ? { acknowledged: { ...acknowledged, afterMs: Math.max(0, acknowledged.at - raisedAt) } } : {}),
})
