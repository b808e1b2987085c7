import type { ConnectionConfig, DeviceConfig, DoorView, KioskView, PointConfig, Value } from '../contract/index.ts'
import { brief } from '../control/alerts.ts'
import { ConfigError } from '../kit/index.ts'
import { mostUrgent } from './alert-states.ts'
import type { Answer, DeviceDetail, DeviceView, Overview, PointView, Role, Tile } from './api/index.ts'
import type { ConsoleParts } from './parts.ts'

type Item = Tile['items'][number]
type Level = Item['level']
const shownAlerts = 50
const shownPoints = 4
const glance = 3

/** What the page shows of the building: read where it is asked for, nothing kept. */
export class Views {
  readonly #parts: ConsoleParts
  readonly #connections: ReadonlyMap<string, ConnectionConfig>
  constructor(parts: ConsoleParts) { this.#parts = parts; this.#connections = new Map(parts.connections.map((each) => [each.id, each])) }

  point(point: PointConfig, as: Role): PointView {
    const { live } = this.#parts
    const reading = live.read(point.id)
    return {
      id: point.id, name: point.name, type: point.type, ...(point.unit === undefined ? {} : { unit: point.unit }),
      value: reading?.value ?? null, quality: reading?.quality ?? null, at: reading ? live.confirmedAt(reading) : null, ...(reading?.reason ? { reason: reading.reason } : {}),
      writable: point.writable && this.mayWrite(point.id, as), ...(point.min === undefined ? {} : { min: point.min }), ...(point.max === undefined ? {} : { max: point.max }),
    }
  }

  /** A lock's own policy stands behind it, in the door. */
  mayWrite(point: string, as: Role): boolean {
    return as === 'installer' || as === 'admin' || (as === 'staff' && [...this.#parts.locks.values()].includes(point))
  }

  /** Throws ConfigError POINT_VALUE for what lies outside the point's range, before anything is sent. */
  checkValue(id: string, value: Value): void {
    const { type, min = -Infinity, max = Infinity } = this.#parts.live.points.get(id) ?? {}
    if (type === 'number' && (typeof value !== 'number' || !(value >= min && value <= max))) throw new ConfigError('POINT_VALUE', `${JSON.stringify(value)} cannot be written to ${id}: write a number from ${min} to ${max}`)
  }

  devices(as: Role): readonly DeviceView[] { return [...this.#parts.live.devices.values()].map((device) => this.#device(device, as, shownPoints)) }

  /** Throws ConfigError CONSOLE_UNKNOWN. */
  device(id: string, as: Role): DeviceDetail {
    const device = this.#parts.live.devices.get(id)
    const bus = device && this.#parts.status().connections.find((each) => each.id === device.connectionId)
    if (!device || !bus) throw new ConfigError('CONSOLE_UNKNOWN', `there is no device "${id}"`)
    const { devices, findings, ...rest } = bus
    return { ...this.#device(device, as, Infinity), bus: { ...rest, statistics: { ...bus.statistics }, device: { ...devices[id] }, findings: findings.filter(({ deviceId }) => deviceId === undefined || deviceId === id).map((each) => ({ ...each })) } }
  }

  #device(device: DeviceConfig, as: Role, points: number): DeviceView {
    const { live, modes } = this.#parts
    const status = live.device(device.id)
    const readings = device.points.flatMap(({ id }) => live.read(id) ?? [])
    const mode = modes.of(device.id)
    return {
      id: device.id, name: device.name, ...(device.place === undefined ? {} : { place: device.place }), connection: device.connectionId,
      driver: this.#connections.get(device.connectionId)?.driver ?? '', ...(device.profile === undefined ? {} : { profile: device.profile }),
      state: status?.state ?? 'unknown', since: status?.at ?? null, ...(status?.reason ? { reason: status.reason } : {}), ...(status?.detail ? { detail: status.detail } : {}),
      lastSeenAt: live.lastHeardAt(device.id),
      ...(mode === undefined ? {} : { mode }), bad: readings.filter(({ quality }) => quality === 'bad').length,
      points: tellingFirst(device.points).slice(0, points).map((point) => this.point(point, as)), pointCount: device.points.length,
    }
  }

  doors(): Answer<'doors'> {
    return this.#parts.facility.doors().map((door) => {
      const lockPoint = this.#parts.locks.get(door.id)
      return { ...door, conditions: [...door.conditions], lost: [...door.lost], today: { ...door.today }, recent: [...door.recent], ...(lockPoint === undefined ? {} : { lockPoint }) }
    })
  }
  terminals(): Answer<'terminals'> {
    return this.#parts.facility.kiosks().map((kiosk) => ({ ...kiosk, why: [...kiosk.why], reasons: [...kiosk.reasons], hours: kiosk.hours.map(({ from, ms }) => ({ from, ms: { ...ms } })), sessions: { count: kiosk.sessions.count, items: { ...kiosk.sessions.items }, results: { ...kiosk.sessions.results } } }))
  }

  overview(as: Role): Overview {
    const { alerts: { desk, clock }, live, modes, status } = this.#parts
    const { startedAt, timeQuality } = status()
    const now = clock.now()
    const summary = desk.summary(now)
    const states = [...live.devices.keys()].map((id) => live.device(id)?.state)
    return {
      now, startedAt, timeQuality, summary, needYou: summary.open[1] + summary.open[2] + summary.open[3] + summary.open[4],
      alerts: mostUrgent(desk.open(), shownAlerts).map(brief) as Overview['alerts'],
      tiles: this.tiles(as),
      devices: { total: states.length, online: states.filter((state) => state === 'online').length, offline: states.filter((state) => state === 'offline').length },
      link: this.link(), maintenance: modes.list().length,
    }
  }

  link(): Overview['link'] {
    const { uplinks } = this.#parts.status()
    const waiting = uplinks.reduce((sum, { backlog }) => sum + Object.values(backlog).reduce((all, { records }) => all + records, 0), 0)
    return { state: uplinks.length === 0 ? 'none' : uplinks.every(({ state }) => state === 'online') ? 'online' : 'offline', waiting }
  }

  /** By place; what names none stands last. A device that is a terminal, or only a door's, is shown as that. */
  tiles(as: Role): Tile[] {
    const { live, facility, places, locks } = this.#parts
    const doors = facility.doors()
    const kiosks = facility.kiosks()
    const shownElsewhere = new Set([...kiosks.map(({ device }) => device), ...[...locks.values()].map((point) => live.points.get(point)?.deviceId ?? '')])
    const entries: (readonly [string | null, Item])[] = [
      ...doors.map((door) => [door.place ?? null, doorItem(door)] as const),
      ...kiosks.map((kiosk) => [kiosk.place ?? null, terminalItem(kiosk)] as const),
      ...[...live.devices.values()].filter(({ id }) => !shownElsewhere.has(id)).map((device) => [device.place ?? null, this.#deviceItem(device, as)] as const),
    ]
    return [...Map.groupBy(entries, ([place]) => place)].toSorted(([a], [b]) => Number(a === null) - Number(b === null)).map(([place, group]) => {
      const items = group.map(([, item]) => item)
      return { place, name: place === null ? { zh: '其他', en: 'elsewhere' } : places[place] ?? { zh: place, en: place }, level: worst(items.map(({ level }) => level)), items }
    })
  }

  #deviceItem(device: DeviceConfig, as: Role): Item {
    const status = this.#parts.live.device(device.id)
    const state = status?.state ?? 'unknown'
    return { kind: 'device', id: device.id, name: device.name, state, level: deviceLevels[state], since: status?.at ?? null, why: status?.reason ? [status.reason] : [], values: tellingFirst(device.points).slice(0, glance).map((point) => this.point(point, as)) }
  }
}

const deviceLevels = { unknown: 'unknown', online: 'ok', offline: 'fault', degraded: 'attention', flapping: 'attention' } as const satisfies Record<DeviceView['state'], Level>
/** Numbers that a device counts its messages by say nothing to whoever glances: they stand last. */
const tellingFirst = (points: readonly PointConfig[]): readonly PointConfig[] => { const counts = ({ id }: PointConfig): boolean => /[.-](seq|sequence)$/.test(id); return [...points.filter((point) => !counts(point)), ...points.filter(counts)] }
const order: readonly Level[] = ['ok', 'unknown', 'attention', 'fault']
const worst = (levels: readonly Level[]): Level => levels.reduce((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a), 'ok')

function doorItem({ id, name, contact, conditions, lost, fire, openSince, lock }: DoorView): Item {
  const grave = fire || conditions.some((condition) => condition === 'forced' || condition === 'tamper' || condition === 'fault')
  const level = grave ? 'fault' : conditions.length + lost.length > 0 ? 'attention' : contact === 'unknown' ? 'unknown' : 'ok'
  return { kind: 'door', id, name, state: contact, level, since: openSince ?? null, why: [...conditions, ...(lock === 'unlocked' && conditions.length === 0 ? ['unlocked'] : [])], values: [] }
}

const terminalLevels: Readonly<Record<string, Level>> = { available: 'ok', outside: 'ok', degraded: 'attention', down: 'fault', unknown: 'unknown' }
const terminalItem = ({ id, name, condition, since, why, reasons }: KioskView): Item =>
  ({ kind: 'terminal', id, name, state: condition, level: terminalLevels[condition] ?? 'attention', since: since ?? null, why: [...why], reasons: [...reasons], values: [] })
