import type { EpochMs, Json, JsonObject, Occurrence, Sample, Value } from '../../gateway/contract/index.ts'
import { topicOf, type MqttAddress, type MqttDeviceConfig, type OccurrenceMapping } from './schema.ts'

export interface Mapped {
  readonly samples: readonly Sample[]
  readonly occurrences: readonly Occurrence[]
  /** Why nothing could be read from it. */
  readonly malformed?: string
}

/** null: nobody mapped this topic. */
export type Mapping = (topic: string, payload: Buffer, now: EpochMs) => Mapped | null

type Path = readonly string[]
interface PointRoute { readonly pointId: string; readonly path: Path; readonly map: ReadonlyMap<string, Value> | null; readonly timestamp: Path | null }
interface OccurrenceRoute { readonly deviceId: string; readonly mapping: OccurrenceMapping; readonly sourceId: Path | null; readonly at: Path | null; readonly when: Path | null; readonly data: readonly (readonly [name: string, path: Path, hash: boolean])[] }
interface Route { readonly points: PointRoute[]; readonly occurrences: OccurrenceRoute[]; json: boolean }

/** A device's clock may be wrong; beyond this it is not believed and the time of arrival stands. */
const maxAheadMs = 5 * 60_000
const maxBehindMs = 31 * 24 * 3_600_000
const maxIdLength = 128
const maxTextLength = 4_096

/** Compiles the devices' topics once; the result is called for every publish. Pure, and throws for no payload. */
export function compileMapping(devices: readonly MqttDeviceConfig[], hashIdentity: (value: string) => string): Mapping {
  const routes = new Map<string, Route>()
  const route = (topic: string): Route => {
    let found = routes.get(topic)
    if (!found) routes.set(topic, found = { points: [], occurrences: [], json: false })
    return found
  }
  for (const { id, points, settings } of devices) {
    for (const point of points) {
      const target = route(topicOf(point.address.topic, id))
      target.points.push(pointRoute(point.id, point.address))
      target.json ||= point.address.pointer !== ''
    }
    for (const mapping of settings.occurrences) {
      const target = route(topicOf(mapping.topic, id))
      target.occurrences.push(occurrenceRoute(id, mapping))
      target.json = true
    }
  }
  return (topic, payload, now) => {
    const found = routes.get(topic)
    return found ? mapPayload(found, payload, now, hashIdentity) : null
  }
}

function mapPayload(route: Route, payload: Buffer, now: EpochMs, hashIdentity: (value: string) => string): Mapped {
  const parsed = parsePayload(payload, route.json)
  if ('malformed' in parsed) return { samples: [], occurrences: [], malformed: parsed.malformed }
  const { document } = parsed
  const samples = route.points.flatMap((point) => sampleOf(point, document, now) ?? [])
  const occurrences = route.occurrences.flatMap((item) => occurrenceOf(item, document, now, hashIdentity) ?? [])
  const expected = route.points.length > 0 || route.occurrences.some(({ when }) => when === null)
  if (samples.length === 0 && occurrences.length === 0 && expected) return { samples, occurrences, malformed: 'none of the mapped fields is in it' }
  return { samples, occurrences }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function parsePayload(payload: Buffer, json: boolean): { readonly document: Json } | { readonly malformed: string } {
  let text: string
  try { text = decoder.decode(payload) } catch { return { malformed: 'not UTF-8' } }
  try { return { document: JSON.parse(text) as Json } } catch { return json ? { malformed: 'not JSON' } : { document: text } }
}

function sampleOf({ pointId, path, map, timestamp }: PointRoute, document: Json, now: EpochMs): Sample | null {
  const found = read(document, path)
  if (found === undefined) return null
  const at = timestamp ? timeOf(read(document, timestamp), now) : now
  // A device says null when it has no value: that is an answer, not an error of form.
  if (found === null) return { pointId, raw: null, at, quality: 'bad', reason: 'POINT_NO_VALUE' }
  if (typeof found === 'object' || (typeof found === 'string' && found.length > maxTextLength)) return { pointId, raw: null, at, quality: 'bad', reason: 'POINT_TYPE' }
  if (!map) return { pointId, raw: found, at, quality: 'good' }
  const mapped = map.get(String(found))
  return mapped === undefined ? { pointId, raw: null, at, quality: 'bad', reason: 'POINT_UNMAPPED_VALUE' } : { pointId, raw: mapped, at, quality: 'good' }
}

function occurrenceOf(route: OccurrenceRoute, document: Json, now: EpochMs, hashIdentity: (value: string) => string): Occurrence | null {
  const { deviceId, mapping, sourceId, at, when, data } = route
  if (when && read(document, when) !== mapping.when!.equals) return null
  if (document === null || typeof document !== 'object') return null
  const id = sourceId ? read(document, sourceId) : undefined
  const values: { [key: string]: Json } = {}
  for (const [name, path, hash] of data) {
    const found = read(document, path)
    if (found === undefined || found === null || typeof found === 'object' || (typeof found === 'string' && found.length > maxTextLength)) continue
    values[name] = hash ? hashIdentity(String(found)) : found
  }
  return {
    deviceId, type: mapping.type, at: at ? timeOf(read(document, at), now) : now, data: values as JsonObject,
    ...((typeof id === 'string' || typeof id === 'number') && String(id).length <= maxIdLength ? { sourceId: String(id) } : {}),
  }
}

/** RFC 6901; own properties only, so that no prototype answers. */
function read(document: Json, path: Path): Json | undefined {
  let at: Json | undefined = document
  for (const key of path) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined
    at = (at as { readonly [key: string]: Json })[key]
  }
  return at
}

function timeOf(value: Json | undefined, now: EpochMs): EpochMs {
  const at = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isFinite(at) && at <= now + maxAheadMs && at >= now - maxBehindMs ? Math.round(at) : now
}

const pathOf = (pointer: string): Path => pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

function pointRoute(pointId: string, { pointer, map, timestamp }: MqttAddress): PointRoute {
  return { pointId, path: pathOf(pointer), map: map ? new Map(Object.entries(map)) : null, timestamp: timestamp === undefined ? null : pathOf(timestamp) }
}

function occurrenceRoute(deviceId: string, mapping: OccurrenceMapping): OccurrenceRoute {
  const optional = (pointer: string | undefined): Path | null => (pointer === undefined ? null : pathOf(pointer))
  return {
    deviceId, mapping, sourceId: optional(mapping.sourceId), at: optional(mapping.at), when: optional(mapping.when?.pointer),
    data: Object.entries(mapping.data).map(([name, where]) => (typeof where === 'string' ? [name, pathOf(where), false] : [name, pathOf(where.pointer), true])),
  }
}
