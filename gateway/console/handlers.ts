import type { FastifyReply, FastifyRequest } from 'fastify'
import { actOnAlert, findAlert, silenceAlerts, testAlerts, viewAlerts } from '../control/alerts.ts'
import { listDeadLetters, settleDeadLetters } from '../control/dead-letters.ts'
import { ConfigError } from '../kit/index.ts'
import type { GatewayEvent } from '../contract/index.ts'
import { staffLimits } from '../photos/index.ts'
import type { Answer, Asked, RouteName } from './api/index.ts'
import { linkAnswer, type DrainPace } from './link.ts'
import { changeHandlers } from './changes.ts'
import { commissioningHandlers } from './commissioning.ts'
import type { ConsoleParts } from './parts.ts'
import type { Session } from './sessions.ts'
import type { Views } from './views.ts'

/** One request, as a handler sees it. `session` is there wherever the route asks for a role. */
export interface Call<K extends RouteName> extends Asked<K> {
  readonly session: Session
  /** Who acts: the person who has the shift, or the account. */
  readonly actor: string
  readonly address: string
  readonly local: boolean
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}
export type Handlers<K extends RouteName> = { readonly [N in K]: (call: Call<N>) => Promise<Answer<N>> | Answer<N> }

export type BuildingRoute = Exclude<RouteName, 'session' | 'login' | 'open' | 'claim' | 'logout' | 'password' | 'people' | 'shift' | 'beginShift' | 'endShift' | 'users' | 'addUser' | 'changeUser' | 'removeUser' | 'pin' | 'audit' | 'setup' | 'changeSetup'>

const maxRangeMs = 400 * 86_400_000

/** The building's side of the API: the same functions that the control socket calls. */
export function buildingHandlers(parts: ConsoleParts, views: Views, pace: DrainPace, accounts: () => readonly string[]): Handlers<BuildingRoute> {
  const { alerts, modes, clock, deadLetters } = parts
  /** An alert may be given to an account that nobody of the roster has, too. */
  const assignable = (): readonly string[] => (alerts.people.length === 0 ? [] : [...alerts.people, ...accounts()])
  return {
    ...changeHandlers(parts.changes),
    ...commissioningHandlers(parts.commissioning),
    overview: ({ session }) => views.overview(session.role),
    alerts: () => viewAlerts(alerts) as Answer<'alerts'>,
    alert: ({ params }) => findAlert(alerts.desk, params.id) as Answer<'alert'>,
    addPhoto: async ({ body }) => ({ id: await parts.photos.add(Buffer.from(body.jpeg, 'base64'), staffLimits) }),
    async act({ params, body, actor }) {
      if (body.act === 'resolve' && body.photo !== undefined && !await parts.photos.has(body.photo)) throw new ConfigError('PHOTO_UNKNOWN', `there is no photo ${body.photo}; send it first`)
      return await actOnAlert({ ...alerts, people: assignable() }, params.id, actor, body) as Answer<'act'>
    },
    silence: async ({ actor }) => { const { silenced } = await silenceAlerts(alerts, actor); return { silenced: [...silenced] } },
    testAlert: ({ body, actor }) => testAlerts(alerts, body.severity, actor),
    statistics: ({ query }) => { const now = clock.now(); return alerts.desk.statistics(now - query.sinceMs, now) as Answer<'statistics'> },
    devices: ({ session }) => [...views.devices(session.role)],
    device: ({ params, session }) => views.device(params.id, session.role),
    async history({ query }) {
      if (!parts.history) throw new ConfigError('HISTORY_OFF', 'this gateway keeps no history; set history.enabled to true in its site file')
      const chart = await parts.history.chart(query.point, query.from, query.to, query.points)
      return { ...chart, slots: [...chart.slots] }
    },
    async write({ params, body, session, actor }) {
      if (!views.mayWrite(params.id, session.role)) throw new ConfigError('CONSOLE_ROLE', `${params.id} is written by installers; log in as one`)
      views.checkValue(params.id, body.value)
      await parts.writer.write(params.id, body.value, AbortSignal.timeout(body.timeoutMs), { actor, origin: 'site' })
      return {}
    },
    reports: async () => ({ now: clock.now(), today: (await parts.reports.shifts(undefined)).day, months: [...await parts.reports.months()] }),
    monthReport: async ({ query: { month } }) => ({ ...await parts.reports.answer(month, false), alarms: await parts.reports.alarms(month) }) as Answer<'monthReport'>,
    alarmReport: ({ query }) => parts.reports.alarms(query),
    shifts: ({ query }) => parts.reports.shifts(query.day),
    shiftReport: ({ query }) => parts.reports.shift(query.id),
    doors: () => views.doors(),
    terminals: () => views.terminals(),
    events: ({ query }) => lastEvents(parts, query),
    link: () => linkAnswer(parts.status(), pace, parts.checkpointAt()),
    deadLetters: async ({ query }) => [...await listDeadLetters(deadLetters, query.after)],
    orderDeadLetters: async ({ body }) => ({ done: await settleDeadLetters(deadLetters, body.action, body.ids) }),
    maintenance: () => [...modes.list()],
    beginMaintenance: ({ body: { forMs, device, place, reason }, actor }) => {
      const now = clock.now()
      return modes.begin({ ...(device === undefined ? {} : { device }), ...(place === undefined ? {} : { place }), until: now + forMs, by: actor, reason }, now)
    },
    supportBundle: () => parts.support.bundles.view,
    makeSupportBundle: ({ body }) => parts.support.bundles.start(body.events),
    checkUp: () => parts.support.checkUp() as Promise<Answer<'checkUp'>>,
    logs: ({ query }) => parts.support.logs.read(query) as Promise<Answer<'logs'>>,
    discovery: () => parts.discovery.view(),
    startDiscovery: async ({ body }) => { await parts.discovery.start(body); return {} },
    stopDiscovery: () => { parts.discovery.stop(); return {} },
    readDiscovered: ({ body }) => parts.discovery.read(body),
    proposeDiscovered: async ({ body }) => structuredClone(await parts.discovery.propose(body)) as Answer<'proposeDiscovered'>,
    saveDiscovered: ({ body, actor }) => parts.discovery.save({ ...body, by: actor }),
    endMaintenance: async ({ params }) => ({ ended: await modes.end(params.id, clock.now()) }),
  }
}

/** The log is read in order of time; the newest are what is wanted. */
async function lastEvents({ eventLog }: ConsoleParts, { from, to, types, door, terminal, limit }: Asked<'events'>['query']): Promise<Answer<'events'>> {
  if (!(to > from) || to - from > maxRangeMs) throw new ConfigError('CONSOLE_REQUEST', 'ask for events from a time to a later one, at most 400 days')
  const last: GatewayEvent[] = []
  let more = false
  for await (const event of eventLog.read(from, to, types?.split(',').slice(0, 32))) {
    if ((door !== undefined && event.data.door !== door) || (terminal !== undefined && event.data.kiosk !== terminal)) continue
    last.push(event)
    if (last.length >= limit * 2) { last.splice(0, last.length - limit); more = true }
  }
  return { events: last.slice(-limit).toReversed() as Answer<'events'>['events'], more: more || last.length > limit }
}
