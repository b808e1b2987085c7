import { readFile } from 'node:fs/promises'
import mqtt, { type MqttClient } from 'mqtt'
import type { MqttConnection, MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import type { Refused } from '../../contract/index.ts'
import type { Site } from '../../cli/rooms.ts'
import { ConfigError, describe, DriverError, randomHex, readSecret } from '../../kit/index.ts'
import type { Supervisor } from '../../supervisor.ts'
import type { Said } from './mqtt-hearing.ts'

/** Where MQTT devices speak: the gateway's own broker, or one that is in the building. */
export interface Bus {
  readonly where: string
  /** Of the site file; null for a broker that it does not have. */
  readonly connection: string | null
  /** Null: the gateway's own. */
  readonly url: string | null
  readonly devices: readonly MqttDeviceConfig[]
  /** `lost` when the broker closed the connection. Throws DriverError MQTT_CONNECT_FAILED, MQTT_SUBSCRIBE_REFUSED, DEVICE_OFFLINE. */
  listen(hear: (said: Said) => void, lost: (error: DriverError) => void): Promise<() => Promise<void>>
  /** Who was not let in. */
  refused(): readonly Refused[]
}

export type Lines = ReadonlyMap<string, Pick<Supervisor, 'overhear' | 'refused'>>

export function busOf(target: string, { connections }: Pick<Site, 'connections'>, lines: Lines): Bus {
  const known = connections.find(({ id, driver }) => driver === 'mqtt' && id === target)
  if (!known) {
    const url = urlOf(target)
    const same = connections.find(({ driver, settings }) => driver === 'mqtt' && (settings as MqttConnection).url === url)
    return same ? busOf(same.id, { connections }, lines) : { where: url, connection: null, url, devices: [], refused: () => [], listen: (hear, lost) => overhear(url, {}, hear, lost) }
  }
  const settings = known.settings as MqttConnection
  const base = { connection: known.id, devices: known.devices as readonly MqttDeviceConfig[] }
  if (settings.mode === 'client') return { ...base, where: settings.url!, url: settings.url!, refused: () => [], listen: (hear, lost) => overhear(settings.url!, settings, hear, lost) }
  const line = lines.get(known.id)
  return {
    ...base, where: known.id, url: null, refused: () => line?.refused() ?? [],
    async listen(hear) {
      const stop = line?.overhear(({ topic, payload, sender }) => hear({ topic, payload, sender, kept: false }))
      if (!stop) throw new DriverError('DEVICE_OFFLINE', `connection ${known.id} is not up; linli status says why`, { retriable: true })
      return async () => stop()
    },
  }
}

/** `mqtt://HOST:PORT` of a target as people write it. Throws ConfigError SCAN_TARGET. */
function urlOf(target: string): string {
  const [, scheme, host, port] = /^(?:(mqtts?):\/\/)?([^\s:/[\]@]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?\/?$/i.exec(target) ?? []
  if (host === undefined) throw new ConfigError('SCAN_TARGET', `"${target}" is no broker; write HOST or HOST:PORT`)
  return `${(scheme ?? 'mqtt').toLowerCase()}://${host}:${port ?? (scheme?.toLowerCase() === 'mqtts' ? 8_883 : 1_883)}`
}

const connectMs = 5_000

async function overhear(url: string, { username, password, ca, cert, key }: Partial<MqttConnection>, hear: (said: Said) => void, lost: (error: DriverError) => void): Promise<() => Promise<void>> {
  const [caPem, certPem, keyPem] = await Promise.all([ca, cert, key].map((file) => (file === undefined ? undefined : readFile(file))))
  const client = mqtt.connect(url, {
    protocolVersion: 4, clientId: `linli-scan-${randomHex(4)}`, reconnectPeriod: 0, connectTimeout: connectMs,
    ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password: await readSecret(password) }), ...(caPem ? { ca: caPem } : {}), ...(certPem && keyPem ? { cert: certPem, key: keyPem } : {}),
  })
  await connected(client, url)
  client.on('message', (topic, payload, { retain }) => hear({ topic, payload, kept: retain, sender: null }))
  const granted = await client.subscribeAsync('#', { qos: 0 }).catch(() => [])
  if (granted.length === 0 || granted.some(({ qos }) => Number(qos) === 128)) {
    await client.endAsync(true)
    throw new DriverError('MQTT_SUBSCRIBE_REFUSED', `${url} refuses a subscription to #; give the gateway a user there who may read everything`)
  }
  client.once('close', () => lost(new DriverError('MQTT_CLOSED', `${url} closed the connection`)))
  return async () => { client.removeAllListeners('close'); await client.endAsync(true) }
}

function connected(client: MqttClient, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let why: unknown = 'closed without an answer'
    client.on('error', (error) => { why = error })
    client.once('close', () => { client.end(true); reject(new DriverError('MQTT_CONNECT_FAILED', `no connection to ${url} (${describe(why) || 'no answer'}); check host and port, and whether it wants a login: a broker with one is written into the site file first`, { cause: why })) })
    client.once('connect', () => { client.removeAllListeners('close'); resolve() })
  })
}
