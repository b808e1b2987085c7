import { readFile } from 'node:fs/promises'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import type { DriverKit, Intake, Session } from '../../gateway/contract/index.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { MqttIntake } from './intake.ts'
import { compileMapping } from './mapping.ts'
import { topicOf, type MqttConfig } from './schema.ts'

/** A broker that is already in the building: subscribes to the mapped topics and acknowledges after the fsync. Throws DriverError MQTT_CONNECT_FAILED. */
export async function openClient(config: MqttConfig, kit: DriverKit, signal: AbortSignal): Promise<Session> {
  const { default: mqtt } = await import('mqtt')
  const { settings, devices, id } = config
  const intake: MqttIntake = new MqttIntake(compileMapping(devices, kit.hashIdentity), kit.clock, (topic, why) => {
    if (intake.counters.malformed % 100 === 1) kit.log.warn({ code: 'MQTT_MALFORMED', topic, malformed: intake.counters.malformed }, `a payload on ${topic} cannot be read: ${why}; it is counted and dropped`)
  })
  // Before the first message can come: a broker that kept the session sends what is due at once.
  intake.begin(devices, [])
  const client = mqtt.connect(settings.url!, await options(config, kit))
  let gone = false
  const acknowledge: NonNullable<IClientOptions['customHandleAcks']> = (topic, payload, packet, done) => {
    const { qos, dup } = packet as IPublishPacket
    // mqtt.js sends the PUBACK when `done` is called.
    intake.offer({ topic, payload: Buffer.from(payload), durable: qos > 0, redelivered: dup, wanted: () => !gone, stored: () => done(0) })
  }
  client.options.customHandleAcks = acknowledge
  await connected(client, config, signal)
  const topics = devices.flatMap((device) => [...device.points.map(({ address }) => address.topic), ...device.settings.occurrences.map(({ topic }) => topic)].map((topic) => topicOf(topic, device.id)))
  // Not waited for: mqtt.js reads nothing more while a publish waits for its fsync, the SUBACK neither.
  client.subscribe([...new Set(topics)], { qos: 1 }, (cause) => {
    if (cause) intake.queue.fail(new DriverError('MQTT_SUBSCRIBE_REFUSED', `connection ${id}: ${settings.url} refuses a subscription (${describe(cause)}); give the gateway's user read access to the devices' topics`, { cause, retriable: true }))
  })
  for (const { id: deviceId } of devices) intake.report({ deviceId, state: 'online', at: kit.clock.now() })
  client.once('close', () => { gone = true; intake.queue.fail(new DriverError('MQTT_CLOSED', `connection ${id}: the broker ${settings.url} closed the connection; it is opened again`, { retriable: true })) })
  return {
    async *intake(stop): AsyncGenerator<Intake, void, void> {
      const aborted = (): void => intake.queue.close()
      stop.addEventListener('abort', aborted, { once: true })
      try { yield* intake.queue } finally { stop.removeEventListener('abort', aborted) }
    },
    statistics: () => ({ ...intake.counters }),
    async [Symbol.asyncDispose]() { gone = true; client.end(true) },
  }
}

async function options({ settings, id }: MqttConfig, kit: DriverKit): Promise<IClientOptions> {
  return {
    protocolVersion: 4, clientId: settings.clientId ?? `linli-${id}`, clean: false, reconnectPeriod: 0, connectTimeout: settings.connectTimeout,
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.password === undefined ? {} : { password: await kit.readSecret(settings.password) }),
    ...(settings.ca === undefined ? {} : { ca: await readFile(settings.ca) }),
  }
}

function connected(client: MqttClient, { settings, id }: MqttConfig, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: unknown = 'closed without an answer'
    const failed = (): void => {
      client.end(true)
      reject(new DriverError('MQTT_CONNECT_FAILED', `connection ${id}: no connection to ${settings.url} (${describe(failure)}); check host, port, username and password`, { cause: failure, retriable: true }))
    }
    client.on('error', (error) => { failure = error })
    client.once('close', failed)
    signal.addEventListener('abort', failed, { once: true })
    client.once('connect', () => { client.off('close', failed); signal.removeEventListener('abort', failed); resolve() })
  })
}
