import type { Clock, ConnectionConfig, DeviceStatus, GatewayConditions } from './contract/index.ts'

export interface ConnectionWatchParts {
  readonly connections: readonly ConnectionConfig[]
  /** Undefined: nothing known yet. */
  device(id: string): DeviceStatus | undefined
  readonly conditions: GatewayConditions
  readonly clock: Clock
}

const everyMs = 1_000
/** All devices of a line are gone for so long: it is the line. */
const deadMs = 3_000

/**
 * A dead bus, switch or modem is one alert, `gateway/connection/<id>/offline`, which explains those of its devices (rules/alerts). Only lines
 * with several devices: of one alone its own alert says as much.
 */
export class ConnectionWatch implements Disposable {
  readonly #parts: ConnectionWatchParts
  /** Since when all are gone, by the monotonic clock. */
  readonly #since = new Map<string, number>()
  /** Known to be alive: nothing to tell again. */
  readonly #alive = new Set<string>()
  #cancel: () => void = () => {}

  constructor(parts: ConnectionWatchParts) {
    this.#parts = parts
    this.#look()
  }

  [Symbol.dispose](): void { this.#cancel() }

  #look(): void {
    for (const connection of this.#parts.connections) if (connection.devices.length > 1) this.#judge(connection)
    this.#cancel = this.#parts.clock.after(everyMs, () => this.#look())
  }

  #judge({ id, devices }: ConnectionConfig): void {
    const { device, conditions, clock } = this.#parts
    const states = devices.map((one) => device(one.id))
    const key = `connection/${id}/offline`
    if (states.some((one) => one?.state === 'online' || one?.state === 'degraded')) {
      this.#since.delete(id)
      // The life before may have left its alert open.
      if (!this.#alive.has(id)) conditions.clear(key)
      this.#alive.add(id)
      return
    }
    // What is not known yet, after a start, says nothing either way.
    if (!states.every((one) => one?.state === 'offline' || one?.state === 'flapping')) return
    const since = this.#since.get(id) ?? clock.monotonic()
    this.#since.set(id, since)
    if (clock.monotonic() - since < deadMs) return
    this.#alive.delete(id)
    const reason = states.find((one) => one?.reason !== undefined)?.reason
    conditions.raise({
      key, severity: 2, title: { zh: `线路 ${id} 上的设备全部离线`, en: `all devices on ${id} are offline` },
      data: { connection: id, devices: devices.length, ...(reason === undefined ? {} : { reason }) },
    })
  }
}
