import { batch, computed, signal } from '@preact/signals'
import type { AlertsAnswer, AlertView, Answer, DeviceDetail, DeviceView, DoorAnswer, LinkAnswer, Overview, PersonAnswer, Role, SessionAnswer, ShiftAnswer, StreamEvents, TerminalAnswer } from '../api/index.ts'
import { isOpen, isWaiting } from '../alert-states.ts'
import { call, type Result } from './api.ts'
import { clock } from './clock.ts'
import { useZone } from './format.ts'
import { beginIn, named } from './language.ts'
import { page, trail } from './route.ts'

/** What the page knows. Null: not asked yet. */
export const session = signal<SessionAnswer | null>(null)
export const overview = signal<Overview | null>(null)
export const alerts = signal<AlertsAnswer | null>(null)
/** The one that is looked at, with its timeline. */
export const alertDetail = signal<AlertView | null>(null)
export const devices = signal<readonly DeviceView[] | null>(null)
export const deviceDetail = signal<DeviceDetail | null>(null)
export const doors = signal<readonly DoorAnswer[] | null>(null)
export const terminals = signal<readonly TerminalAnswer[] | null>(null)
export const link = signal<LinkAnswer | null>(null)
export const deadLetters = signal<Answer<'deadLetters'> | null>(null)
export const people = signal<readonly PersonAnswer[]>([])
export const shift = signal<ShiftAnswer | null>(null)
/** The gateway's clock minus this browser's: an office PC may be wrong by hours. */
const offset = signal(0)
const tick = signal(clock.now())
clock.every(5_000, () => { tick.value = clock.now() })
/** The gateway's time, in steps of five seconds. */
export const now = computed(() => tick.value + offset.value)
export function heardTime(gatewayNow: number): void {
  offset.value = gatewayNow - clock.now()
  tick.value = clock.now()
}

const ranks: readonly Role[] = ['viewer', 'staff', 'installer', 'admin']
/** Signed in with at least this role. */
export const may = (role: Role): boolean => session.value?.user !== undefined && ranks.indexOf(session.value.user.role) >= ranks.indexOf(role)
/** Who acts at this desk now. */
export const me = computed(() => session.value?.person?.id ?? session.value?.user?.id ?? '')
/** A name to an id; the id where nobody is known by it. */
export function personName(id: string): string {
  const found = people.value.find((person) => person.id === id)
  return found ? named(found.name) : id
}
export function deviceName(id: string): string {
  const device = devices.value?.find((each) => each.id === id)
  return device ? named(device.name) : id
}
export function placeName(id: string): string {
  const tile = overview.value?.tiles.find(({ place }) => place === id)
  return tile ? named(tile.name) : id
}

/** Somebody has it, and it is not over. */
export const isHandled = (alert: AlertView): boolean => alert.state === 'acknowledged' && !alert.shelved && alert.suppressedBy === undefined && (alert.mode === undefined || alert.mode === 'test')
/** How many nobody has acknowledged. A test is asked for too, and is in no summary. */
export const waitingCount = computed(() => (overview.value ? overview.value.summary.waiting + overview.value.alerts.filter((alert) => alert.mode === 'test' && isWaiting(alert)).length : 0))
export const handledCount = computed(() => (overview.value ? Math.max(0, overview.value.needYou - overview.value.summary.waiting) : 0))
const graver = (a: AlertView, b: AlertView): number => a.severity - b.severity || a.raisedAt - b.raisedAt
const withAlert = (list: readonly AlertView[], alert: AlertView): AlertView[] => [...list.filter(({ id }) => id !== alert.id), alert].toSorted(graver)

export function setSession(answer: SessionAnswer): void {
  useZone(answer.site.timezone)
  heardTime(answer.now)
  beginIn(answer.language)
  session.value = answer
}

/** What was told while answers were on their way. Such an answer may be older than that, so it is told once more on top of it. */
const flights = new Set<(() => void)[]>()
function hear(apply: () => void): void {
  batch(apply)
  for (const flight of flights) flight.push(apply)
}

/** An alert as it is now, from the stream or from an act. */
export function heardAlert(alert: AlertView): void {
  hear(() => placeAlert(alert))
  if (alertDetail.value?.id === alert.id) void load.alert(alert.id)
}
function placeAlert(alert: AlertView): void {
  const home = overview.value
  if (home) {
    const open = isOpen(alert) ? withAlert(home.alerts, alert) : home.alerts.filter(({ id }) => id !== alert.id)
    overview.value = { ...home, alerts: open }
  }
  const list = alerts.value
  if (list) {
    const others = list.closed.filter(({ id }) => id !== alert.id)
    alerts.value = alert.state === 'closed'
      ? { ...list, open: list.open.filter(({ id }) => id !== alert.id), closed: [alert, ...others] }
      : { ...list, open: withAlert(list.open, alert), closed: others }
  }
}

