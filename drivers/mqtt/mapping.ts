import type { EpochMs, Json, JsonObject, Occurrence, PointConfig, Sample, Value } from '../../gateway/contract/index.ts'
import { numberOf, parsePayload, pathOf, readAt, type Path } from './payload.ts'
import type { MqttAddress, MqttDeviceConfig, OccurrenceMapping, TimeFormat } from './settings.ts'
import { stampOf } from './stamps.ts'
import { compileTopic, matchTopic, type TopicPattern } from './topics.ts'

export interface Mapped {
  /** Of the devices this topic belongs to. */
  readonly devices: readonly string[]
  readonly samples: readonly Sample[]
  readonly occurrences: readonly Occurrence[]
  readonly availability: readonly { readonly deviceId: string; readonly online: boolean }[]
  /** Times of the device that were not believed, and values of another type than the point's. */
  readonly replacedStamps: number
  readonly mismatched: number
  /** Why nothing could be read from it. */
  readonly malformed?: string
}

/** null: nobody mapped this topic. */
export type Mapping = (topic: string, payload: Buffer, now: EpochMs) => Mapped | null

interface PointRoute {
  readonly pointId: string; readonly type: PointConfig['type']; readonly each: Path | null; readonly path: Path
  readonly map: ReadonlyMap<string, Value> | null; readonly timestamp: Path | null; readonly format: TimeFormat
}
interface OccurrenceRoute { readonly deviceId: string; readonly mapping: OccurrenceMapping; readonly sourceId: Path | null; readonly at: Path | null; readonly when: Path | null; readonly data: readonly (readonly [name: string, path: Path, hash: boolean])[] }
interface AvailabilityRoute { readonly deviceId: string; readonly path: Path; readonly online: ReadonlySet<string>; readonly offline: ReadonlySet<string> }
interface Route { readonly pattern: TopicPattern; readonly devices: Set<string>; readonly points: PointRoute[]; readonly occurrences: OccurrenceRoute[]; readonly availability: AvailabilityRoute[]; json: boolean; /** A message without any of its fields is a wrong one. */ expected: boolean }

const maxIdLength = 128
const maxTextLength = 4_096
/** Elements of one array in one payload. */
const maxElements = 1_000

/** Compiles the devices' topics once; the result is called for every publish. Pure, and throws for no payload. */
export function compileMapping(devices: readonly MqttDeviceConfig[], hashIdentity: (value: string) => string): Mapping {
  const exact = new Map<string, Route>()
  const patterns: Route[] = []
  for (const device of devices) addDevice(device, (pattern) => {
    const key = pattern.levels.map((level) => (typeof level === 'string' ? level : `{+${level.capture}}`)).join('/')
    let route = pattern.exact ? exact.get(key) : patterns.find((other) => other.pattern.filter === pattern.filter && JSON.stringify(other.pattern.levels) === JSON.stringify(pattern.levels))
    if (!route) {
      route = { pattern, devices: new Set(), points: [], occurrences: [], availability: [], json: false, expected: false }
      if (pattern.exact) exact.set(key, route)
      else patterns.push(route)
    }
    route.devices.add(device.id)
    return route
  })
  return (topic, payload, now) => {
    const found = exact.get(topic)
    if (patterns.length === 0) return found ? mapPayload(found, {}, payload, now, hashIdentity) : null
    const levels = topic.split('/')
    const all = found ? [mapPayload(found, {}, payload, now, hashIdentity)] : []
    for (const route of patterns) {
      const captured = matchTopic(route.pattern, levels)
      if (captured) all.push(mapPayload(route, captured, payload, now, hashIdentity))
    }
    return all.length <= 1 ? all[0] ?? null : all.reduce(merge)
  }
}

function addDevice(device: MqttDeviceConfig, routeOf: (pattern: TopicPattern) => Route): void {
  const { id, points, settings } = device
  for (const { id: pointId, type, address } of points) {
    const route = routeOf(compileTopic(address.topic, device))
    route.points.push(pointRoute(pointId, type, address))
    route.json ||= address.pointer !== '' || address.each !== undefined
    route.expected = true
    for (const { topic, pointer } of address.also) {
      const other = routeOf(compileTopic(topic, device))
      other.points.push(pointRoute(pointId, type, { ...address, pointer, each: undefined, timestamp: undefined }))
      other.json ||= pointer !== ''
    }
  }
  for (const mapping of settings.occurrences) {
    const route = routeOf(compileTopic(mapping.topic, device))
    route.occurrences.push(occurrenceRoute(id, mapping))
    route.json = true
    route.expected ||= mapping.when === undefined
  }
  if (settings.availability) {
    const { topic, pointer, online, offline } = settings.availability
    const route = routeOf(compileTopic(topic, device))
    route.expected = true
    route.availability.push({ deviceId: id, path: pathOf(pointer), online: new Set(online), offline: new Set(offline) })
  }
}

const merge = (a: Mapped, b: Mapped): Mapped => {
  const malformed = a.malformed !== undefined && b.malformed !== undefined ? a.malformed : undefined
  return {
    devices: [...new Set([...a.devices, ...b.devices])], samples: [...a.samples, ...b.samples], occurrences: [...a.occurrences, ...b.occurrences],
    availability: [...a.availability, ...b.availability], replacedStamps: a.replacedStamps + b.replacedStamps, mismatched: a.mismatched + b.mismatched,
    ...(malformed === undefined ? {} : { malformed }),
  }
}

/** What one payload gives, gathered. */
interface Gathering { readonly now: EpochMs; readonly samples: Sample[]; readonly occurrences: Occurrence[]; replacedStamps: number; mismatched: number }

