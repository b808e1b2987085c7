import type { DeviceStatus, EpochMs, GatewayEvent, JsonObject, Occurrence } from './contract/index.ts'

/** What the gateway tells of itself. */
export const gatewayEvent = (at: EpochMs, data: GatewayEvent['data']): GatewayEvent => ({ stream: 'event', type: 'gateway', at, data })

export function deviceEvent({ deviceId, state, at, reason, detail }: DeviceStatus): GatewayEvent {
  return { stream: 'event', type: 'device', at, subject: deviceId, data: { device: deviceId, state, ...(reason ? { reason } : {}), ...(detail ? { detail } : {}) } }
}

/** `more` is what the house knows of it; its words go before the device's own. */
export function occurrenceEvent(occurrence: Occurrence, more: JsonObject = {}, redelivered = false): GatewayEvent {
  const { type, at, deviceId, sourceId, data } = occurrence
  // Without an id of its own a repeat cannot be told, only marked.
  const mark = redelivered && sourceId === undefined ? { redelivered } : {}
  return { stream: 'event', type, at, subject: deviceId, data: { device: deviceId, ...(sourceId === undefined ? {} : { sourceId }), ...data, ...more }, ...mark }
}
