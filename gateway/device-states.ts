import type { DeviceStatus, EpochMs } from './contract/index.ts'

interface Life { status: DeviceStatus; readonly changes: EpochMs[]; flapping: boolean }

/** So many changes within the window are flapping; it ends after as long a time of quiet. */
const flappingChanges = 6
const windowMs = 10 * 60_000

/**
 * Which reports of a device's state are news. A device that comes and goes is called flapping once, with what it was last; it gets its
 * own name back when it has kept one state for the whole window. Pure memory, bounded by the site file.
 */
export class DeviceStates {
  readonly #lives = new Map<string, Life>()

  get(id: string): DeviceStatus | undefined {
    const life = this.#lives.get(id)
    return life && (life.flapping ? flapping(life) : life.status)
  }

  /** What was known of these before: nothing of it is news. */
  adopt(before: DeviceStates, ids: Iterable<string>): void {
    for (const id of ids) { const life = before.#lives.get(id); if (life) this.#lives.set(id, { ...life, changes: [...life.changes] }) }
  }

  /** What to tell, or null. */
  report(status: DeviceStatus): DeviceStatus | null {
    const life = this.#lives.get(status.deviceId)
    if (!life) { this.#lives.set(status.deviceId, { status, changes: [], flapping: false }); return status }
    const turned = (life.status.state === 'offline') !== (status.state === 'offline')
    const news = life.status.state !== status.state || life.status.reason !== status.reason
    life.status = status
    if (turned) remember(life, status.at)
    if (life.flapping || !news) return null
    life.flapping = life.changes.length >= flappingChanges
    return life.flapping ? flapping(life) : status
  }

  /** Devices that have calmed down. Call about once a second. */
  calmed(now: EpochMs): readonly DeviceStatus[] {
    const out: DeviceStatus[] = []
    for (const life of this.#lives.values()) {
      if (!life.flapping || now - (life.changes.at(-1) ?? 0) < windowMs) continue
      life.flapping = false
      life.changes.length = 0
      out.push({ ...life.status, at: now })
    }
    return out
  }
}

function remember(life: Life, at: EpochMs): void {
  life.changes.push(at)
  while (life.changes.length > 0 && (life.changes.length > flappingChanges || at - life.changes[0]! > windowMs)) life.changes.shift()
}

function flapping({ status, changes }: Life): DeviceStatus {
  const { deviceId, at } = status
  return {
    deviceId, state: 'flapping', at, reason: 'DEVICE_FLAPPING',
    detail: `${deviceId} came and went ${changes.length} times within ${windowMs / 60_000} minutes, last ${status.state}${status.reason ? ` (${status.reason})` : ''}; check its power supply, plugs and cable`,
  }
}
