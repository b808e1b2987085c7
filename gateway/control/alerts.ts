import type { ServerResponse } from 'node:http'
import type { ActAnswer, Alert, AlertAct, AlertDesk, AlertSummary, AlertWork, Clock, EpochMs, Severity } from '../contract/index.ts'
import { codeOf, ConfigError, DataError, describe, randomHex } from '../kit/index.ts'
import { didYouMean } from '../kit/suggest.ts'

/** What handlers need of alerts; the composition root gives it. */
export interface AlertControl {
  readonly clock: Clock
  readonly desk: AlertDesk & {
    test(severity: Severity, by: string, now: EpochMs): AlertWork
    statistics(from: EpochMs, now: EpochMs): unknown
  }
  readonly pipeline: { act(act: AlertAct): Promise<ActAnswer>; told(work: AlertWork): Promise<void> }
  readonly sounders: { silence(): readonly string[]; state(): unknown }
  /** Ids of the roster; empty: the site file has none, and any id is taken. */
  readonly people: readonly string[]
}

export interface AlertsView { readonly now: EpochMs; readonly summary: AlertSummary; readonly open: readonly Alert[]; readonly closed: readonly Alert[]; readonly sounders: unknown }

/** `/alerts/all`: open and lately closed, without their timelines; `/alerts/stats?since=ms`; `/alerts/ID`: one with its timeline. */
export function answerAlerts(control: AlertControl, url: string, response: ServerResponse): void {
  const { desk, clock } = control
  const { pathname, searchParams } = new URL(url, 'http://socket')
  const now = clock.now()
  const name = decodeURIComponent(pathname.slice('/alerts/'.length))
  if (name === 'all') return answer(response, 200, viewAlerts(control))
  if (name === 'stats') return answer(response, 200, desk.statistics(now - (Number(searchParams.get('since')) || dayMs), now))
  try {
    answer(response, 200, findAlert(desk, name))
  } catch (error) {
    answer(response, 409, { code: codeOf(error), message: describe(error) })
  }
}

/** Without timelines. */
export function viewAlerts({ desk, clock, sounders }: AlertControl): AlertsView {
  const now = clock.now()
  return { now, summary: desk.summary(now), open: desk.open().map(brief), closed: desk.closed().map(brief), sounders: sounders.state() }
}

const dayMs = 86_400_000
export const brief = (alert: Alert): Alert => ({ ...alert, timeline: [] })

/** By its id or the beginning of it. Throws ConfigError ALERT_UNKNOWN. */
export function findAlert(desk: AlertDesk, name: string): Alert {
  const exact = desk.find(name)
  if (exact) return exact
  const found = name.length >= 4 ? [...desk.open(), ...desk.closed()].filter(({ id }) => id.startsWith(name)) : []
  if (found.length === 1) return found[0]!
  throw new ConfigError('ALERT_UNKNOWN', found.length > 1 ? `"${name}" begins the ids of ${found.length} alerts; write more of it` : `there is no alert ${name}; it was closed a while ago, or the id is mistyped. linli alerts lists them`)
}

/** Whoever has the terminal and says no name. */
const local = 'local'

/** A mistyped id would be a person whom nobody finds. What the city sends names people of its own, and is not asked. */
function checkPerson(people: readonly string[], id: string): void {
  if (people.length === 0 || people.includes(id)) return
  throw new ConfigError('ALERT_PERSON_UNKNOWN', `no person "${id.slice(0, 48)}" in the site file's people${didYouMean(id, people) || `; there are ${people.slice(0, 10).join(', ')}${people.length > 10 ? ' …' : ''}`}`)
}

/** `{ act, alert, by, … }`: what a person does (`forMs` in place of `until`). `{ test: severity, by }`, `{ silence: true, by }`. 200 with the outcome, 409 `{ code, message }` when refused. */
export async function orderAlerts(control: AlertControl, body: unknown, response: ServerResponse): Promise<void> {
  try {
    const order = (body ?? {}) as Readonly<Record<string, unknown>>
    const by = typeof order.by === 'string' ? order.by : local
    if (by !== local) checkPerson(control.people, by)
    if (order.test !== undefined) return answer(response, 200, await testAlerts(control, order.test, by))
    if (order.silence === true) return answer(response, 200, await silenceAlerts(control, by))
    answer(response, 200, await actOnAlert(control, typeof order.alert === 'string' ? order.alert : '', by, order))
  } catch (error) {
    answer(response, 409, { code: codeOf(error), message: describe(error) })
  }
}

/** `forMs` in place of `until`; `to` is a person of the roster. Throws ConfigError or DataError with the desk's own code. */
export async function actOnAlert(control: AlertControl, alert: string, by: string, order: Readonly<Record<string, unknown>>): Promise<{ readonly outcome: 'applied' | 'already'; readonly alert: Alert }> {
  const { id: found } = findAlert(control.desk, alert)
  const { forMs, id, ...rest } = order
  if (rest.act === 'assign' && typeof rest.to === 'string' && rest.to !== '') checkPerson(control.people, rest.to)
  // The desk looks at what it says; an act of the box has the time at which it is heard.
  const until = typeof forMs === 'number' ? { until: control.clock.now() + forMs } : {}
  const result = await control.pipeline.act({ ...rest, ...until, id: typeof id === 'string' ? id : randomHex(8), alert: found, by, at: control.clock.now(), origin: 'site' } as unknown as AlertAct)
  if (result.outcome === 'refused') throw new DataError(result.code, result.detail)
  return { outcome: result.outcome, alert: result.alert }
}

export async function testAlerts({ desk, pipeline, clock }: AlertControl, severity: unknown, by: string): Promise<{ readonly tested: Severity; readonly alert: string | null }> {
  if (severity !== 1 && severity !== 2 && severity !== 3 && severity !== 4) throw new ConfigError('ALERT_ACT_INVALID', 'the severity of a test is 1, 2, 3 or 4')
  const work = desk.test(severity, by, clock.now())
  void pipeline.told(work)
  return { tested: severity, alert: work.events[0]?.subject ?? null }
}

/** Quiet at once; the timeline of what sounded says who. */
export async function silenceAlerts({ desk, pipeline, sounders, clock }: AlertControl, by: string): Promise<{ readonly silenced: readonly string[] }> {
  const silenced = sounders.silence()
  for (const id of silenced) void pipeline.told(desk.note(id, { at: clock.now(), what: 'silenced', by }))
  return { silenced }
}

function answer(response: ServerResponse, status: number, content: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content))
}
