import { pointsOf } from '../../drivers/gpio/points.ts'
import type { GpioConfig } from '../../drivers/gpio/settings.ts'
import type { MqttDeviceConfig } from '../../drivers/mqtt/schema.ts'
import { editEntry, editSite } from '../../firmware-config/points-csv/edit.ts'
import { readDevices } from '../../firmware-config/points-csv/site-points.ts'
import type { ConnectionConfig, DeviceConfig } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { didYouMean } from '../kit/suggest.ts'
import { roomSchemas } from './rooms.ts'

/** What is new of a device, as it was typed. */
export interface NewAddress { readonly unit?: number; readonly endpoint?: string; readonly variable?: readonly string[]; readonly root?: string; readonly line?: readonly string[] }
export interface ReplaceCommand extends NewAddress { readonly serial?: string; readonly oldSerial?: string; readonly by?: string; readonly for?: number; readonly yes?: boolean; readonly force?: boolean; readonly json?: boolean }
export interface Replaced { readonly connection: ConnectionConfig; readonly device: DeviceConfig; /** Their places in the lists of the site file. */ readonly deviceAt: number; readonly connectionAt: number }

/** Which of them a driver knows; every driver takes a serial number. */
const known: Readonly<Record<string, readonly (keyof NewAddress)[]>> = { modbus: ['unit', 'endpoint'], mqtt: ['variable'], opcua: ['endpoint', 'root'], gpio: ['line'] }
const spelt: Readonly<Record<keyof NewAddress, string>> = { unit: '--unit N', endpoint: '--endpoint WHERE', variable: '--variable NAME=VALUE', root: '--root NODE', line: '--line LINE' }

/** Throws ConfigError REPLACE_USAGE for what the device's driver does not know. */
export function assertKnown({ connection, device }: Replaced, wanted: NewAddress): void {
  const own = known[connection.driver] ?? []
  const odd = (Object.keys(spelt) as (keyof NewAddress)[]).find((key) => wanted[key] !== undefined && !own.includes(key))
  if (odd) throw new ConfigError('REPLACE_USAGE', `${device.id} is of driver ${connection.driver}, which has no ${spelt[odd]}; for it there are ${[...own.map((key) => spelt[key]), '--serial NUMBER'].join(', ')}`)
}

/** The site file's text with the new address of an MQTT, OPC UA or GPIO device; points and names stay. Throws ConfigError REPLACE_USAGE, DataError POINTS_SHARED. */
export async function readdressed(file: string, text: string, target: Replaced, wanted: NewAddress): Promise<string> {
  if (target.connection.driver === 'mqtt') return wanted.variable ? editEntry(text, 'devices', target.deviceAt, { variables: variablesOf(target.device as MqttDeviceConfig, wanted.variable) }) : text
  if (target.connection.driver === 'gpio') return wanted.line ? lines(file, text, target, wanted.line) : text
  const rooted = wanted.root === undefined ? text : editEntry(text, 'devices', target.deviceAt, { root: wanted.root })
  return wanted.endpoint === undefined ? rooted : editEntry(rooted, 'connections', target.connectionAt, { endpoint: alone(target, wanted.endpoint) })
}

/** Throws ConfigError REPLACE_USAGE for an address that other devices share. */
export function alone({ connection, device }: Replaced, endpoint: string): string {
  const others = connection.devices.filter((each) => each.id !== device.id).map((each) => each.id)
  if (others.length > 0) throw new ConfigError('REPLACE_USAGE', `connection ${connection.id} has other devices too (${others.slice(0, 5).join(', ')}), which would move along; give ${device.id} a connection of its own in the site file`)
  return endpoint
}

/** All that the device has, with the new ones in their places. */
function variablesOf({ id, points, settings }: MqttDeviceConfig, words: readonly string[]): Record<string, string> {
  const topics = [...points.flatMap(({ address: { topic, also, command } }) => [topic, ...also.map((each) => each.topic), ...(command ? [command.topic] : [])]), ...settings.occurrences.map(({ topic }) => topic), ...(settings.availability ? [settings.availability.topic] : [])]
  const names = new Set(topics.flatMap((topic) => [...topic.matchAll(/\{([a-zA-Z][a-zA-Z0-9]*)\}/g)].map(([, name]) => name!)))
  const fresh = words.map((word) => {
    const [, name, value] = /^([^=]+)=(.+)$/.exec(word) ?? []
    if (name === undefined || value === undefined) throw new ConfigError('REPLACE_USAGE', `"${word}" is no NAME=VALUE`)
    if (!names.has(name)) throw new ConfigError('REPLACE_USAGE', `no topic of ${id} has {${name}} in it${didYouMean(name, names) || (names.size > 0 ? `; there are ${[...names].join(', ')}` : '; its topics are fixed: write them into the site file')}`)
    return [name, value] as const
  })
  return { ...settings.variables, ...Object.fromEntries(fresh) }
}

/** `17`, `GPIO27`, or `open=17` where the device has several points. */
async function lines(file: string, text: string, { connection, device }: Replaced, words: readonly string[]): Promise<string> {
  const own = pointsOf(connection as GpioConfig).filter(({ deviceId }) => deviceId === device.id).map(({ id }) => id.slice(device.id.length + 1))
  const site = (await readDevices(file, roomSchemas, text)).find(({ id }) => id === device.id)!
  return editSite(text, words.map((word) => {
    const [, point = own.length === 1 ? own[0]! : '', line = ''] = /^(?:([a-z0-9-]+)=)?(\S+)$/.exec(word) ?? []
    if (!own.includes(point)) throw new ConfigError('REPLACE_USAGE', `"${word}": say of which point, such as --line ${own[0]}=${line || '17'}; ${device.id} has ${own.join(', ')}`)
    return { kind: 'changed' as const, device: site, point, set: { line: /^\d+$/.test(line) ? Number(line) : line }, unset: [], before: {}, row: 0, columns: {} }
  }))
}
