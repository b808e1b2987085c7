import type { Alert, AlertWork, Clock, EpochMs, Facility, GatewayEvent, Json, Maintenance, Mode, Modes, StateWrite } from './contract/index.ts'
import { ConfigError } from './kit/errors.ts'
import { didYouMean } from './kit/suggest.ts'
import { gatewayEvent } from './events.ts'

export interface ModeParts {
  readonly clock: Clock
  readonly facility: Pick<Facility, 'devices'>
  /** Of doors and terminals, which are at a place of their own: besides those of devices. */
  readonly places?: readonly string[]
  /** What is still wrong is an alert like any other from now on: it is heard and told. */
  unmute(covers: (alert: Alert) => boolean, now: EpochMs): AlertWork
  newId(): string
  /** Resolves when it is stored or was refused. Not waited for longer than {@link patienceMs}: what a person says counts, also while the disk is failing. */
  record(work: AlertWork): Promise<void>
}

/** State keys of maintenance: `mode/<id>`. */
export const modeState = 'mode/'
const maxMs = 30 * 86_400_000
const maxEntries = 200
const maxText = 200
const patienceMs = 1_000

/** Which devices and places are worked on. Durable; ends by itself, also when that time passed while the gateway was off. */
export class MaintenanceBook implements Modes {
  readonly #parts: ModeParts
  readonly #entries = new Map<string, Maintenance>()
  /** Until when. */
  #until = { devices: new Map<string, EpochMs>(), places: new Map<string, EpochMs>() }
  /** Alerts that began in a life before are looked at once. */
  #looked = false
  constructor(parts: ModeParts) { this.#parts = parts }

  of(deviceId: string | undefined, place?: string): Mode | undefined {
    const now = this.#parts.clock.now()
    const { devices, places } = this.#until
    const stands = (until: EpochMs | undefined): boolean => until !== undefined && !isOver(until, now)
    return (deviceId !== undefined && stands(devices.get(deviceId))) || (place !== undefined && stands(places.get(place))) ? 'maintenance' : undefined
  }
  list(): readonly Maintenance[] { return [...this.#entries.values()].toSorted((a, b) => a.until - b.until) }

  async begin(order: Omit<Maintenance, 'id' | 'since'>, now: EpochMs): Promise<Maintenance> {
    const wrong = this.#wrong(order, now)
    if (wrong) throw new ConfigError('MAINTENANCE_INVALID', wrong)
    const { device, place, until, by, reason } = order
    const entry: Maintenance = { id: this.#parts.newId(), ...(device === undefined ? { place: place! } : { device }), since: now, until, by, reason }
    this.#entries.set(entry.id, entry)
    this.#plan()
    await this.#record({ events: [told(now, 'maintenance-begun', entry)], state: [{ key: `${modeState}${entry.id}`, value: { ...entry } }] })
    return entry
  }

  async end(id: string, now: EpochMs): Promise<boolean> {
    const entry = this.#entries.get(id)
    if (!entry) return false
    await this.#record(this.#ended([entry], now))
    return true
  }

  /** Once a second: what is over ends. */
  tick(now: EpochMs): void {
    const over = [...this.#entries.values()].filter(({ until }) => isOver(until, now))
    if (over.length === 0 && this.#looked) return
    this.#looked = true
    const work = this.#ended(over, now)
    if (work.events.length + work.state.length > 0) void this.#parts.record(work)
  }

  /** From the state store. Other shapes are let go. */
  restore(entries: readonly (readonly [string, Json])[]): void {
    for (const [key, value] of entries) {
      const entry = entryOf(value)
      if (entry && key === `${modeState}${entry.id}`) this.#entries.set(entry.id, entry)
    }
    this.#plan()
  }

  #ended(over: readonly Maintenance[], now: EpochMs): AlertWork {
    for (const { id } of over) this.#entries.delete(id)
    this.#plan()
    const raised = this.#parts.unmute(({ mode, deviceId, place }) => mode === 'maintenance' && this.of(deviceId, place) === undefined, now)
    return {
      events: [...over.map((entry) => told(now, 'maintenance-ended', entry)), ...raised.events],
      state: [...over.map(({ id }): StateWrite => ({ key: `${modeState}${id}`, value: null })), ...raised.state],
    }
  }

  async #record(work: AlertWork): Promise<void> {
    const stop = new AbortController()
    await Promise.race([this.#parts.record(work), this.#parts.clock.sleep(patienceMs, stop.signal).catch(() => {})])
    stop.abort()
  }

  #wrong({ device, place, until, by, reason }: Omit<Maintenance, 'id' | 'since'>, now: EpochMs): string | null {
    const { facility: { devices }, places: others = [] } = this.#parts
    const places = new Set([...[...devices.values()].flatMap((each) => each.place ?? []), ...others])
    if ((device === undefined) === (place === undefined)) return 'name what is worked on: one device, or one place'
    if (device !== undefined && !devices.has(device)) return `no device "${device}"${didYouMean(device, devices.keys())}`
    if (place !== undefined && !places.has(place)) return `nothing is at place "${place}"${didYouMean(place, places)}`
    if (!(until > now) || until - now > maxMs) return 'say how long, at most 30 days: alerts that nobody hears are not forgotten for longer'
    if (by.trim() === '' || by.length > maxText) return 'say who works on it: an id of the roster'
    if (reason.trim() === '' || reason.length > maxText) return `give a reason, at most ${maxText} letters`
    if (this.#entries.size >= maxEntries) return `there are ${maxEntries} entries already; end some, or name a place instead of its devices`
    return null
  }

  #plan(): void {
    const [devices, places] = [new Map<string, EpochMs>(), new Map<string, EpochMs>()]
    const add = (to: Map<string, EpochMs>, id: string, end: EpochMs): void => { to.set(id, Math.max(end, to.get(id) ?? 0)) }
    for (const { device, place, until: end } of this.#entries.values()) {
      if (device !== undefined) add(devices, device, end)
      if (place === undefined) continue
      add(places, place, end)
      for (const { id, place: at } of this.#parts.facility.devices.values()) if (at === place) add(devices, id, end)
    }
    this.#until = { devices, places }
  }
}

/** Also where the clock was set back so far that the end would never come. */
const isOver = (until: EpochMs, now: EpochMs): boolean => until <= now || until - now > maxMs

function told(at: EpochMs, action: 'maintenance-begun' | 'maintenance-ended', { id, device, place, until, by, reason }: Maintenance): GatewayEvent {
  return gatewayEvent(at, { action, id, ...(device === undefined ? { place: place! } : { device }), until, by, note: reason })
}

function entryOf(value: Json): Maintenance | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { id, device, place, since, until, by, reason } = value as { readonly [key: string]: Json }
  const where = typeof device === 'string' ? { device } : typeof place === 'string' ? { place } : null
  if (!where || typeof id !== 'string' || typeof since !== 'number' || typeof until !== 'number' || typeof by !== 'string' || typeof reason !== 'string') return null
  return { id, ...where, since, until, by, reason }
}
