import type { Answer, Order, Problem, RouteName, Routes } from '../api/index.ts'

/** Method and path of every route, held to the API by type: the page carries no schemas. */
const paths: { readonly [K in RouteName]: readonly [method: Routes[K]['method'], path: Routes[K]['path']] } = {
  session: ['GET', '/api/session'],
  login: ['POST', '/api/session/login'],
  open: ['POST', '/api/session/open'],
  claim: ['POST', '/api/claim'],
  logout: ['POST', '/api/session/logout'],
  password: ['POST', '/api/session/password'],
  overview: ['GET', '/api/overview'],
  alerts: ['GET', '/api/alerts'],
  alert: ['GET', '/api/alerts/:id'],
  act: ['POST', '/api/alerts/:id/acts'],
  addPhoto: ['POST', '/api/photos'],
  silence: ['POST', '/api/alerts/silence'],
  testAlert: ['POST', '/api/alerts/test'],
  statistics: ['GET', '/api/statistics'],
  devices: ['GET', '/api/devices'],
  device: ['GET', '/api/devices/:id'],
  history: ['GET', '/api/history'],
  write: ['POST', '/api/points/:id/write'],
  doors: ['GET', '/api/doors'],
  terminals: ['GET', '/api/terminals'],
  events: ['GET', '/api/events'],
  link: ['GET', '/api/link'],
  deadLetters: ['GET', '/api/dead-letters'],
  orderDeadLetters: ['POST', '/api/dead-letters'],
  maintenance: ['GET', '/api/maintenance'],
  beginMaintenance: ['POST', '/api/maintenance'],
  endMaintenance: ['DELETE', '/api/maintenance/:id'],
  configurations: ['GET', '/api/configurations'],
  configuration: ['GET', '/api/configurations/text'],
  planChange: ['POST', '/api/configurations/plan'],
  applyChange: ['POST', '/api/configurations'],
  confirmChange: ['POST', '/api/configurations/confirm'],
  rollBackChange: ['POST', '/api/configurations/roll-back'],
  people: ['GET', '/api/people'],
  shift: ['GET', '/api/shift'],
  beginShift: ['POST', '/api/shift'],
  endShift: ['POST', '/api/shift/end'],
  checkUp: ['POST', '/api/check-up'],
  supportBundle: ['GET', '/api/support-bundle'],
  makeSupportBundle: ['POST', '/api/support-bundle'],
  logs: ['GET', '/api/logs'],
  reports: ['GET', '/api/reports'],
  monthReport: ['GET', '/api/reports/month'],
  alarmReport: ['GET', '/api/reports/alarms'],
  shifts: ['GET', '/api/reports/shifts'],
  shiftReport: ['GET', '/api/reports/shift'],
  discovery: ['GET', '/api/discovery'],
  startDiscovery: ['POST', '/api/discovery'],
  stopDiscovery: ['POST', '/api/discovery/stop'],
  readDiscovered: ['POST', '/api/discovery/read'],
  proposeDiscovered: ['POST', '/api/discovery/propose'],
  saveDiscovered: ['POST', '/api/discovery/save'],
  commissioning: ['GET', '/api/commissioning'],
  commissioningNow: ['GET', '/api/commissioning/now'],
  beginCommissioning: ['POST', '/api/commissioning'],
  actCommissioning: ['POST', '/api/commissioning/act'],
  finishCommissioning: ['POST', '/api/commissioning/finish'],
  discardCommissioning: ['POST', '/api/commissioning/discard'],
  commissioningReport: ['GET', '/api/commissioning/reports/:id'],
  users: ['GET', '/api/users'],
  addUser: ['POST', '/api/users'],
  changeUser: ['POST', '/api/users/:id'],
  removeUser: ['DELETE', '/api/users/:id'],
  pin: ['POST', '/api/pins'],
  setup: ['GET', '/api/setup'],
  changeSetup: ['POST', '/api/setup'],
  audit: ['GET', '/api/audit'],
}

/** `CONSOLE_UNREACHABLE` is the page's own: no answer came, so nobody knows whether it was done. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly status: number; readonly problem: Problem }
interface Asking<K extends RouteName> { readonly id?: string; readonly query?: Readonly<Record<string, string | number>>; readonly body?: Order<K>; readonly timeoutMs?: number }

const unreachable = (): Result<never> => ({ ok: false, status: 0, problem: { code: 'CONSOLE_UNREACHABLE', message: '' } })

/** Never throws. */
export async function call<K extends RouteName>(name: K, { id = '', query, body, timeoutMs = 8_000 }: Asking<K> = {}): Promise<Result<Answer<K>>> {
  const [method, path] = paths[name]
  const asked = query ? `?${new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]))}` : ''
  try {
    const response = await fetch(path.replace(':id', encodeURIComponent(id)) + asked, {
      method, signal: AbortSignal.timeout(timeoutMs), credentials: 'same-origin', cache: 'no-store',
      ...(method === 'POST' ? { body: JSON.stringify(body ?? {}), headers: { 'content-type': 'application/json' } } : {}),
    })
    const content: unknown = await response.json()
    return response.ok ? { ok: true, value: content as Answer<K> } : { ok: false, status: response.status, problem: content as Problem }
  } catch {
    return unreachable()
  }
}
