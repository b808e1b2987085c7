import type { ConnectionConfig, DeviceConfig, DeviceStatus, EpochMs, PointConfig, PointId, PointReader, Reading } from './contract/index.ts'
import { DeviceStates } from './device-states.ts'

/** The facility as it is now: the last reading of each configured point and the state of each device. Bounded by the site file. */
export class LiveValues implements PointReader {
  readonly points = new Map<PointId, PointConfig>()
  readonly devices = new Map<string, DeviceConfig>()
  readonly states = new DeviceStates()
  readonly #readings = new Map<PointId, Reading>()
  readonly #scanned = new Map<string, EpochMs>()
  /** By device: when a value that has gone bad since was last confirmed. */
  readonly #heard = new Map<string, EpochMs>()

  constructor(connections: readonly ConnectionConfig[]) {
    for (const connection of connections) {
      for (const device of connection.devices) {
        this.devices.set(device.id, device)
        for (const point of device.points) this.points.set(point.id, point)
      }
    }
  }
  /** Of connections whose sessions go on: a driver tells changes alone. */
  adopt(before: LiveValues, connectionIds: ReadonlySet<string>): void {
    for (const { id, connectionId, points } of this.devices.values()) {
      if (!connectionIds.has(connectionId)) continue
      this.states.adopt(before.states, [id])
      for (const point of points) { const reading = before.read(point.id); if (reading) this.put(reading) }
      const heard = before.#heard.get(id)
      if (heard !== undefined) this.#heard.set(id, heard)
    }
    for (const id of connectionIds) { const at = before.#scanned.get(id); if (at !== undefined) this.scanned(id, at) }
  }
  read(point: PointId): Reading | undefined { return this.#readings.get(point) }
  readings(): IterableIterator<Reading> { return this.#readings.values() }
  put(reading: Reading): void {
    const before = this.#readings.get(reading.pointId)
    this.#readings.set(reading.pointId, reading)
    const device = this.points.get(reading.pointId)?.deviceId
    if (!before || !device || before.quality === 'bad' || reading.quality !== 'bad') return
    // The scan that is over now may be the one that failed.
    this.#heard.set(device, Math.max(this.#heard.get(device) ?? 0, Math.min(this.confirmedAt(before), reading.at)))
  }
  /** When the device last gave a value that was not bad; null: not since the start. */
  lastHeardAt(deviceId: string): EpochMs | null {
    const good = (this.devices.get(deviceId)?.points ?? []).flatMap(({ id }) => { const reading = this.#readings.get(id); return reading && reading.quality !== 'bad' ? [this.confirmedAt(reading)] : [] })
    const heard = Math.max(this.#heard.get(deviceId) ?? 0, ...good)
    return heard === 0 ? null : heard
  }
  device(id: string): DeviceStatus | undefined { return this.states.get(id) }
  scanned(connectionId: string, at: EpochMs): void { this.#scanned.set(connectionId, at) }
  /** When the value was last confirmed: its own time, or the last whole scan of its connection. */
  confirmedAt(reading: Reading): EpochMs {
    const point = this.points.get(reading.pointId)
    const connection = point && this.devices.get(point.deviceId)?.connectionId
    return Math.max(reading.at, (connection && this.#scanned.get(connection)) || 0)
  }
}
