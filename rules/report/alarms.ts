import type { EpochMs, Facility, GatewayEvent, Label, Severity } from '../../gateway/contract/index.ts'
import { createZone, dayMs, type Zone } from '../schedule/zone.ts'
import { quantile } from './answers.ts'
import { AlertCases, isStanding, type AlertCase } from './cases.ts'
import { round, share } from './figures.ts'

/** How people fare with the alarms, in the manner of ISA-18.2 and EEMUA 191. Types, so that they are JSON. */
export type AlarmFigures = {
  readonly from: EpochMs
  readonly to: EpochMs
  /** How many times people were told of something; of an alert that comes and goes each time. Without maintenance, tests, floods, and what another explains. */
  readonly raised: number
  /** How many alerts these were. */
  readonly alerts: number
  readonly bySeverity: readonly { readonly severity: Severity; readonly raised: number }[]
  /** Days of the site, each that the time touches. */
  readonly byDay: readonly { readonly day: string; readonly raised: number; readonly bySeverity: readonly [number, number, number, number] }[]
  /** What raises most, a rule and device each: the first ten are the bad actors. At most 50; `others`: what the rest raised. */
  readonly actors: readonly { readonly rule: string; readonly device: string | null; readonly name: Label | null; readonly title: Label; readonly severity: Severity; readonly raised: number; readonly share: number }[]
  readonly others: number
  /** From being told to the first person who acknowledged, was given it, or resolved it; of alerts that began in the time. */
  readonly acknowledge: { readonly n: number; readonly medianS: number | null; readonly p90S: number | null; readonly unanswered: number }
  /** EEMUA 191: about one in ten minutes is what a person can live with; ISA-18.2: more than ten is a flood. `peakAt`: when the busiest ten minutes began. */
  readonly per10Min: { readonly mean: number; readonly peak: number; readonly peakAt: EpochMs | null; readonly aboveTen: number; readonly intervals: number }
  /** Active for more than a day at the end: the longest first, at most 50 of `count`. */
  readonly standing: { readonly count: number; readonly list: readonly { readonly id: string; readonly severity: Severity; readonly title: Label; readonly since: EpochMs }[] }
  /** Could not be followed, because there were too many. */
  readonly uncounted: number
}

export interface AlarmParts {
  readonly facility: Facility
  events(from: EpochMs, to: EpochMs, types: readonly string[]): AsyncIterable<GatewayEvent>
}

const slotMs = 600_000
const perFlood = 10
const listed = 50
const maxActors = 2_000
/** An alert that nobody ever did anything about is heard of this long before. */
const leadMs = 31 * dayMs

/** Of [from, to). Reads the log once, and some weeks before it for what stands. */
export async function alarmFigures(from: EpochMs, to: EpochMs, { facility, events }: AlarmParts): Promise<AlarmFigures> {
  const count = new AlarmCount(from, to, facility)
  for await (const event of events(from - leadMs, to, ['alert'])) count.add(event)
  return count.figures()
}

/** The same, event by event in order of time: pure. */
export class AlarmCount {
  readonly #cases = new AlertCases()
  readonly #from: EpochMs
  readonly #to: EpochMs
  readonly #facility: Pick<Facility, 'devices'>
  readonly #zone: Zone
  readonly #slots = new Map<number, number>()
  readonly #days = new Map<number, [number, number, number, number]>()
  readonly #actors = new Map<string, { of: AlertCase; raised: number }>()
  readonly #told = new Set<string>()
  #begun = false
  #others = 0
  constructor(from: EpochMs, to: EpochMs, facility: Pick<Facility, 'devices' | 'timezone'>) { this.#from = from; this.#to = to; this.#facility = facility; this.#zone = createZone(facility.timezone) }

  add(event: GatewayEvent): void {
    if (event.at >= this.#to) return
    if (event.at >= this.#from && !this.#begun) { this.#begun = true; this.#cases.forgetOver() }
    const step = this.#cases.add(event)
    if (!step || event.at < this.#from || step.told === 0) return
    const { of, told } = step
    this.#told.add(of.id)
    const slot = Math.floor(event.at / slotMs)
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + told)
    const day = this.#dayOf(event.at)
    const sums = this.#days.get(day) ?? [0, 0, 0, 0]
    sums[of.severity - 1]! += told
    this.#days.set(day, sums)
    const key = `${of.rule}\n${of.device ?? ''}`
    const actor = this.#actors.get(key)
    if (actor) { actor.raised += told; actor.of = of } else if (this.#actors.size < maxActors) this.#actors.set(key, { of, raised: told })
    else this.#others += told
  }

  figures(): AlarmFigures {
    const days = [...this.#days.values()]
    const bySeverity = ([1, 2, 3, 4] as const).map((severity) => ({ severity, raised: sum(days.map((each) => each[severity - 1]!)) }))
    const raised = sum(bySeverity.map((each) => each.raised))
    const actors = [...this.#actors.values()].toSorted((a, b) => b.raised - a.raised || (a.of.rule < b.of.rule ? -1 : 1))
    const began = [...this.#cases.all()].filter(({ id, startedAt }) => startedAt !== null && startedAt >= this.#from && this.#told.has(id))
    const times = began.flatMap(({ startedAt, answeredAt }) => (answeredAt === undefined ? [] : [Math.max(0, answeredAt - startedAt!)])).toSorted((a, b) => a - b)
    const standing = this.#cases.open().filter((each) => isStanding(each, this.#to)).toSorted((a, b) => a.lastRaisedAt - b.lastRaisedAt)
    const peak = [...this.#slots].reduce((most, each) => (each[1] > most[1] ? each : most), [0, 0] as const)
    const intervals = Math.max(1, Math.ceil((this.#to - this.#from) / slotMs))
    return {
      from: this.#from, to: this.#to, raised, alerts: this.#told.size, bySeverity, byDay: this.#byDay(),
      actors: actors.slice(0, listed).map(({ of: { rule, device, title, severity }, raised: n }) => ({ rule, device: device ?? null, name: (device !== undefined && this.#facility.devices.get(device)?.name) || null, title, severity, raised: n, share: share(n, raised) ?? 0 })),
      others: this.#others + sum(actors.slice(listed).map((each) => each.raised)),
      acknowledge: { n: times.length, medianS: quantile(times, 0.5), p90S: quantile(times, 0.9), unanswered: began.filter((each) => each.answeredAt === undefined && each.phase === 'raised').length },
      per10Min: { mean: round(raised / intervals, 3), peak: peak[1], peakAt: peak[1] === 0 ? null : peak[0] * slotMs, aboveTen: [...this.#slots.values()].filter((n) => n > perFlood).length, intervals },
      standing: { count: standing.length, list: standing.slice(0, listed).map(({ id, severity, title, lastRaisedAt }) => ({ id, severity, title, since: lastRaisedAt })) },
      uncounted: this.#cases.uncounted,
    }
  }

  #dayOf(at: EpochMs): number { return Math.floor((at + this.#zone.offset(at)) / dayMs) }
  #byDay(): AlarmFigures['byDay'] {
    if (this.#to <= this.#from) return []
    const [first, last] = [this.#dayOf(this.#from), this.#dayOf(this.#to - 1)]
    return Array.from({ length: last - first + 1 }, (_, index) => {
      const bySeverity = this.#days.get(first + index) ?? [0, 0, 0, 0]
      return { day: new Date((first + index) * dayMs).toISOString().slice(0, 10), raised: sum(bySeverity), bySeverity }
    })
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
