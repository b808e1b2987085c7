import type { Finding } from '../../gateway/contract/index.ts'
import type { DeviceCounters } from './intake.ts'
import type { MqttConfig } from './settings.ts'

export interface MqttStatistics {
  readonly devices: ReadonlyMap<string, DeviceCounters>
  /** Topic and reason of the last payload that could not be read. */
  readonly whyMalformed: ReadonlyMap<string, string>
  /** By username; broker mode. */
  readonly refusedLogins: ReadonlyMap<string, { readonly count: number; readonly known: boolean; readonly address: string }>
}

/** Below so many messages, or tries, nothing is concluded. */
const enough = 20
const repeated = 3
const percent = (part: number, whole: number): string => `${Math.max(1, Math.round((part / whole) * 100))} %`

/** The likely cause of what an MQTT connection's counters show. Pure. */
export function diagnose({ id, settings, devices }: MqttConfig, { devices: counters, whyMalformed, refusedLogins }: MqttStatistics): readonly Finding[] {
  const out: Finding[] = []
  const say = (code: string, text: string, deviceId?: string): void => { out.push({ code, text, ...(deviceId ? { deviceId } : {}) }) }
  for (const [username, { count, known, address }] of refusedLogins) {
    if (count < repeated) continue
    say('MQTT_CREDENTIALS', known
      ? `connection ${id}: "${username}" was refused ${count} times for a wrong password, last from ${address}: enter the site file's password in the device at that address`
      : `connection ${id}: "${username}" was refused ${count} times, last from ${address}: no device of the site file has this username; correct it in the device at that address, or add the device`)
  }
  for (const [deviceId, { publishes, malformed, throttled, dropped, denied, lateStamps, mismatched }] of counters) {
    const limit = devices.find((device) => device.id === deviceId)?.settings.messagesPerSecond ?? settings.messagesPerSecond
    if (throttled + dropped > 0) say('MQTT_FLOODER', `${deviceId}: it sends faster than ${limit} messages a second: ${throttled} had to wait${dropped > 0 ? `, ${dropped} of QoS 0 were dropped` : ''}; look for a loop or a far too short interval in it, or raise its messagesPerSecond`, deviceId)
    if (denied > 0) say('MQTT_TOPIC_DENIED', `${deviceId}: ${denied} times it spoke on a topic that is not its own and was closed; compare its topics with its profile, or add them under "publishes"`, deviceId)
    if (publishes >= enough || malformed >= repeated) {
      if (malformed / Math.max(1, publishes) > 0.02) say('MQTT_MALFORMED', `${deviceId}: ${percent(malformed, Math.max(publishes, malformed))} of its payloads cannot be read, last on ${whyMalformed.get(deviceId) ?? 'an unknown topic'}; is it the right profile for its firmware?`, deviceId)
      if (mismatched / Math.max(1, publishes) > 0.02) say('MQTT_MISMATCHED', `${deviceId}: ${mismatched} values are of another type than their points, or words their maps do not list: "23,5" is no number, and ON needs a map`, deviceId)
      if (lateStamps / Math.max(1, publishes) > 0.02) say('MQTT_CLOCK', `${deviceId}: ${lateStamps} of its times cannot be believed and were replaced by the time of arrival: set its clock (NTP) and time zone, or correct timeFormat`, deviceId)
    }
  }
  return out
}
