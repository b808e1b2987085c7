import type { EventLog, Facility, History, JsonObject } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { createMonths, createReport, namesOf } from '../../rules/report/index.ts'
import type { ReportAnswer } from '../control/report.ts'
import { Reporter } from '../reporter.ts'
import { facilityOfSite } from '../cli/rooms.ts'
import type { Basics } from './basics.ts'
import type { OpenedDecisions } from './decisions.ts'
import type { Store } from './store.ts'

export interface ReportOptions extends Basics {
  readonly store: Store
  readonly decisions: OpenedDecisions
  readonly eventLog: EventLog
  readonly history?: History | undefined
}

/** The facility's monthly figures: once a month as an event, at any time for who asks. Loaded with the first question. */
export async function openReports({ site, log, clock, store: { journal }, decisions: { pipeline }, eventLog, history }: ReportOptions) {
  const facility: Facility = facilityOfSite(site)
  const months = createMonths(facility.timezone)
  const sources = {
    events: (from: number, to: number, types: readonly string[]) => eventLog.read(from, to, types),
    ...(history ? { chart: (...asked: Parameters<History['chart']>) => history.chart(...asked) } : {}),
  }
  const figures = (month: ReturnType<typeof months.of>) => createReport(month, clock.now(), { decisions: site.decisions, facility, sources })
  const reporter = new Reporter({
    clock, log: log.child({ room: 'report' }), state: journal.state, record: (...batch) => pipeline.record(...batch), monthOf: months.of, before: months.before,
    async hasData({ from, to }) { for await (const _ of eventLog.read(from, to)) return true; return false },
    figures: async (month): Promise<JsonObject> => ({ ...await figures(month) }),
  })
  return {
    tick(now: number): void { if (site.decisions.report.monthly) reporter.tick(now) },
    /** Throws ConfigError REPORT_MONTH. `fresh`: drawn up anew, also where it was told. */
    async answer(name: string | undefined, fresh: boolean): Promise<ReportAnswer> {
      const month = name === undefined ? months.before(months.of(clock.now())) : months.parse(name)
      if (!month || month.from > clock.now()) throw new ConfigError('REPORT_MONTH', `"${name}" is no month that has begun; write it as 2026-11`)
      const told = fresh ? null : await reporter.told(month.name)
      return { told: told !== null, figures: (told ?? await figures(month)) as ReportAnswer['figures'], names: namesOf(site.site.name, facility, site.decisions.kiosks) }
    },
  }
}
