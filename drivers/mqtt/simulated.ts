import type { EpochMs, Json, PointConfig, Random, Value } from '../../gateway/contract/index.ts'
import { randomHex } from '../../gateway/kit/index.ts'
import { pathOf, type Path } from './payload.ts'
import type { MqttAddress, MqttDeviceConfig, OccurrenceMapping, TimeFormat } from './settings.ts'
import { compileTopic } from './topics.ts'

type MqttPoint = PointConfig<MqttAddress>

/** What a simulated device says: the profile's mapping the other way round. Pure, but for event ids. */
export const topicFor = (text: string, device: MqttDeviceConfig, random: Random): string =>
  compileTopic(text, device).levels.map((level) => (typeof level === 'string' ? level : `${level.capture}-${1 + Math.floor(random() * 2)}`)).join('/')

/** One payload with all values of the points of one topic; null when none of them has one yet. */
export function payloadOf(points: readonly MqttPoint[], valueOf: (pointId: string) => Value | undefined, now: EpochMs): string | null {
  const known = points.filter(({ id }) => valueOf(id) !== undefined)
  if (known.length === 0) return null
  const plain = known.every(({ address }) => address.pointer === '' && address.each === undefined)
  if (plain) return String(wireWord(known[0]!.address, valueOf(known[0]!.id)!))
  let document: Json = {}
  for (const { id, address } of known) {
    const base = address.each === undefined ? [] : [...pathOf(address.each), '0']
    document = withAt(document, [...base, ...pathOf(address.pointer)], wireWord(address, valueOf(id)!))
    if (address.timestamp !== undefined) document = withAt(document, [...base, ...pathOf(address.timestamp)], wireTime(address.timeFormat, now))
  }
  return JSON.stringify(document)
}

/** What a device says of itself, or has its broker say. */
export function availabilityPayload({ pointer, online, offline }: NonNullable<MqttDeviceConfig['settings']['availability']>, there: boolean): string {
  const word = (there ? online : offline)[0]!
  return pointer === '' ? word : JSON.stringify(withAt({}, pathOf(pointer), word))
}

function wireWord({ map }: MqttAddress, raw: Value): Value {
  const found = Object.entries(map ?? {}).find(([, value]) => value === raw)
  return found ? found[0] : raw
}

const wireTime = (format: TimeFormat, now: EpochMs): Json => (format === 's' ? now / 1_000 : format === 'ms' ? now : new Date(now).toISOString())

/** A copy with the value at the path; containers are made as the path asks: an array where a number stands. */
function withAt(document: Json, [key, ...rest]: Path, value: Json): Json {
  if (key === undefined) return value
  const array = /^\d+$/.test(key)
  const before = document !== null && typeof document === 'object' ? document : array ? [] : {}
  const inner = withAt((before as { readonly [key: string]: Json })[key] ?? null, rest, value)
  if (array && Array.isArray(before)) { const copy = [...before as readonly Json[]]; copy[Number(key)] = inner; return copy }
  return { ...before as object, [key]: inner }
}

const items = ['senior-card', 'business-licence', 'property-report', 'provident-fund-print']

/** What one device counts and remembers of its own events: `session` and `item` of the last session. */
export interface EventState { n: number; session: string; item: string }

export function occurrencePayload(mapping: OccurrenceMapping, state: EventState, now: EpochMs, random: Random, given: Readonly<Record<string, Json>> = {}): string {
  const id = randomHex(8)
  if (mapping.type === 'kiosk') state.item = items[Math.floor(random() * items.length)]!
  let document: Json = {}
  for (const [name, where] of Object.entries(mapping.data)) {
    document = withAt(document, pathOf(typeof where === 'string' ? where : where.pointer), given[name] ?? dataFor(name, mapping.type, state, random))
  }
  if (mapping.sourceId !== undefined) document = withAt(document, pathOf(mapping.sourceId), id)
  if (mapping.at !== undefined) document = withAt(document, pathOf(mapping.at), wireTime(mapping.timeFormat, now))
  if (mapping.when) document = withAt(document, pathOf(mapping.when.pointer), mapping.when.equals)
  if (mapping.type === 'kiosk') state.session = id
  return JSON.stringify(document)
}

function dataFor(name: string, type: OccurrenceMapping['type'], state: EventState, random: Random): Json {
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  if (name === 'n') return state.n
  if (/item|service/i.test(name)) return state.item
  if (/result/i.test(name)) return type === 'access' ? 'granted' : random() < 0.9 ? 'done' : 'cancelled'
  if (/duration/i.test(name)) return Math.round(30 + random() * 200)
  if (/score|rating/i.test(name)) return 3 + Math.floor(random() * 3)
  if (/card|credential/i.test(name)) return String(Math.floor(1e9 + 9e9 * random()))
  if (/session/i.test(name)) return state.session
  if (/reader|door/i.test(name)) return one(['in', 'out'])
  return 'simulated'
}

/** The raw value a command carries; undefined when it is not understood, as a device would ignore it. */
export function valueOfCommand({ type, address }: MqttPoint, payload: string): Value | undefined {
  const { command, map } = address
  const [before, name, after] = command!.payload.split(/\{(value|json)\}/)
  if (name === undefined || !payload.startsWith(before!) || !payload.endsWith(after!) || payload.length < before!.length + after!.length) return undefined
  let word: Json = payload.slice(before!.length, payload.length - after!.length)
  if (name === 'json') try { word = JSON.parse(word) as Json } catch { return undefined }
  const text = String(word)
  const written = Object.entries(command!.map ?? {}).find(([, wire]) => String(wire) === text)?.[0]
  const raw = command!.map ? written : map ? map[text] : text
  if (raw === undefined) return undefined
  if (typeof raw !== 'string') return raw
  return type === 'boolean' ? raw === 'true' : type === 'number' ? Number(raw) : raw
}
