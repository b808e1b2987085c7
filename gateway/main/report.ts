import path from 'node:path'
import type { Alert, Clock, EpochMs, EventLog, History, Json, JsonObject } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { alarmFigures, createMonths, createReport, createShiftDays, createShiftReport, namesOf, type Duty } from '../../rules/report/index.ts'
import type { AlarmsAnswer, MonthReport, ShiftReport, ShiftsAnswer } from '../console/api/index.ts'
import type { ReportAnswer, ReportPort } from '../control/report.ts'
import { Reporter } from '../reporter.ts'
import type { Site } from '../cli/rooms.ts'
import type { Basics } from './basics.ts'
import type { OpenedDecisions } from './decisions.ts'
import { reportQueue } from './report-queue.ts'
import type { Store } from './store.ts'

/** What a month is drawn up from. */
export interface ReportPast {
  readonly eventLog: Pick<EventLog, 'read'>
  readonly history?: Pick<History, 'chart'> | undefined
  /** The figures that went up; null for a month that was not told. */
  told(month: ReturnType<ReturnType<typeof createMonths>['of']>): Promise<Json | null>
}

const dayMs = 86_400_000
const maxAlarmMs = 100 * dayMs
/** The log of events is kept for 400 days by default. */
const maxMonths = 14

type Fixed<T> = T extends readonly unknown[] | object ? { readonly [K in keyof T]: Fixed<T[K]> } : T
/** Figures as the API promises them: the compiler holds the two together. */
const asTold = <T>(figures: Fixed<T>): T => figures as T

/** Months and shifts of a site, drawn up from a running gateway's past or from that of a stopped one. `open`: what the running one has open. */
export function createReports(site: Site, clock: Pick<Clock, 'now'>, { eventLog, history, told, open }: ReportPast & { open?(): readonly Alert[] }) {
  const { decisions, facility } = site
  const months = createMonths(facility.timezone)
  const days = createShiftDays({ shifts: decisions.shifts, timezone: facility.timezone })
  const events = (from: number, to: number, types?: readonly string[]) => eventLog.read(from, to, types)
  const sources = { events, ...(history ? { chart: (...asked: Parameters<History['chart']>) => history.chart(...asked) } : {}) }
  const inTurn = reportQueue(clock)
  const figures = async (month: ReturnType<typeof months.of>): Promise<JsonObject> => ({ ...asTold<MonthReport['figures']>(await createReport(month, clock.now(), { decisions, facility, sources })) })
  const begun = (name: string | undefined): ReturnType<typeof months.of> => {
    const month = name === undefined ? months.before(months.of(clock.now())) : months.parse(name)
    if (!month || month.from > clock.now()) throw new ConfigError('REPORT_MONTH', `"${name}" is no month that has begun; write it as 2026-11`)
    return month
  }
  /** Without a console nobody takes the desk. Loaded with the first question. */
  const duties = async (): Promise<readonly Duty[]> => (await import('../console/duties.ts')).readDuties(path.join(site.store.path, 'console'))
  const shiftsOf = async (day: string): Promise<{ readonly all: readonly Duty[]; readonly shifts: NonNullable<ReturnType<typeof days.of>> }> => {
    const all = await duties()
    const shifts = days.of(day, all, clock.now())
    if (!shifts || shifts.at(-1)!.from > clock.now()) throw new ConfigError('REPORT_SHIFT', `"${day.slice(0, 40)}" is no day that has begun; write it as ${days.dayOf(clock.now())}`)
    return { all, shifts }
  }
  const personOf = (id: string) => ({ id, name: decisions.people.find((each) => each.id === id)?.name ?? { zh: id, en: id } })
  const port: ReportPort = {
    answer: async (name, fresh) => {
      const month = begun(name)
      return inTurn(`month ${month.name} ${fresh}`, async (): Promise<ReportAnswer> => {
        const before = fresh ? null : await told(month)
        return { told: before !== null, figures: (before ?? await figures(month)) as JsonObject, names: namesOf(site.site.name, facility, decisions.kiosks) }
      })
    },
    alarms: async (of) => {
      const { from, to } = typeof of === 'object' ? of : begun(of)
      if (!(to > from) || to - from > maxAlarmMs) throw new ConfigError('REPORT_RANGE', 'ask for the figures of alarms from a time to a later one, at most 100 days')
      return inTurn(`alarms ${from} ${to}`, async () => asTold<AlarmsAnswer>(await alarmFigures(from, Math.max(from, Math.min(to, clock.now())), { facility, events })))
    },
    shifts: async (day = days.dayOf(clock.now())): Promise<ShiftsAnswer> => ({ day, shifts: (await shiftsOf(day)).shifts.map(({ people, ...rest }) => ({ ...rest, people: people.map(personOf) })) }),
    shift: async (id) => {
      const { all, shifts } = await shiftsOf(id.slice(0, 10))
      const shift = shifts.find((each) => each.id === id)
      if (!shift) throw new ConfigError('REPORT_SHIFT', `there is no shift "${id.slice(0, 100)}"; that day has ${shifts.map((each) => each.id).slice(0, 10).join(', ')}`)
      const plannedOn = (at: EpochMs) => (days.of(days.dayOf(at), all, clock.now()) ?? []).filter(({ kind }) => kind === 'plan')
      const planned = [...new Map([shift.from - dayMs, shift.from, shift.to].flatMap(plannedOn).map((each) => [each.id, each])).values()]
      return inTurn(`shift ${id}`, async () => asTold<ShiftReport>(await createShiftReport(shift, clock.now(), { decisions, facility, duties: all, planned, events, ...(open ? { open } : {}) })))
    },
    months: () => inTurn('months', async () => {
      const present = months.of(clock.now())
      const found = [{ month: present.name, complete: false }]
      for (let [month, n] = [months.before(present), 1]; n < maxMonths; month = months.before(month), n++) {
        for await (const _ of events(month.from, month.to)) { found.push({ month: month.name, complete: true }); break }
      }
      return found
    }),
  }
  return { ...port, monthsOf: months, figures }
}

export interface ReportOptions extends Basics {
  readonly store: Store
  readonly decisions: OpenedDecisions
  readonly eventLog: EventLog
  readonly history?: History | undefined
}

/** The facility's monthly figures: once a month as an event, at any time for who asks. Loaded with the first question. */
export async function openReports({ site, log, clock, store: { journal }, decisions: { pipeline, desk }, eventLog, history }: ReportOptions) {
  const { monthsOf: months, figures, ...port } = createReports(site, clock, { eventLog, history, told: (month) => reporter.told(month.name), open: () => desk.open() })
  const reporter: Reporter = new Reporter({
    clock, log: log.child({ room: 'report' }), state: journal.state, record: (...batch) => pipeline.record(...batch), monthOf: months.of, before: months.before, figures,
    async hasData({ from, to }) { for await (const _ of eventLog.read(from, to)) return true; return false },
  })
  return { ...port, tick(now: number): void { if (site.decisions.report.monthly) reporter.tick(now) } }
}
