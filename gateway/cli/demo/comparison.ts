import type { PointId, Value } from '../../contract/index.ts'
import type { Site } from '../rooms.ts'

/** What the city's broker handed over, decoded. */
export interface CityRecord {
  readonly type: string
  readonly subject?: string | undefined
  readonly data: { readonly [key: string]: unknown }
}

/** What one simulated device numbered, sent, and got a PUBACK for. */
export interface Acknowledged {
  readonly sequence: readonly number[]
  readonly occurrences: readonly { readonly type: string; readonly n: number }[]
}

/** A point repeated unchanged by its heartbeat is not a duplicate; a day of demo keeps this many numbers a device. */
const kept = 50_000

/**
 * Two sides that never ask the gateway: the devices' own numbers (state and contact sequence, occurrence number, the meter's energy)
 * and what the city received.
 */
export class Comparison {
  readonly #arrived = new Map<string, Map<Value, number>>()
  readonly #watched: ReadonlySet<PointId>
  readonly #meters: readonly { readonly id: PointId; readonly scale: number }[]
  #expected = new Map<string, readonly Value[]>()

  constructor(site: Site) {
    const points = site.connections.flatMap(({ driver, devices }) => devices.flatMap((device) => device.points.map((point) => ({ driver, point }))))
    this.#meters = points.filter(({ driver, point }) => driver === 'modbus' && point.unit === 'kW.h').map(({ point }) => ({ id: point.id, scale: point.scale }))
    this.#watched = new Set([...this.#meters.map(({ id }) => id), ...points.filter(({ point }) => point.id.endsWith('.seq')).map(({ point }) => point.id)])
  }

  received({ type, subject, data }: CityRecord): void {
    if (Array.isArray(data.readings)) {
      for (const { point, value } of data.readings as readonly { point: PointId; value: Value | null }[]) if (this.#watched.has(point) && value !== null) this.#arrive(point, value)
    } else if (typeof data.n === 'number' && subject) {
      this.#arrive(`${subject}/${shortType(type)}`, data.n)
    }
  }

  sent(devices: Readonly<Record<string, Acknowledged>>, served: (point: PointId) => readonly Value[]): void {
    this.#expected = new Map(this.#meters.map(({ id }) => [id, served(id)]))
    for (const [device, { sequence, occurrences }] of Object.entries(devices)) {
      this.#expected.set(`${device}.seq`, sequence)
      for (const type of new Set(occurrences.map((occurrence) => occurrence.type))) {
        this.#expected.set(`${device}/${type}`, occurrences.filter((occurrence) => occurrence.type === type).map(({ n }) => n))
      }
    }
  }

  result(): { readonly lost: number; readonly duplicates: number } {
    let lost = 0
    let duplicates = 0
    for (const [name, values] of this.#expected) lost += values.filter((value) => !this.#arrived.get(name)?.has(value)).length
    for (const counts of this.#arrived.values()) for (const count of counts.values()) duplicates += count - 1
    return { lost, duplicates }
  }

  #arrive(name: string, value: Value): void {
    let counts = this.#arrived.get(name)
    if (!counts) this.#arrived.set(name, counts = new Map())
    counts.set(value, (counts.get(value) ?? 0) + 1)
    if (counts.size > kept) counts.delete(counts.keys().next().value!)
  }
}

const shortType = (type: string): string => type.replace(/^org\.linli\./, '').replace(/\.v1$/, '')
