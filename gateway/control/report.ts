import type { ServerResponse } from 'node:http'
import type { Json, JsonObject } from '../contract/index.ts'
import { codeOf, describe } from '../kit/index.ts'

/** `told`: the figures are those that went up. `names`: what ids are called, for the page. */
export interface ReportAnswer { readonly told: boolean; readonly figures: JsonObject; readonly names: Json | object }
export interface ReportPort { answer(month: string | undefined, fresh: boolean): Promise<ReportAnswer> }

/** `/report?month=2026-11&fresh=`. 409 `{ code, message }` for what cannot be answered. */
export async function answerReport(reports: ReportPort, url: string, response: ServerResponse): Promise<void> {
  const answer = (status: number, content: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content)) }
  try {
    const { searchParams: asked } = new URL(url, 'http://socket')
    answer(200, await reports.answer(asked.get('month') ?? undefined, asked.get('fresh') === 'true'))
  } catch (error) {
    answer(409, { code: codeOf(error), message: describe(error) })
  }
}