function mapPayload(route: Route, captured: Readonly<Record<string, string>>, payload: Buffer, now: EpochMs, hashIdentity: (value: string) => string): Mapped {
  const devices = [...route.devices]
  const nothing = { devices, samples: [], occurrences: [], availability: [], replacedStamps: 0, mismatched: 0 }
  const parsed = parsePayload(payload, route.json)
  if ('malformed' in parsed) return { ...nothing, malformed: parsed.malformed }
  const { document, text } = parsed
  const into: Gathering = { now, samples: [], occurrences: [], replacedStamps: 0, mismatched: 0 }
  for (const point of route.points) samplesOf(point, document, text, into)
  for (const each of route.occurrences) occurrenceOf(each, document, captured, hashIdentity, into)
  const availability = route.availability.flatMap((each) => availabilityOf(each, document) ?? [])
  const { samples, occurrences, replacedStamps, mismatched } = into
  if (samples.length === 0 && occurrences.length === 0 && availability.length === 0 && route.expected) return { ...nothing, malformed: 'none of the mapped fields is in it' }
  return { devices, samples, occurrences, availability, replacedStamps, mismatched }
}

function samplesOf(point: PointRoute, document: Json, text: string, into: Gathering): void {
  if (!point.each) return sampleOf(point, document, text, into)
  const list = readAt(document, point.each)
  if (Array.isArray(list)) for (const element of (list as readonly Json[]).slice(0, maxElements)) sampleOf(point, element, text, into)
}

function sampleOf({ pointId, type, path, each, map, timestamp, format }: PointRoute, document: Json, text: string, into: Gathering): void {
  // A text point takes a plain payload as it stands: "007" stays "007".
  const whole = path.length === 0 && !each
  const found = whole && type === 'string' && (document === null || typeof document !== 'object') && !map ? (typeof document === 'string' ? document : text) : readAt(document, path)
  if (found === undefined) return
  const stamp = timestamp ? stampOf(readAt(document, timestamp), format, into.now) : { at: into.now }
  if (stamp.replaced) into.replacedStamps++
  const { at } = stamp
  const bad = (reason: string): void => { into.samples.push({ pointId, raw: null, at, quality: 'bad', reason }) }
  // A device says null when it has no value: that is an answer, not an error of form.
  if (found === null) return bad('POINT_NO_VALUE')
  if (typeof found === 'object' || (typeof found === 'string' && found.length > maxTextLength)) { into.mismatched++; return bad('POINT_TYPE') }
  const raw = map ? map.get(String(found)) : type === 'number' && typeof found === 'string' ? numberOf(found) ?? found : found
  if (raw === undefined) { into.mismatched++; return bad('POINT_UNMAPPED_VALUE') }
  // JSON has no infinity, but 1e999 is one.
  if (typeof raw === 'number' && !Number.isFinite(raw)) return bad('POINT_NOT_FINITE')
  if ((type === 'number' && typeof raw !== 'number') || (type === 'boolean' && typeof raw === 'string')) into.mismatched++
  into.samples.push({ pointId, raw, at, quality: 'good' })
}

function occurrenceOf(route: OccurrenceRoute, document: Json, captured: Readonly<Record<string, string>>, hashIdentity: (value: string) => string, into: Gathering): void {
  const { deviceId, mapping, sourceId, at, when, data } = route
  if (when && readAt(document, when) !== mapping.when!.equals) return
  if (document === null || typeof document !== 'object') return
  const id = sourceId ? readAt(document, sourceId) : undefined
  const stamp = at ? stampOf(readAt(document, at), mapping.timeFormat, into.now) : { at: into.now }
  if (stamp.replaced) into.replacedStamps++
  const values: { [key: string]: Json } = { ...captured }
  for (const [name, path, hash] of data) {
    const found = readAt(document, path)
    if (found === undefined || found === null || typeof found === 'object' || (typeof found === 'string' && found.length > maxTextLength)) continue
    if (typeof found === 'number' && !Number.isFinite(found)) continue
    values[name] = hash ? hashIdentity(String(found)) : found
  }
  into.occurrences.push({
    deviceId, type: mapping.type, at: stamp.at, data: values as JsonObject,
    ...((typeof id === 'string' || typeof id === 'number') && String(id).length <= maxIdLength ? { sourceId: String(id) } : {}),
  })
}

/** Also where the pointer leads into a document and an older firmware sends the bare word. */
function availabilityOf({ deviceId, path, online, offline }: AvailabilityRoute, document: Json): Mapped['availability'][number] | null {
  const found = document === null || typeof document !== 'object' ? document : readAt(document, path)
  const word = String(found)
  return online.has(word) ? { deviceId, online: true } : offline.has(word) ? { deviceId, online: false } : null
}

function pointRoute(pointId: string, type: PointConfig['type'], { each, pointer, map, timestamp, timeFormat }: MqttAddress): PointRoute {
  return {
    pointId, type, each: each === undefined ? null : pathOf(each), path: pathOf(pointer), map: map ? new Map(Object.entries(map)) : null,
    timestamp: timestamp === undefined ? null : pathOf(timestamp), format: timeFormat,
  }
}

function occurrenceRoute(deviceId: string, mapping: OccurrenceMapping): OccurrenceRoute {
  const optional = (pointer: string | undefined): Path | null => (pointer === undefined ? null : pathOf(pointer))
  return {
    deviceId, mapping, sourceId: optional(mapping.sourceId), at: optional(mapping.at), when: optional(mapping.when?.pointer),
    data: Object.entries(mapping.data).map(([name, where]) => (typeof where === 'string' ? [name, pathOf(where), false] : [name, pathOf(where.pointer), true])),
  }
}