/** Home has the most urgent ones; when these are dealt with, the next are asked for. */
const fewLeft = 10
export function heardSummary(summary: Overview['summary']): void {
  const listed = overview.value?.alerts.filter((alert) => isWaiting(alert) && alert.mode === undefined).length ?? 0
  if (overview.value && listed < Math.min(summary.waiting, fewLeft)) void load.overview()
  hear(() => {
    if (overview.value) overview.value = { ...overview.value, summary, needYou: summary.open[1] + summary.open[2] + summary.open[3] + summary.open[4] }
    if (alerts.value) alerts.value = { ...alerts.value, summary }
  })
}

export function heardDiff(diff: StreamEvents['diff']): void {
  heardTime(diff.now)
  hear(() => placeDiff(diff))
  if (diff.devices || diff.doors || diff.terminals) {
    if (page.value === 'home') void load.overview()
    if (diff.devices && page.value === 'devices') void refresh()
  }
}
function placeDiff(diff: StreamEvents['diff']): void {
  if (diff.readings) {
    const told = new Map(diff.readings.map((reading) => [reading.point, reading]))
    const fresh = <D extends DeviceView>(device: D): D => {
      if (!device.points.some(({ id }) => told.has(id))) return device
      const points = device.points.map((point) => {
        const reading = told.get(point.id)
        if (!reading) return point
        const { reason: _old, ...rest } = point
        return { ...rest, value: reading.value, quality: reading.quality, at: reading.at, ...(reading.reason === undefined ? {} : { reason: reading.reason }) }
      })
      return { ...device, points, lastSeenAt: Math.max(device.lastSeenAt ?? 0, ...points.flatMap(({ at, quality }) => (at === null || quality === 'bad' ? [] : [at]))) }
    }
    if (devices.value) devices.value = devices.value.map(fresh)
    if (deviceDetail.value) deviceDetail.value = fresh(deviceDetail.value)
    const home = overview.value
    if (home) overview.value = { ...home, tiles: home.tiles.map((tile) => ({ ...tile, items: tile.items.map((item) => (item.values.some(({ id }) => told.has(id)) ? { ...item, values: item.values.map((point) => { const reading = told.get(point.id); return reading ? { ...point, value: reading.value, quality: reading.quality, at: reading.at } : point }) } : item)) })) }
  }
  if (diff.doors && doors.value) doors.value = merged(doors.value, diff.doors)
  if (diff.terminals && terminals.value) terminals.value = merged(terminals.value, diff.terminals)
}
const merged = <T extends { readonly id: string }>(old: readonly T[], changed: readonly T[]): readonly T[] => old.map((each) => changed.find(({ id }) => id === each.id) ?? each)

async function into<T>(target: { value: T | null }, asked: Promise<Result<T>>): Promise<void> {
  const flight: (() => void)[] = []
  flights.add(flight)
  const answer = await asked
  flights.delete(flight)
  if (answer.ok) batch(() => { target.value = answer.value; for (const apply of flight) apply() })
  else if (answer.status === 401) await load.session()
  else if (answer.status === 0 || answer.status === 429 || answer.status >= 500) soon()
}
const retryMs = 3_000
let waits = false
/** What did not come is asked for once more, with all that the page of that moment shows. */
function soon(): void {
  if (waits) return
  waits = true
  clock.after(retryMs, () => { waits = false; if (session.value?.state === 'in') void refresh() })
}
let overviewAsked: Promise<void> | null = null
export const load = {
  async session(): Promise<void> { const answer = await call('session'); if (answer.ok) setSession(answer.value) },
  /** Once at a time: a flood of alerts asks for it with each. */
  overview: (): Promise<void> => overviewAsked ??= into(overview, call('overview')).finally(() => { overviewAsked = null }),
  alerts: (): Promise<void> => into(alerts, call('alerts')),
  alert: (id: string): Promise<void> => into(alertDetail, call('alert', { id })),
  devices: (): Promise<void> => into(devices, call('devices')),
  device: (id: string): Promise<void> => into(deviceDetail, call('device', { id })),
  doors: (): Promise<void> => into(doors, call('doors')),
  terminals: (): Promise<void> => into(terminals, call('terminals')),
  link: (): Promise<void> => into(link, call('link')),
  deadLetters: (): Promise<void> => into(deadLetters, call('deadLetters')),
  shift: (): Promise<void> => into(shift, call('shift')),
  async people(): Promise<void> { const answer = await call('people'); if (answer.ok) people.value = answer.value },
}

/** What the present page shows, asked anew: on entering it, and when the stream begins. */
export async function refresh(): Promise<void> {
  const [name, id] = trail.value
  const needs: Readonly<Record<string, () => Promise<unknown>>> = {
    alerts: () => Promise.all([load.alerts(), ...(id ? [load.alert(id), load.devices()] : [])]),
    devices: () => (id ? load.device(id) : load.devices()),
    doors: () => Promise.all([load.doors(), load.terminals()]),
    link: () => Promise.all([load.link(), load.deadLetters()]),
    shift: () => Promise.all([load.shift(), load.session()]),
    setup: () => Promise.all([load.devices(), load.link()]),
  }
  // The overview is always there: its alerts sound on every page.
  await Promise.all([load.overview(), needs[name ?? 'home']?.()])
}
