import type { Clock, EventLog, Facility, History, Json, JsonObject } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { createMonths, createReport, namesOf } from '../../rules/report/index.ts'
import type { ReportAnswer } from '../control/report.ts'
import { Reporter } from '../reporter.ts'
import { facilityOfSite, type Site } from '../cli/rooms.ts'
import type { Basics } from './basics.ts'
import type { OpenedDecisions } from './decisions.ts'
import type { Store } from './store.ts'

/** What a month is drawn up from. */
export interface ReportPast {
  readonly eventLog: Pick<EventLog, 'read'>
  readonly history?: Pick<History, 'chart'> | undefined
  /** The figures that went up; null for a month that was not told. */
  told(month: ReturnType<ReturnType<typeof createMonths>['of']>): Promise<Json | null>
}

/** Months of a site, drawn up from a running gateway's past or from that of a stopped one. */
export function createReports(site: Site, clock: Pick<Clock, 'now'>, { eventLog, history, told }: ReportPast) {
  const facility: Facility = facilityOfSite(site)
  const months = createMonths(facility.timezone)
  const sources = {
    events: (from: number, to: number, types: readonly string[]) => eventLog.read(from, to, types),
    ...(history ? { chart: (...asked: Parameters<History['chart']>) => history.chart(...asked) } : {}),
  }
  const figures = async (month: ReturnType<typeof months.of>): Promise<JsonObject> => ({ ...await createReport(month, clock.now(), { decisions: site.decisions, facility, sources }) })
  return {
    months, figures,
    /** Throws ConfigError REPORT_MONTH. `fresh`: drawn up anew, also where it was told. */
    async answer(name: string | undefined, fresh: boolean): Promise<ReportAnswer> {
      const month = name === undefined ? months.before(months.of(clock.now())) : months.parse(name)
      if (!month || month.from > clock.now()) throw new ConfigError('REPORT_MONTH', `"${name}" is no month that has begun; write it as 2026-11`)
      const before = fresh ? null : await told(month)
      return { told: before !== null, figures: (before ?? await figures(month)) as JsonObject, names: namesOf(site.site.name, facility, site.decisions.kiosks) }
    },
  }
}

export interface ReportOptions extends Basics {
  readonly store: Store
  readonly decisions: OpenedDecisions
  readonly eventLog: EventLog
  readonly history?: History | undefined
}

/** The facility's monthly figures: once a month as an event, at any time for who asks. Loaded with the first question. */
export async function openReports({ site, log, clock, store: { journal }, decisions: { pipeline }, eventLog, history }: ReportOptions) {
  const { months, figures, answer } = createReports(site, clock, { eventLog, history, told: (month) => reporter.told(month.name) })
  const reporter: Reporter = new Reporter({
    clock, log: log.child({ room: 'report' }), state: journal.state, record: (...batch) => pipeline.record(...batch), monthOf: months.of, before: months.before, figures,
    async hasData({ from, to }) { for await (const _ of eventLog.read(from, to)) return true; return false },
  })
  return { answer, tick(now: number): void { if (site.decisions.report.monthly) reporter.tick(now) } }
}
