import { parsePayload } from './payload.ts'

/** A device that says of itself what it is, in the way of its kind. */
export interface Announced { readonly kind: 'zigbee2mqtt' | 'tasmota' | 'shelly' | 'home-assistant'; readonly id: string; readonly name: string; readonly maker: string; readonly model: string }

const mostDevices = 1_000
const mostText = 80

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)
/** A stranger's text: short, and nothing that moves a cursor. */
const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '').slice(0, mostText) : '')

/** By its topic alone; cheap, since it is asked of every publish. */
export const isAnnouncement = (topic: string): boolean => topic.endsWith('/bridge/devices') || topic.startsWith('tasmota/discovery/') || topic === 'shellies/announce' || topic.endsWith('/rpc') || (topic.endsWith('/config') && topic.split('/').length >= 4)

/**
 * Listens for announcements: Zigbee2MQTT's list of devices, Tasmota's and Shelly's discovery, Home Assistant's. Bounded; what is
 * malformed is passed over.
 */
export class Announcements {
  readonly #found = new Map<string, Announced>()

  hear(topic: string, payload: Uint8Array): void {
    if (!isAnnouncement(topic)) return
    const parsed = parsePayload(payload, false)
    if ('malformed' in parsed) return
    for (const each of announcedBy(topic.split('/'), topic, parsed.document)) {
      if (each.id === '' || (this.#found.size >= mostDevices && !this.#found.has(each.id))) continue
      // Home Assistant's words come once for every point of a device; the device's own are better.
      if (each.kind === 'home-assistant' && this.#found.has(each.id)) continue
      this.#found.set(each.id, each)
    }
  }

  all(): readonly Announced[] { return [...this.#found.values()] }
}

function announcedBy(levels: readonly string[], topic: string, said: unknown): readonly Announced[] {
  if (levels.at(-1) === 'devices' && Array.isArray(said)) {
    return said.filter(isObject).filter(({ type }) => type !== 'Coordinator').map((each) => {
      const definition = isObject(each.definition) ? each.definition : {}
      return { kind: 'zigbee2mqtt', id: text(each.ieee_address), name: text(each.friendly_name), maker: text(definition.vendor), model: text(definition.model) || text(each.model_id) }
    })
  }
  if (!isObject(said)) return []
  if (topic.startsWith('tasmota/discovery/')) return levels.at(-1) === 'config' ? [{ kind: 'tasmota', id: text(said.t), name: text(said.dn), maker: 'Tasmota', model: text(said.md) }] : []
  if (topic === 'shellies/announce') return [{ kind: 'shelly', id: text(said.id), name: text(said.id), maker: 'Shelly', model: text(said.model) }]
  if (levels.at(-1) === 'rpc') { const src = text(said.src); return /^shelly/i.test(src) ? [{ kind: 'shelly', id: src, name: src, maker: 'Shelly', model: src.replace(/-[0-9a-f]+$/i, '') }] : [] }
  const device = isObject(said.device) ? said.device : isObject(said.dev) ? said.dev : null
  if (!device) return []
  const ids = device.identifiers ?? device.ids
  return [{ kind: 'home-assistant', id: text(Array.isArray(ids) ? ids[0] : ids).replace(/^zigbee2mqtt_/, ''), name: text(device.name), maker: text(device.manufacturer ?? device.mf), model: text(device.model ?? device.mdl) }]
}
