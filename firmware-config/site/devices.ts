import type { DeviceConfig, DriverSchemas, PointConfig } from '../../gateway/contract/index.ts'
import { check } from './check.ts'
import { isObject, type PlainObject } from './plain.ts'
import { checkPoint, split } from './points.ts'
import type { Path, Problems, Report } from './problems.ts'
import type { Located } from './problems.ts'
import type { Profile, ProfileLibrary } from './profiles.ts'
import { deviceSchema, idPattern } from './schema.ts'
import { didYouMean } from './suggest.ts'

/** What the devices are checked against. */
export interface DeviceContext {
  readonly source: Located
  readonly problems: Problems
  readonly profiles: ProfileLibrary
  readonly drivers: Readonly<Record<string, DriverSchemas>>
  /** Driver by connection id, as written: also of connections that have problems of their own. */
  readonly connections: ReadonlyMap<string, string>
}

export interface CheckedDevice {
  readonly index: number
  readonly id: string
  /** null: something in it was reported. */
  readonly config: DeviceConfig | null
  /** Point names as far as they can be told, so that rules which name them are not reported as well; null: cannot be told. */
  readonly points: readonly string[] | null
}

/** One entry of `devices`: profile, overrides and defaults merged. Everything wrong in it is reported. */
export function checkDevice(raw: unknown, index: number, context: DeviceContext): CheckedDevice {
  let wrong = false
  const write = context.problems.in(context.source, ['devices', index])
  const report: Report = (...problem) => { wrong = true; write(...problem) }
  const entry = isObject(raw) ? raw : {}
  const id = typeof entry.id === 'string' ? entry.id : ''
  if (!isObject(raw)) check(deviceSchema, raw, report)
  const driver = isObject(raw) ? driverOf(entry, context, report) : undefined
  if (driver === undefined) {
    if (isObject(raw)) check(deviceSchema, entry, report)
    return { index, id, config: null, points: null }
  }
  const profile = profileOf(entry, driver, context, report)
  const schemas = context.drivers[driver]!
  const parts = split(entry, deviceSchema, schemas.device, report)
  const common = check(deviceSchema, parts.common, report)
  const settings = profile === null ? null : check(schemas.device, { ...profile?.device, ...parts.own }, unlessReported(report, profile, parts.own))
  const points = profile === null ? null : checkPoints(id, pointsOf(entry), profile, schemas, report)
  const names = profile === null ? null : [...new Set([...Object.keys(profile?.points ?? {}), ...Object.keys(pointsOf(entry))])]
  if (wrong || !common || !settings || !points) return { index, id, config: null, points: names }
  const { name, connection: connectionId, place } = common.data
  return { index, id, points: names, config: { id, name, connectionId, ...(profile && { profile: profile.name }), ...(place !== undefined && { place }), settings: settings.data, points } }
}

/** undefined: there is no use in looking at the driver's keys. */
function driverOf(entry: PlainObject, { connections, drivers }: DeviceContext, report: Report): string | undefined {
  const { connection } = entry
  if (typeof connection !== 'string') return undefined
  const driver = connections.get(connection)
  if (driver === undefined) report(['connection'], () => `no connection ${JSON.stringify(connection)}${didYouMean(connection, connections.keys())}`)
  return driver !== undefined && Object.hasOwn(drivers, driver) ? driver : undefined
}

/** undefined: none is named. null: the one named cannot be used. */
function profileOf(entry: PlainObject, driver: string, { profiles }: DeviceContext, report: Report): Profile | null | undefined {
  const { profile: name, connection } = entry
  if (name === undefined) {
    if (entry.points === undefined) report([], 'neither a profile nor points: name the device\'s profile, or write its points out')
    return undefined
  }
  if (typeof name !== 'string') return null
  if (!profiles.has(name)) report(['profile'], () => `no profile ${JSON.stringify(name)}${didYouMean(name, profiles.names)}`)
  const profile = profiles.get(name)
  if (!profile || profile.driver === driver) return profile
  report(['profile'], `profile ${JSON.stringify(name)} is for the driver ${JSON.stringify(profile.driver)}, but connection ${JSON.stringify(connection)} uses ${JSON.stringify(driver)}`)
  return null
}

const pointsOf = (entry: PlainObject): Readonly<Record<string, PlainObject>> =>
  (isObject(entry.points) ? Object.fromEntries(Object.entries(entry.points).filter((point): point is [string, PlainObject] => idPattern.test(point[0]) && isObject(point[1]))) : {})

function checkPoints(deviceId: string, overrides: Readonly<Record<string, PlainObject>>, profile: Profile | undefined, schemas: DriverSchemas, report: Report): PointConfig[] | null {
  const names = new Set([...Object.keys(profile?.points ?? {}), ...Object.keys(overrides)])
  const parsed = [...names].map((name) => {
    const base = own(profile?.points, name)
    const override = own(overrides, name) ?? {}
    const below: Report = (path, message, at) => report(['points', name, ...path], message, at)
    const point = checkPoint({ ...base, ...override }, schemas, base ? unlessReported(below, profile, override) : below)
    return point && { id: `${deviceId}.${name}`, deviceId, ...point }
  })
  return parsed.includes(null) ? null : (parsed as PointConfig[])
}

const own = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined => (record && Object.hasOwn(record, key) ? record[key] : undefined)

/** What is wrong in the profile itself was reported against the profile's file. */
function unlessReported(report: Report, profile: Profile | null | undefined, written: PlainObject): Report {
  if (!profile || profile.valid) return report
  return (path: Path, message, at) => { if (path.length > 0 && Object.hasOwn(written, String(path[0]))) report(path, message, at) }
}
