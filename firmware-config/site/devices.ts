import type { z } from 'zod'
import type { ConnectionConfig, DeviceConfig, DriverSchemas, EffectConfig, PointConfig } from '../../gateway/contract/index.ts'
import { check, unknownKey } from './check.ts'
import { isObject, valueAt, type PlainObject } from './plain.ts'
import type { Path, Problems, Report } from './problems.ts'
import type { ProfileLibrary } from './profile-library.ts'
import { connectionKeys, deviceKeys, pointKeys, type Profile } from './schema.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'

export type Drivers = Readonly<Record<string, DriverSchemas>>

/** A connection before its devices are known; `index` is its place in the file. */
export interface OpenConnection { readonly id: string; readonly driver: string; readonly settings: unknown; readonly index: number }
export interface PlacedDevice { readonly config: DeviceConfig; readonly index: number }

const pick = (value: PlainObject, keys: z.ZodObject): PlainObject => Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(keys.shape, key)))
const omit = (value: PlainObject, keys: z.ZodObject): PlainObject => Object.fromEntries(Object.entries(value).filter(([key]) => !Object.hasOwn(keys.shape, key)))

/** Reports keys that neither side knows, with a suggestion from both; returns the driver's keys that it does know. */
function driverKeys(value: PlainObject, common: z.ZodObject, driver: z.ZodObject, report: Report, at: Path): PlainObject {
  const rest = omit(value, common)
  const known: PlainObject = {}
  for (const [key, item] of Object.entries(rest)) {
    if (Object.hasOwn(driver.shape, key)) known[key] = item
    else report([...at, key], () => unknownKey(key, [...Object.keys(common.shape), ...Object.keys(driver.shape)]), 'key')
  }
  return known
}

export function readConnections(entries: readonly unknown[], drivers: Drivers, report: Report): OpenConnection[] {
  return entries.flatMap((entry, index) => {
    const at: Path = ['connections', index]
    const common = check(connectionKeys, isObject(entry) ? pick(entry, connectionKeys) : entry, report, at)
    if (!isObject(entry) || !common) return []
    const schemas = Object.hasOwn(drivers, common.data.driver) ? drivers[common.data.driver] : undefined
    if (!schemas) {
      report([...at, 'driver'], () => `no driver "${common.data.driver}"${didYouMean(common.data.driver, Object.keys(drivers)) || `; there are ${Object.keys(drivers).join(', ')}`}`)
      return []
    }
    const settings = check(schemas.connection, driverKeys(entry, connectionKeys, schemas.connection, report, at), report, at)
    // Kept also when its settings are wrong, so that its devices are checked in the same run.
    return [{ ...common.data, settings: settings?.data ?? null, index }]
  })
}

interface DeviceScope {
  readonly connections: readonly OpenConnection[]
  /** Also of connections that could not be read: a device on one of those is not to blame. */
  readonly connectionIds: readonly string[]
  readonly drivers: Drivers
  readonly library: ProfileLibrary
  readonly problems: Problems
  readonly report: Report
}

export async function readDevices(entries: readonly unknown[], scope: DeviceScope): Promise<PlacedDevice[]> {
  const devices: PlacedDevice[] = []
  for (const [index, entry] of entries.entries()) {
    const config = await readDevice(entry, ['devices', index], scope)
    if (config) devices.push({ config, index })
  }
  return devices
}

async function readDevice(entry: unknown, at: Path, scope: DeviceScope): Promise<DeviceConfig | null> {
  const { connections, connectionIds, drivers, report } = scope
  const common = check(deviceKeys, isObject(entry) ? pick(entry, deviceKeys) : entry, report, at)
  const names = isObject(entry) ? entry : {}
  const connection = connections.find(({ id }) => id === names.connection)
  if (typeof names.connection === 'string' && !connectionIds.includes(names.connection)) report([...at, 'connection'], () => `no connection "${String(names.connection)}"${didYouMean(String(names.connection), connectionIds)}`)
  const profile = typeof names.profile === 'string' ? await readProfile(names.profile, connection, at, scope) : null
  if (!isObject(entry) || !connection || profile === undefined) return null
  const schemas = drivers[connection.driver]!
  const own = driverKeys(entry, deviceKeys, schemas.device, report, at)
  const settings = check(schemas.device, { ...profile?.device, ...own }, report, at)
  if (!common) return null
  const points = readPoints(common.data.id, profile, common.data.points as Record<string, PlainObject>, schemas, report, at)
  const { id, name, place } = common.data
  return { id, name, connectionId: connection.id, ...(common.data.profile ? { profile: common.data.profile } : {}), ...(place ? { place } : {}), settings: settings?.data ?? null, points }
}

