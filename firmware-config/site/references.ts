import type { ConnectionConfig } from '../../gateway/contract/index.ts'
import type { Drivers, OpenConnection, PlacedDevice } from './devices.ts'
import { isObject } from './plain.ts'
import type { Report } from './problems.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'

/** What no single entry can see: ids told twice, points that are not there, ports that meet. */
export function reportDuplicates(root: { readonly [key: string]: unknown }, lists: readonly string[], report: Report): void {
  for (const list of lists) {
    const first = new Map<string, number>()
    const entries = Array.isArray(root[list]) ? root[list] : []
    for (const [index, entry] of entries.entries()) {
      const id: unknown = isObject(entry) ? entry.id : undefined
      if (typeof id !== 'string') continue
      if (first.has(id)) report([list, index, 'id'], `id "${id}" is already ${list}[${first.get(id)}]; give each its own`)
      else first.set(id, index)
    }
  }
}

/** A contact that is not there, or can never have the value, would fail every command. */
export function reportEffects(devices: readonly PlacedDevice[], report: Report): void {
  const points = new Map(devices.flatMap(({ config }) => config.points.map((point) => [point.id, point] as const)))
  for (const { config, index } of devices) {
    for (const { id, type, effect } of config.points) {
      if (!effect) continue
      const at = ['devices', index, 'points', id.slice(config.id.length + 1), 'effect'] as const
      const contact = points.get(effect.point)
      if (!contact) report([...at, 'point'], () => `no point "${effect.point}"${didYouMean(effect.point, points.keys())}`)
      else if (effect.point === id) report([...at, 'point'], 'a point cannot be its own contact; its own value is read back in any case')
      else if (typeof effect.equals !== contact.type) report([...at, 'equals'], `${effect.point} is a ${contact.type}`)
      if (effect.when !== undefined && typeof effect.when !== type) report([...at, 'when'], `${id} is a ${type}`)
    }
  }
}

/** An uplink names streams that are there; a selection that can select nothing is a mistake. */
export function reportStreams(streams: readonly unknown[], uplinks: readonly unknown[], devices: readonly PlacedDevice[], report: Report): void {
  const names = ['alert', 'event', 'ledger', 'telemetry', ...streams.flatMap((entry) => (isObject(entry) && typeof entry.id === 'string' ? [entry.id] : []))]
  for (const [index, entry] of uplinks.entries()) {
    const wanted = isObject(entry) && Array.isArray(entry.streams) ? entry.streams : []
    for (const [at, name] of wanted.entries()) if (typeof name === 'string' && !names.includes(name)) report(['uplinks', index, 'streams', at], () => `no stream "${name}"${didYouMean(name, names)}`)
  }
  const ids = { devices: devices.map(({ config }) => config.id), points: devices.flatMap(({ config }) => config.points.map(({ id }) => id)) }
  for (const [index, entry] of streams.entries()) {
    if (!isObject(entry)) continue
    for (const key of ['points', 'devices'] as const) {
      const patterns = Array.isArray(entry[key]) ? entry[key] : []
      for (const [at, pattern] of patterns.entries()) if (typeof pattern === 'string' && !ids[key].some((id) => matches(pattern, id))) report(['streams', index, key, at], () => `"${pattern}" matches none of the ${key}${didYouMean(pattern, ids[key])}`)
    }
    if (entry.from === 'telemetry' && entry.types !== undefined) report(['streams', index, 'types'], 'telemetry has one type; select points or devices')
    if (entry.from !== 'telemetry' && entry.points !== undefined) report(['streams', index, 'points'], `a selection of ${String(entry.from)} names devices or types, not points`)
  }
}

/** A box has one configuration, and one count of those that were wished for. */
export function reportConfiguration(uplinks: readonly unknown[], report: Report): void {
  const taking = uplinks.flatMap((entry, index) => (isObject(entry) && entry.configuration !== undefined ? [index] : []))
  for (const index of taking.slice(1)) report(['uplinks', index, 'configuration'], `uplinks[${taking[0]}] takes configurations already; only one uplink can`, 'key')
}

const matches = (pattern: string, id: string): boolean => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[^A-Za-z0-9_-]/g, '\\$&')).join('.*')}$`).test(id)

export function reportOverlappingPorts(connections: readonly OpenConnection[], drivers: Drivers, report: Report): void {
  const taken: { readonly host: string; readonly port: number; readonly id: string }[] = []
  for (const { id, driver, settings, index } of connections) {
    if (settings === null) continue
    for (const { host, port } of drivers[driver]!.listens?.(settings) ?? []) {
      const other = taken.find((one) => one.port === port && (one.host === host || isAny(one.host) || isAny(host)))
      if (other) report(['connections', index, 'listen', 'port'], `port ${port} on ${host} is already connection "${other.id}"`)
      taken.push({ host, port, id })
    }
  }
}

const isAny = (host: string): boolean => host === '0.0.0.0' || host === '::'

/** What a driver sees in its own section. Only where everything of it was readable. */
export function reportReviews(connections: readonly ConnectionConfig[], drivers: Drivers, devices: readonly PlacedDevice[], report: Report): void {
  for (const connection of connections) {
    if (connection.settings === null || connection.devices.some(({ settings }) => settings === null)) continue
    for (const { deviceId, path, message } of drivers[connection.driver]!.review?.(connection) ?? []) {
      const index = devices.find(({ config }) => config.id === deviceId)?.index
      report(index === undefined ? ['connections'] : ['devices', index, ...path], message)
    }
  }
}

interface Grid { readonly scheme: 'unit-grid-15' | 'cjt-349-20' | 'division-12' | 'custom'; readonly code: string; readonly pattern?: string | undefined }

/** docs of the schemes: county first in the unit grid and the division code, at digits 7 to 12 in CJ/T 349-2010. */
export function reportGrid(grid: Grid, region: string, report: Report): void {
  const { scheme, code, pattern } = grid
  if (scheme === 'custom') {
    const expression = pattern === undefined ? null : compile(pattern)
    if (!expression) report(['site', 'grid', pattern === undefined ? 'scheme' : 'pattern'], pattern === undefined ? 'scheme custom needs a pattern: a regular expression of the code' : 'not a regular expression')
    else if (!expression.test(code)) report(['site', 'grid', 'code'], `"${code}" does not match the pattern ${pattern}`)
    return
  }
  const digits = { 'unit-grid-15': 15, 'cjt-349-20': 20, 'division-12': 12 }[scheme]
  if (!/^\d+$/.test(code) || code.length !== digits) return report(['site', 'grid', 'code'], `${scheme} has ${digits} digits; this has ${code.length} characters`)
  const county = scheme === 'cjt-349-20' ? code.slice(6, 12) : code.slice(0, 6)
  if (county !== region) report(['site', 'grid', 'code'], `the county in this code is ${county}, the region of the site is ${region}`)
}

function compile(pattern: string): RegExp | null {
  try { return new RegExp(`^(?:${pattern})$`) } catch { return null }
}
