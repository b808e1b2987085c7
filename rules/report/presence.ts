import type { EpochMs, Facility, GatewayEvent } from '../../gateway/contract/index.ts'
import { union, type Span } from './spans.ts'

type State = 'online' | 'other' | 'offline'

/** When devices were online, as their events tell; and when they were worked on. In order of time. */
export class Presence {
  readonly #devices = new Map<string, { state: State | null; since: EpochMs; readonly online: [EpochMs, EpochMs][]; readonly known: [EpochMs, EpochMs][] }>()
  readonly #works = new Map<string, { readonly device?: string; readonly place?: string; readonly since: EpochMs; readonly until: EpochMs }>()
  readonly #worked = new Map<string, [EpochMs, EpochMs][]>()
  readonly #facility: Pick<Facility, 'devices'>
  constructor(facility: Pick<Facility, 'devices'>) {
    this.#facility = facility
    for (const id of facility.devices.keys()) this.#devices.set(id, { state: null, since: 0, online: [], known: [] })
  }

  /** What it was at the beginning, from another source. */
  begin(device: string, state: 'online' | 'offline', at: EpochMs): void { this.#turn(device, state, at) }

  add({ type, at, subject, data }: GatewayEvent): void {
    if (type === 'device' && subject !== undefined) this.#turn(subject, data.state === 'online' ? 'online' : data.state === 'offline' ? 'offline' : 'other', at)
    if (type !== 'gateway') return
    // A new life knows nothing of its devices until it hears from them.
    if (data.action === 'started') for (const id of this.#devices.keys()) this.#turn(id, null, at)
    if (data.action === 'maintenance-begun' && typeof data.id === 'string' && typeof data.until === 'number') this.#works.set(data.id, { ...(typeof data.device === 'string' ? { device: data.device } : {}), ...(typeof data.place === 'string' ? { place: data.place } : {}), since: at, until: data.until })
    if (data.action === 'maintenance-ended' && typeof data.id === 'string') this.#endWork(data.id, at)
  }

  /** Ends the account. */
  end(at: EpochMs): void {
    for (const id of this.#devices.keys()) this.#turn(id, null, at)
    for (const id of this.#works.keys()) this.#endWork(id, at)
  }

  online(device: string): readonly Span[] { return union(this.#devices.get(device)?.online ?? []) }
  known(device: string): readonly Span[] { return union(this.#devices.get(device)?.known ?? []) }
  worked(device: string): readonly Span[] { return union(this.#worked.get(device) ?? []) }

  #turn(device: string, state: State | null, at: EpochMs): void {
    const known = this.#devices.get(device)
    if (!known) return
    if (known.state !== null && at > known.since) {
      known.known.push([known.since, at])
      // Degraded and flapping: it can be spoken to, so it is not away.
      if (known.state !== 'offline') known.online.push([known.since, at])
    }
    known.state = state
    known.since = at
  }

  #endWork(id: string, at: EpochMs): void {
    const work = this.#works.get(id)
    if (!work) return
    this.#works.delete(id)
    const span: [EpochMs, EpochMs] = [work.since, Math.min(at, work.until)]
    for (const { id: device, place } of this.#facility.devices.values()) {
      if (device !== work.device && (work.place === undefined || place !== work.place)) continue
      this.#worked.set(device, [...this.#worked.get(device) ?? [], span])
    }
  }
}