/** undefined: named, but of no use; that was reported. */
async function readProfile(name: string, connection: OpenConnection | undefined, at: Path, { library, problems, report }: DeviceScope): Promise<Profile | undefined> {
  const profile = await library.load(name, problems)
  if (profile === undefined) { report([...at, 'profile'], () => `no profile "${name}"${didYouMean(name, library.names())}`); return undefined }
  if (!profile) return undefined
  if (connection && profile.driver !== connection.driver) { report([...at, 'profile'], `profile "${name}" is for driver ${profile.driver}; connection "${connection.id}" is ${connection.driver}`); return undefined }
  return profile
}

function readPoints(deviceId: string, profile: Profile | null, own: Readonly<Record<string, PlainObject>>, schemas: DriverSchemas, report: Report, at: Path): PointConfig[] {
  const names = [...new Set([...Object.keys(profile?.points ?? {}), ...Object.keys(own)])]
  return names.flatMap((name) => {
    const where: Path = [...at, 'points', name]
    const inherited = profile && Object.hasOwn(profile.points, name) ? profile.points[name] as PlainObject : null
    if (profile && !inherited && own[name] && !Object.hasOwn(own[name], 'type')) {
      report(where, () => `profile "${profile.profile}" has no point "${name}"${didYouMean(name, Object.keys(profile.points)) || '; a new point needs at least name, type and its address'}`, 'key')
      return []
    }
    const merged: PlainObject = { ...inherited, ...own[name] }
    const common = check(pointKeys, pick(merged, pointKeys), report, where)
    const address = check(schemas.point, driverKeys(merged, pointKeys, schemas.point, report, where), report, where)
    if (!common || !address) return []
    const { heartbeat, poll, unit, min, max, effect, ...rest } = common.data
    if (min !== undefined && max !== undefined && min > max) report([...where, valueAt(own[name], ['min']) === undefined ? 'max' : 'min'], `min ${min} is above max ${max}`)
    return [{
      id: `${deviceId}.${name}`, deviceId, ...rest, ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }), heartbeatMs: heartbeat, pollMs: Math.max(10, poll), address: address.data,
      ...(unit !== undefined ? { unit } : rest.type === 'number' ? { unit: '1' } : {}), ...(effect ? { effect: effectOf(effect, deviceId, rest.type) } : {}),
    }]
  })
}

function effectOf({ point, equals, within, when }: NonNullable<z.output<typeof pointKeys>['effect']>, deviceId: string, type: string): EffectConfig {
  const only = when ?? (type === 'boolean' ? true : undefined)
  return { point: point.includes('.') ? point : `${deviceId}.${point}`, equals, withinMs: within, ...(only === undefined ? {} : { when: only }) }
}

/** The points of a profile alone, for its linter; the paths lead into the profile's own file. */
export const readProfilePoints = (profile: Profile, schemas: DriverSchemas, report: Report): readonly PointConfig[] => {
  check(schemas.device.partial(), omit(profile.device as PlainObject, deviceKeys), report, ['device'])
  return readPoints('profile', profile, {}, schemas, report, [])
}

export function joinConnections(connections: readonly OpenConnection[], devices: readonly PlacedDevice[]): ConnectionConfig[] {
  return connections.map(({ id, driver, settings }) => ({ id, driver, settings, devices: devices.filter(({ config }) => config.connectionId === id).map(({ config }) => config) }))
}
