import type { DeviceStatus, DriverKit, Session } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import { diagnose } from './doctor.ts'
import { MqttIntake } from './intake.ts'
import { MqttLink } from './link.ts'
import type { MqttAddress, MqttConfig } from './settings.ts'
import { readTopics } from './topics.ts'
import { writeAndConfirm } from './write.ts'

const packetOverheadBytes = 66_000

/** A broker that is already in the building: subscribes to the mapped topics and acknowledges after the fsync. Throws DriverError MQTT_CONNECT_FAILED, MQTT_TLS, MQTT_SUBSCRIBE_REFUSED. */
export async function openClient(config: MqttConfig, kit: DriverKit, signal: AbortSignal): Promise<Session<MqttAddress>> {
  const { settings, devices, id } = config
  const intake = new MqttIntake({ devices, clock: kit.clock, log: kit.log, hashIdentity: (value) => kit.hashIdentity(value) })
  // Before the first message can come: a broker that kept the session sends what is due at once.
  intake.begin(devices.map((device) => firstStatus(device.id, device.settings.availability !== undefined, kit.clock.now())))
  let gone = false
  const link = await MqttLink.open({
    name: id, url: settings.url!, clientId: settings.clientId ?? `linli-${id}`, username: settings.username,
    password: settings.password === undefined ? undefined : await kit.readSecret(settings.password),
    tls: settings, connectTimeoutMs: settings.connectTimeout, maxPacketBytes: settings.maxPayloadBytes * 4 + packetOverheadBytes, maxInFlight: settings.maxInFlight, clock: kit.clock,
    onPublish({ topic, payload, qos, dup, retain }, stored) {
      const bytes = Buffer.from(payload)
      if (bytes.length > settings.maxPayloadBytes) { intake.tooLong(topic, bytes.length, settings.maxPayloadBytes); return stored() }
      intake.offer({ topic, payload: bytes, durable: qos > 0, redelivered: dup, retained: retain, wanted: () => !gone, stored })
    },
    onLost: (error) => { gone = true; intake.queue.fail(error) },
  }, signal)
  const close = (): void => { gone = true; link.close(); intake.end() }
  try {
    const topics = [...new Set(devices.flatMap((device) => readTopics(device).map(({ filter }) => filter)))]
    const granted = await link.subscribe(topics)
    const refused = topics.filter((_, index) => granted[index] === 128)
    if (refused.length > 0) throw new DriverError('MQTT_SUBSCRIBE_REFUSED', `connection ${id}: ${settings.url} refuses a subscription to ${refused.slice(0, 3).join(', ')}${refused.length > 3 ? ` and ${refused.length - 3} more` : ''}; give the gateway's user read access to the devices' topics`, { retriable: true })
  } catch (error) {
    close()
    throw error
  }
  return {
    intake: (stop) => intake.run(stop),
    async write(point, raw, stop) {
      const device = devices.find((each) => each.id === point.deviceId)!
      if (gone || (device.settings.availability && intake.presence.is(device.id) === 'offline')) throw new DriverError('DEVICE_OFFLINE', `${point.id}: ${gone ? `no connection to ${settings.url}` : `${device.id} is offline`}; a command is not kept for later`, { retriable: true })
      await writeAndConfirm({ point, device, raw, clock: kit.clock, intake, publish: async ({ topic, payload }) => link.publish(topic, payload) }, stop)
    },
    async publish(topic, payload) {
      if (gone) throw new DriverError('DEVICE_OFFLINE', `no connection to ${settings.url}; ${topic} is not published`, { retriable: true })
      link.publish(topic, payload)
    },
    statistics: () => ({ ...intake.counters }),
    deviceStatistics: () => Object.fromEntries([...intake.devices].map(([device, counters]) => [device, { ...counters }])),
    findings: () => diagnose(config, { devices: intake.devices, whyMalformed: intake.whyMalformed, refusedLogins: new Map() }),
    async [Symbol.asyncDispose]() { close() },
  }
}

/** A device that has a word for being there is there when it says so; of the others a broker tells nothing. */
const firstStatus = (deviceId: string, tells: boolean, at: number): DeviceStatus => (tells ? { deviceId, state: 'offline', at, reason: 'MQTT_NO_MESSAGE_YET' } : { deviceId, state: 'online', at })
