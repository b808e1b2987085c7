import { z } from 'zod'
import type { ConnectionConfig, DeviceConfig, DriverSchemas } from '../../gateway/contract/index.ts'
import { duration, secretRef } from '../../gateway/kit/schema.ts'

const listen = z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port: z.int().min(0).max(65_535).default(1_883) })

const connection = z.strictObject({
  /** `broker`: devices connect to the gateway. `client`: the gateway connects to a broker that is already in the building. */
  mode: z.enum(['broker', 'client']).default('broker'),
  listen: listen.prefault({}),
  maxClients: z.int().min(1).max(10_000).default(256),
  maxClientsPerAddress: z.int().min(1).max(10_000).default(32),
  /** Publishes of one client that may wait for the disk; more are read when these are done. */
  maxInFlight: z.int().min(1).max(10_000).default(1_000),
  maxPayloadBytes: z.int().min(64).max(262_144).default(65_536),
  connectTimeout: duration.default(10_000),
  /** Client mode only. */
  url: z.string().regex(/^mqtts?:\/\/[^\s/@]+$/, 'write mqtt://host:port or mqtts://host:port').optional(),
  clientId: z.string().min(1).max(120).optional(),
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
  ca: z.string().optional(),
})

const pointer = z.string().regex(/^(\/([^~/]|~[01])*)*$/, 'write a JSON pointer such as /state/paper, or leave it empty for the whole payload')
const scalar = z.union([z.string(), z.number(), z.boolean()])

const occurrence = z.strictObject({
  topic: z.string().min(1),
  type: z.enum(['access', 'kiosk', 'request', 'evaluation']),
  /** The device's own id of this event, so that a repeat is known. */
  sourceId: pointer.optional(),
  at: pointer.optional(),
  when: z.strictObject({ pointer, equals: scalar }).optional(),
  /** `hash: true` for card, identity and phone numbers: they leave the driver only as a keyed hash. */
  data: z.record(z.string().regex(/^[a-zA-Z][a-zA-Z0-9]{0,47}$/), z.union([pointer, z.strictObject({ pointer, hash: z.literal(true) })])).default({}),
})

const device = z.strictObject({
  /** Default: the device's id. */
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
  occurrences: z.array(occurrence).default([]),
})

const point = z.strictObject({
  /** `{device}` stands for the device's id. */
  topic: z.string().min(1),
  pointer: pointer.default(''),
  /** Words on the wire to values. */
  map: z.record(z.string(), scalar).optional(),
  /** ISO 8601, or milliseconds since 1970. */
  timestamp: pointer.optional(),
})

export type MqttConnection = z.output<typeof connection>
export type MqttDevice = z.output<typeof device>
export type MqttAddress = z.output<typeof point>
export type OccurrenceMapping = z.output<typeof occurrence>
export type MqttConfig = ConnectionConfig<MqttConnection, MqttDevice, MqttAddress>
export type MqttDeviceConfig = DeviceConfig<MqttDevice, MqttAddress>

export const topicOf = (pattern: string, deviceId: string): string => pattern.replaceAll('{device}', deviceId)
export const usernameOf = ({ id, settings }: MqttDeviceConfig): string => settings.username ?? id

export const mqttSchemas: DriverSchemas = {
  connection, device, point,
  listens: (settings) => { const { mode, listen: { host, port } } = settings as MqttConnection; return mode === 'broker' && port !== 0 ? [{ host, port }] : [] },
  review: (config) => review(config as MqttConfig),
}

interface Problem { readonly deviceId: string; readonly path: (string | number)[]; readonly message: string }

function review({ settings, devices }: MqttConfig): readonly Problem[] {
  const users = new Map<string, string>()
  return devices.flatMap((device) => {
    const problems: Problem[] = []
    const problem = (path: (string | number)[], message: string): void => { problems.push({ deviceId: device.id, path, message }) }
    if (settings.mode === 'broker') {
      if (!device.settings.password) problem(['password'], 'a device of the local broker needs a password: { env: NAME } or { file: PATH }')
      const name = usernameOf(device)
      if (users.has(name)) problem(['username'], `username "${name}" is already device "${users.get(name)}"`)
      users.set(name, device.id)
    } else if (settings.url === undefined) {
      problem([], `connection has mode: client but no url`)
    }
    device.settings.occurrences.forEach(({ topic }, index) => { const why = wrongTopic(topic); if (why) problem(['occurrences', index, 'topic'], why) })
    for (const { id, address } of device.points) { const why = wrongTopic(address.topic); if (why) problem(['points', id.slice(device.id.length + 1), 'topic'], why) }
    return problems
  })
}

function wrongTopic(topic: string): string | null {
  if (/[#+\0]/.test(topic)) return `topic "${topic}" has a wildcard; name one topic, with {device} for the device's id`
  return topic.startsWith('$') ? `topic "${topic}" begins with $, which belongs to brokers` : null
}
