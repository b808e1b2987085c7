import type { ServerResponse } from 'node:http'
import type { ActAnswer, Alert, AlertAct, AlertDesk, AlertSummary, AlertWork, Clock, EpochMs, Severity } from '../contract/index.ts'
import { codeOf, ConfigError, describe, randomHex } from '../kit/index.ts'

/** What handlers need of alerts; the composition root gives it. */
export interface AlertControl {
  readonly clock: Clock
  readonly desk: AlertDesk & {
    test(severity: Severity, by: string, now: EpochMs): AlertWork
    statistics(from: EpochMs, now: EpochMs): unknown
  }
  readonly pipeline: { act(act: AlertAct): Promise<ActAnswer>; told(work: AlertWork): Promise<void> }
  readonly sounders: { silence(): readonly string[]; state(): unknown }
}

export interface AlertsView { readonly now: EpochMs; readonly summary: AlertSummary; readonly open: readonly Alert[]; readonly closed: readonly Alert[]; readonly sounders: unknown }

/** `/alerts/all`: open and lately closed, without their timelines; `/alerts/stats?since=ms`; `/alerts/ID`: one with its timeline. */
export function answerAlerts({ desk, clock, sounders }: AlertControl, url: string, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, 'http://socket')
  const now = clock.now()
  const name = decodeURIComponent(pathname.slice('/alerts/'.length))
  if (name === 'all') return answer(response, 200, { now, summary: desk.summary(now), open: desk.open().map(brief), closed: desk.closed().map(brief), sounders: sounders.state() } satisfies AlertsView)
  if (name === 'stats') return answer(response, 200, desk.statistics(now - (Number(searchParams.get('since')) || dayMs), now))
  try {
    answer(response, 200, findAlert(desk, name))
  } catch (error) {
    answer(response, 409, { code: codeOf(error), message: describe(error) })
  }
}

const dayMs = 86_400_000
const brief = (alert: Alert): Alert => ({ ...alert, timeline: [] })

/** By its id or the beginning of it. Throws ConfigError ALERT_UNKNOWN. */
function findAlert(desk: AlertDesk, name: string): Alert {
  const exact = desk.find(name)
  if (exact) return exact
  const found = name.length >= 4 ? [...desk.open(), ...desk.closed()].filter(({ id }) => id.startsWith(name)) : []
  if (found.length === 1) return found[0]!
  throw new ConfigError('ALERT_UNKNOWN', found.length > 1 ? `"${name}" begins the ids of ${found.length} alerts; write more of it` : `there is no alert ${name}; it was closed a while ago, or the id is mistyped. linli alerts lists them`)
}

/** `{ act, alert, by, … }`: what a person does (`forMs` in place of `until`). `{ test: severity, by }`, `{ silence: true, by }`. 200 with the outcome, 409 `{ code, message }` when refused. */
export async function orderAlerts(control: AlertControl, body: unknown, response: ServerResponse): Promise<void> {
  try {
    const order = (body ?? {}) as Readonly<Record<string, unknown>>
    const by = typeof order.by === 'string' ? order.by : 'local'
    if (order.test !== undefined) return answer(response, 200, await test(control, order.test, by))
    if (order.silence === true) return answer(response, 200, await silence(control, by))
    const { id } = findAlert(control.desk, typeof order.alert === 'string' ? order.alert : '')
    // The desk looks at what it says; an act of the box has the time at which it is heard.
    const until = typeof order.forMs === 'number' ? { until: control.clock.now() + order.forMs } : {}
    const result = await control.pipeline.act({ ...order, ...until, id: randomHex(8), alert: id, by, at: control.clock.now(), origin: 'site' } as unknown as AlertAct)
    if (result.outcome === 'refused') return answer(response, 409, { code: result.code, message: result.detail })
    answer(response, 200, { outcome: result.outcome, alert: result.alert })
  } catch (error) {
    answer(response, 409, { code: codeOf(error), message: describe(error) })
  }
}

async function test({ desk, pipeline, clock }: AlertControl, severity: unknown, by: string): Promise<object> {
  if (severity !== 1 && severity !== 2 && severity !== 3 && severity !== 4) throw new ConfigError('ALERT_ACT_INVALID', 'the severity of a test is 1, 2, 3 or 4')
  const work = desk.test(severity, by, clock.now())
  void pipeline.told(work)
  return { tested: severity, alert: work.events[0]?.subject ?? null }
}

/** Quiet at once; the timeline of what sounded says who. */
async function silence({ desk, pipeline, sounders, clock }: AlertControl, by: string): Promise<object> {
  const silenced = sounders.silence()
  for (const id of silenced) void pipeline.told(desk.note(id, { at: clock.now(), what: 'silenced', by }))
  return { silenced }
}

function answer(response: ServerResponse, status: number, content: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content))
}
