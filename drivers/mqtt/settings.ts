import { z } from 'zod'
import type { ConnectionConfig, DeviceConfig } from '../../gateway/contract/index.ts'
import { duration, filePath, secretRef } from '../../gateway/kit/schema.ts'

const host = z.string().min(1)
const port = z.int().min(0).max(65_535)

export const connection = z.strictObject({
  /** `broker`: devices connect to the gateway. `client`: the gateway connects to a broker that is already in the building. */
  mode: z.enum(['broker', 'client']).default('broker'),
  listen: z.strictObject({ host: host.default('127.0.0.1'), port: port.default(1_883) }).prefault({}),
  /** False: devices come through `tls` only. */
  plain: z.boolean().default(true),
  /** PEM files; read again when they change. With `ca` a device must bring a certificate signed by it, beside its password. */
  tls: z.strictObject({ host: host.default('127.0.0.1'), port: port.default(8_883), cert: filePath, key: filePath, ca: filePath.optional() }).optional(),
  maxClients: z.int().min(1).max(10_000).default(256),
  maxClientsPerAddress: z.int().min(1).max(10_000).default(32),
  /** Publishes of one client that may wait for the disk; more are read when these are done. */
  maxInFlight: z.int().min(1).max(10_000).default(1_000),
  maxPayloadBytes: z.int().min(64).max(262_144).default(65_536),
  /** Of one device, in the long run; ten times as many may come at once. A faster one is read more slowly. */
  messagesPerSecond: z.number().min(0.1).max(1_000_000).default(100),
  connectTimeout: duration.default(10_000),
  /** Client mode only. */
  url: z.string().regex(/^mqtts?:\/\/[^\s/@]+$/, 'write mqtt://host:port or mqtts://host:port').optional(),
  clientId: z.string().min(1).max(120).optional(),
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
  /** PEM files: who signed the broker's certificate, and the gateway's own. */
  ca: filePath.optional(),
  cert: filePath.optional(),
  key: filePath.optional(),
})

const pointer = z.string().regex(/^(\/([^~/]|~[01])*)*$/, 'write a JSON pointer such as /state/paper, or leave it empty for the whole payload')
const scalar = z.union([z.string(), z.number(), z.boolean()])
/** `{device}` and the device's `variables` are filled in; `{+name}` stands for any one level. */
const topic = z.string().min(1)
/** `iso`: ISO 8601 with its time zone; `ms`, `s`: since 1970. `auto`: iso for a text, ms for a number. */
const timeFormat = z.enum(['auto', 'iso', 'ms', 's']).default('auto')

const occurrence = z.strictObject({
  topic,
  type: z.enum(['access', 'kiosk', 'request', 'evaluation']),
  /** The device's own id of this event, so that a repeat is known. */
  sourceId: pointer.optional(),
  at: pointer.optional(),
  timeFormat,
  when: z.strictObject({ pointer, equals: scalar }).optional(),
  /** `hash: true` for card, identity and phone numbers: they leave the driver only as a keyed hash. */
  data: z.record(z.string().regex(/^[a-zA-Z][a-zA-Z0-9]{0,47}$/), z.union([pointer, z.strictObject({ pointer, hash: z.literal(true) })])).default({}),
})

const words = z.union([scalar, z.array(scalar).min(1)]).transform((value) => (Array.isArray(value) ? value : [value]).map(String))

export const device = z.strictObject({
  /** Default: the device's id. */
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
  /** The device that brings this one's messages under its own account: a Zigbee or LoRa bridge. */
  via: z.string().min(1).optional(),
  /** What `{name}` in topics stands for; default: the device's id. */
  variables: z.record(z.string().regex(/^[a-z][a-zA-Z0-9]{0,31}$/), z.string().min(1).max(200).regex(/^[^#+\0]+$/, 'a topic part without # and +')).default({}),
  /** Further topic filters the device may publish on: counted, not read. */
  publishes: z.array(topic).default([]),
  /** Further topic filters it may hear. */
  subscribes: z.array(topic).default([]),
  /** Where the device, or its will, says that it is there. */
  availability: z.strictObject({ topic, pointer: pointer.default(''), online: words.prefault('online'), offline: words.prefault('offline') }).optional(),
  /** Runs on a battery and connects to deliver: a closed connection says nothing, and its last values are kept, uncertain, when it is gone. */
  sleeps: z.boolean().default(false),
  /** Nothing heard for so long: offline. Default: never; 25h for one that sleeps. */
  silentAfter: duration.optional(),
  messagesPerSecond: z.number().min(0.1).max(1_000_000).optional(),
  occurrences: z.array(occurrence).default([]),
})

const command = z.strictObject({
  topic,
  /** `{value}` is the word, `{json}` the value as JSON. */
  payload: z.string().default('{value}'),
  /** Values to words on the wire; default: the point's `map` the other way round. */
  map: z.record(z.string(), scalar).optional(),
  /** False: a pulse or a call that no topic reads back. */
  confirm: z.boolean().default(true),
  within: duration.default(5_000),
})

export const point = z.strictObject({
  topic,
  /** An array in the payload: `pointer` and `timestamp` then lead into each of its elements. */
  each: pointer.optional(),
  pointer: pointer.default(''),
  /** Words on the wire to values. */
  map: z.record(z.string(), scalar).optional(),
  timestamp: pointer.optional(),
  timeFormat,
  /** Further places where the device tells the same value; nothing is amiss when it is not in them. */
  also: z.array(z.strictObject({ topic, pointer: pointer.default('') })).default([]),
  command: command.optional(),
})

export type MqttConnection = z.output<typeof connection>
export type MqttDevice = z.output<typeof device>
export type MqttAddress = z.output<typeof point>
export type MqttCommand = z.output<typeof command>
export type OccurrenceMapping = z.output<typeof occurrence>
export type TimeFormat = z.output<typeof timeFormat>
export type MqttConfig = ConnectionConfig<MqttConnection, MqttDevice, MqttAddress>
export type MqttDeviceConfig = DeviceConfig<MqttDevice, MqttAddress>
