import { z } from 'zod'
import * as alerts from './alerts.ts'
import * as change from './change.ts'
import * as commissioning from './commissioning.ts'
import { done, name, pointId, type Role } from './common.ts'
import * as discovery from './discovery.ts'
import * as facility from './facility.ts'
import * as link from './link.ts'
import * as people from './people.ts'
import * as reports from './reports.ts'
import * as support from './support.ts'

/** `public`: without a session. Otherwise the least role. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** As fastify writes it. */
  readonly path: string
  readonly role: Role | 'public'
  readonly summary: string
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  /** Of the order, where it may be longer than others. */
  readonly bodyLimit?: number
  readonly answer: z.ZodType
}

const byId = z.strictObject({ id: z.string().min(1).max(64) })
const byName = z.strictObject({ id: name })

/** Everything the page does. Order is that of the document. */
export const routes = {
  session: { method: 'GET', path: '/api/session', role: 'public', summary: 'who am I, and what is this place', answer: people.session },
  login: { method: 'POST', path: '/api/session/login', role: 'public', summary: 'log in with an account', body: people.loginOrder, answer: people.session },
  open: { method: 'POST', path: '/api/session/open', role: 'public', summary: 'log in with a one-time address', body: people.openOrder, answer: people.session },
  claim: { method: 'POST', path: '/api/claim', role: 'public', summary: 'first run: make the first admin with a claim code', body: people.claimOrder, answer: people.session },
  logout: { method: 'POST', path: '/api/session/logout', role: 'viewer', summary: 'end this session', answer: done },
  password: { method: 'POST', path: '/api/session/password', role: 'viewer', summary: 'change my password; ends my other sessions', body: people.passwordOrder, answer: done },

  overview: { method: 'GET', path: '/api/overview', role: 'viewer', summary: 'the sentence, what is open, the areas', answer: facility.overview },
  alerts: { method: 'GET', path: '/api/alerts', role: 'viewer', summary: 'open and lately closed alerts, without timelines', answer: alerts.alertsAnswer },
  alert: { method: 'GET', path: '/api/alerts/:id', role: 'viewer', summary: 'one alert with its timeline', params: byId, answer: alerts.alert },
  act: { method: 'POST', path: '/api/alerts/:id/acts', role: 'staff', summary: 'acknowledge, assign, shelve, resolve, evaluate, reopen, comment', params: byId, body: alerts.act, answer: alerts.actAnswer },
  addPhoto: { method: 'POST', path: '/api/photos', role: 'staff', summary: 'a photo for an act', body: alerts.photoOrder, bodyLimit: 5_700_000, answer: alerts.photoAnswer },
  silence: { method: 'POST', path: '/api/alerts/silence', role: 'staff', summary: 'the sounder is quiet; nothing is acknowledged', answer: alerts.silenceAnswer },
  testAlert: { method: 'POST', path: '/api/alerts/test', role: 'staff', summary: 'an alert marked TEST', body: alerts.testOrder, answer: alerts.testAnswer },
  statistics: { method: 'GET', path: '/api/statistics', role: 'viewer', summary: 'figures about alerts', query: alerts.statisticsQuery, answer: z.looseObject({}) },

  devices: { method: 'GET', path: '/api/devices', role: 'viewer', summary: 'every device, with its first points', answer: z.array(facility.deviceView) },
  device: { method: 'GET', path: '/api/devices/:id', role: 'viewer', summary: 'one device with all points and its bus', params: byName, answer: facility.deviceDetail },
  history: { method: 'GET', path: '/api/history', role: 'viewer', summary: 'a chart of one point', query: facility.historyQuery, answer: facility.chart },
  write: { method: 'POST', path: '/api/points/:id/write', role: 'staff', summary: 'write a point and read it back; all but door locks need installer', params: z.strictObject({ id: pointId }), body: facility.writeOrder, answer: done },
  doors: { method: 'GET', path: '/api/doors', role: 'viewer', summary: 'the doors', answer: z.array(facility.doorView) },
  terminals: { method: 'GET', path: '/api/terminals', role: 'viewer', summary: 'the self-service terminals', answer: z.array(facility.terminalView) },
  events: { method: 'GET', path: '/api/events', role: 'viewer', summary: 'what happened, the newest first', query: facility.eventsQuery, answer: facility.eventsAnswer },

  link: { method: 'GET', path: '/api/link', role: 'viewer', summary: 'the line to the city', answer: link.link },
  deadLetters: { method: 'GET', path: '/api/dead-letters', role: 'viewer', summary: 'records the city refused, a hundred at a time', query: link.deadLettersQuery, answer: z.array(link.deadLetter) },
  orderDeadLetters: { method: 'POST', path: '/api/dead-letters', role: 'installer', summary: 'send them again, or throw them away', body: link.deadLettersOrder, answer: link.deadLettersDone },
  maintenance: { method: 'GET', path: '/api/maintenance', role: 'viewer', summary: 'what is worked on', answer: z.array(link.maintenance) },
  beginMaintenance: { method: 'POST', path: '/api/maintenance', role: 'installer', summary: 'a device or a place is worked on', body: link.maintenanceOrder, answer: link.maintenance },
  endMaintenance: { method: 'DELETE', path: '/api/maintenance/:id', role: 'installer', summary: 'it is over', params: byId, answer: link.maintenanceEnded },

  configurations: { method: 'GET', path: '/api/configurations', role: 'installer', summary: 'what is in force, what is on trial, and every site file that was', answer: change.configurations },
  configuration: { method: 'GET', path: '/api/configurations/text', role: 'installer', summary: 'the text of one', query: change.configurationQuery, answer: change.configurationText },
  planChange: { method: 'POST', path: '/api/configurations/plan', role: 'installer', summary: 'what another site file would change; nothing is done', body: change.planOrder, bodyLimit: 6_291_456, answer: change.planAnswer },
  applyChange: { method: 'POST', path: '/api/configurations', role: 'installer', summary: 'another site file, on trial until somebody confirms it', body: change.applyOrder, bodyLimit: 6_291_456, answer: change.configurations },
  confirmChange: { method: 'POST', path: '/api/configurations/confirm', role: 'installer', summary: 'what is on trial stays', body: change.confirmOrder, answer: change.configurations },
  rollBackChange: { method: 'POST', path: '/api/configurations/roll-back', role: 'installer', summary: 'take back what is on trial, or put an older one into force', body: change.rollBackOrder, answer: change.configurations },

  people: { method: 'GET', path: '/api/people', role: 'viewer', summary: 'names to the ids in alerts', answer: z.array(people.person) },
  shift: { method: 'GET', path: '/api/shift', role: 'viewer', summary: 'who has the shift, and what the last one left', answer: people.shift },
  beginShift: { method: 'POST', path: '/api/shift', role: 'staff', summary: 'a person of the roster takes the desk', body: people.shiftBegin, answer: people.shift },
  endShift: { method: 'POST', path: '/api/shift/end', role: 'staff', summary: 'hand over, with a note', body: people.shiftEnd, answer: people.shift },

  checkUp: { method: 'POST', path: '/api/check-up', role: 'installer', summary: 'what is wrong or soon will be, where, and the next step; takes some seconds', answer: support.checkUp },
  supportBundle: { method: 'GET', path: '/api/support-bundle', role: 'installer', summary: 'how far the support bundle is', answer: support.bundleState },
  makeSupportBundle: { method: 'POST', path: '/api/support-bundle', role: 'installer', summary: 'make a support bundle; it is fetched from /api/support-bundle/file within ten minutes', body: support.bundleOrder, answer: support.bundleState },
  logs: { method: 'GET', path: '/api/logs', role: 'installer', summary: 'what the gateway logged last, without secrets', query: support.logsQuery, answer: support.logs },

  reports: { method: 'GET', path: '/api/reports', role: 'viewer', summary: 'months of which anything is kept', answer: reports.reports },
  monthReport: { method: 'GET', path: '/api/reports/month', role: 'viewer', summary: 'the facility report of a month, with the figures of its alarms', query: reports.monthQuery, answer: reports.monthReport },
  alarmReport: { method: 'GET', path: '/api/reports/alarms', role: 'viewer', summary: 'figures of the alarms of a time, at most 100 days', query: reports.alarmsQuery, answer: reports.alarms },
  shifts: { method: 'GET', path: '/api/reports/shifts', role: 'viewer', summary: 'the shifts that began on a day: of the plan, and as the desk was taken', query: reports.shiftsQuery, answer: reports.shifts },
  shiftReport: { method: 'GET', path: '/api/reports/shift', role: 'viewer', summary: 'what happened in a shift', query: reports.shiftQuery, answer: reports.shiftReport },

  discovery: { method: 'GET', path: '/api/discovery', role: 'installer', summary: 'the search for devices, and what it found', answer: discovery.discovery },
  startDiscovery: { method: 'POST', path: '/api/discovery', role: 'installer', summary: 'search a free serial line, given addresses, an MQTT broker, or an OPC UA server; only reads', body: discovery.discoveryOrder, answer: done },
  stopDiscovery: { method: 'POST', path: '/api/discovery/stop', role: 'installer', summary: 'stop the search; what was found stays', answer: done },
  readDiscovered: { method: 'POST', path: '/api/discovery/read', role: 'installer', summary: 'the live read test of a device that was found', body: discovery.discoveredOrder, answer: discovery.discovered },
  proposeDiscovered: { method: 'POST', path: '/api/discovery/propose', role: 'installer', summary: 'what the site file would get', body: discovery.discoveredOrders, answer: discovery.discoveryProposal },
  saveDiscovered: { method: 'POST', path: '/api/discovery/save', role: 'installer', summary: 'add devices that were read to the site file; in force at once, on trial until all was well for a minute', body: discovery.discoveredOrders, answer: discovery.discoverySaved },

  commissioning: { method: 'GET', path: '/api/commissioning', role: 'installer', summary: 'the checklist, the commissioning that goes on, and the reports of those that ended', answer: commissioning.commissioning },
  commissioningNow: { method: 'GET', path: '/api/commissioning/now', role: 'installer', summary: 'the point it is at, and how the last one did', answer: commissioning.commissioningNow },
  beginCommissioning: { method: 'POST', path: '/api/commissioning', role: 'installer', summary: 'begin one, at the first point; one at a time', body: commissioning.commissioningBegin, answer: commissioning.commissioningNow },
  actCommissioning: { method: 'POST', path: '/api/commissioning/act', role: 'installer', summary: 'choose a point; say that it is done now, that it does not work, or that it is left out', body: commissioning.commissioningAct, answer: commissioning.commissioningNow },
  finishCommissioning: { method: 'POST', path: '/api/commissioning/finish', role: 'installer', summary: 'end it with a signed report', answer: commissioning.commissioningFinished },
  discardCommissioning: { method: 'POST', path: '/api/commissioning/discard', role: 'installer', summary: 'throw it away, without a report', answer: done },
  commissioningReport: { method: 'GET', path: '/api/commissioning/reports/:id', role: 'installer', summary: 'a report, and what did otherwise in the one before it; /html and /json below it are the files', params: commissioning.commissioningReportParams, answer: commissioning.commissioningReport },

  users: { method: 'GET', path: '/api/users', role: 'admin', summary: 'accounts', answer: z.array(people.user) },
  addUser: { method: 'POST', path: '/api/users', role: 'admin', summary: 'a new account', body: people.userOrder, answer: people.user },
  changeUser: { method: 'POST', path: '/api/users/:id', role: 'admin', summary: 'role, password, disabled; ends its sessions', params: byName, body: people.userChange, answer: people.user },
  removeUser: { method: 'DELETE', path: '/api/users/:id', role: 'admin', summary: 'an account goes', params: byName, answer: done },
  pin: { method: 'POST', path: '/api/pins', role: 'admin', summary: 'PIN of a person of the roster', body: people.pinOrder, answer: done },
  setup: { method: 'GET', path: '/api/setup', role: 'admin', summary: 'the first steps of a new box', answer: people.setup },
  changeSetup: { method: 'POST', path: '/api/setup', role: 'admin', summary: 'the first steps are done or to be shown again; the language the page begins in', body: people.setupChange, answer: done },
  audit: { method: 'GET', path: '/api/audit', role: 'admin', summary: 'who did what', query: people.auditQuery, answer: people.audit },
} as const satisfies Readonly<Record<string, Route>>

export type Routes = typeof routes
export type RouteName = keyof Routes
type Shape<R, K extends string> = R extends Readonly<Record<K, infer S extends z.ZodType>> ? S : z.ZodUndefined
/** What a caller sends, before defaults. */
export type Order<K extends RouteName> = z.input<Shape<Routes[K], 'body'>>
/** What a caller gets. */
export type Answer<K extends RouteName> = z.output<Routes[K]['answer']>
/** What a handler is given. */
export interface Asked<K extends RouteName> {
  readonly params: z.output<Shape<Routes[K], 'params'>>
  readonly query: z.output<Shape<Routes[K], 'query'>>
  readonly body: z.output<Shape<Routes[K], 'body'>>
}
