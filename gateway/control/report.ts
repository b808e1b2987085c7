import type { ServerResponse } from 'node:http'
import type { EpochMs, Json, JsonObject } from '../contract/index.ts'
import type { AlarmsAnswer, ShiftReport, ShiftsAnswer } from '../console/api/index.ts'
import { codeOf, describe } from '../kit/index.ts'

/** `told`: the figures are those that went up. `names`: what ids are called, for the page. */
export interface ReportAnswer { readonly told: boolean; readonly figures: JsonObject; readonly names: Json | object }
/** Each throws ConfigError: REPORT_MONTH, REPORT_SHIFT, REPORT_RANGE, and REPORT_BUSY where too many are being drawn up. */
export interface ReportPort {
  answer(month: string | undefined, fresh: boolean): Promise<ReportAnswer>
  /** Of a month by its name, or of a time. */
  alarms(of: string | undefined | { readonly from: EpochMs; readonly to: EpochMs }): Promise<AlarmsAnswer>
  /** Of a day such as 2026-11-26; undefined: today. */
  shifts(day: string | undefined): Promise<ShiftsAnswer>
  shift(id: string): Promise<ShiftReport>
  /** Months of which anything is kept, the present first. */
  months(): Promise<readonly { readonly month: string; readonly complete: boolean }[]>
}

/** `/report?month=2026-11&fresh=`, `/report/alarms?month=`, `/report/shifts?day=`, `/report/shift?id=`. 409 `{ code, message }` for what cannot be answered. */
export async function answerReport(reports: ReportPort, url: string, response: ServerResponse): Promise<void> {
  const answer = (status: number, content: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content)) }
  try {
    const { pathname, searchParams: asked } = new URL(url, 'http://socket')
    const given = (name: string): string | undefined => asked.get(name) ?? undefined
    switch (pathname) {
      case '/report/alarms': return answer(200, await reports.alarms(given('month')))
      case '/report/shifts': return answer(200, await reports.shifts(given('day')))
      case '/report/shift': return answer(200, await reports.shift(given('id') ?? ''))
      default: return answer(200, await reports.answer(given('month'), given('fresh') === 'true'))
    }
  } catch (error) {
    answer(409, { code: codeOf(error), message: describe(error) })
  }
}
