import type { DeviceState, DeviceStatus, EpochMs, Sample } from '../../gateway/contract/index.ts'
import type { OpcuaConfig } from './schema.ts'

interface Trouble { readonly text: string; readonly status: string; readonly reason: string }
interface Device { readonly points: number; readonly troubles: Map<string, Trouble>; pending: number; state: DeviceState | null; reason: string }

const named = 5

/** What the points' qualities say about their devices; told on change only. A device is told first when all its points were heard of. */
export class Devices {
  readonly #devices: ReadonlyMap<string, Device>
  readonly #heard = new Set<string>()

  constructor({ devices }: OpcuaConfig) {
    this.#devices = new Map(devices.map(({ id, points }) => [id, { points: points.length, troubles: new Map(), pending: points.length, state: null, reason: '' }]))
  }

  /** `text` is the node as configured, `status` the server's own word. */
  note({ pointId, quality, reason = '' }: Sample, deviceId: string, text: string, status: string): void {
    const device = this.#devices.get(deviceId)!
    if (!this.#heard.has(pointId)) { this.#heard.add(pointId); device.pending-- }
    // A value we cannot use (a type, a precision) is the profile's matter; the device is well.
    if (quality === 'bad' && reason.startsWith('OPCUA_')) device.troubles.set(pointId, { text, status, reason })
    else device.troubles.delete(pointId)
  }

  changes(now: EpochMs): DeviceStatus[] {
    const out: DeviceStatus[] = []
    for (const [deviceId, device] of this.#devices) {
      if (device.pending > 0) continue
      const { state, reason } = judged(device)
      if (state === device.state && reason === device.reason) continue
      device.state = state
      device.reason = reason
      out.push(state === 'online' ? { deviceId, state, at: now } : { deviceId, state, at: now, reason, detail: told(deviceId, device) })
    }
    return out
  }

  bad(deviceId: string): number { return this.#devices.get(deviceId)?.troubles.size ?? 0 }
  missing(): readonly { readonly deviceId: string; readonly nodes: readonly string[] }[] {
    return [...this.#devices].map(([deviceId, { troubles }]) => ({ deviceId, nodes: [...troubles.values()].filter(({ reason }) => reason === 'OPCUA_BAD_NODE').map(({ text }) => text) })).filter(({ nodes }) => nodes.length > 0)
  }
}

function judged({ points, troubles }: Device): { readonly state: DeviceState; readonly reason: string } {
  if (troubles.size === 0) return { state: 'online', reason: '' }
  const all = [...troubles.values()]
  // The server stands, and what it speaks for does not answer it.
  if (troubles.size === points && all.every(({ reason }) => reason === 'OPCUA_BAD_NOT_CONNECTED')) return { state: 'offline', reason: 'OPCUA_BAD_NOT_CONNECTED' }
  return { state: 'degraded', reason: (all.find(({ reason }) => reason === 'OPCUA_BAD_NODE') ?? all[0]!).reason }
}

function told(deviceId: string, { points, troubles }: Device): string {
  const all = [...troubles.values()]
  const more = all.length > named ? ` and ${all.length - named} more` : ''
  return `${deviceId}: ${all.length} of ${points} nodes have no value: ${all.slice(0, named).map(({ text, status }) => `${text} (${status})`).join(', ')}${more}`
}
