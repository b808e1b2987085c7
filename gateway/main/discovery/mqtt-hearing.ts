import { Announcements, type Announced } from '../../../drivers/mqtt/announcements.ts'
import { compileMapping } from '../../../drivers/mqtt/mapping.ts'
import { Recogniser, type Suggestion } from '../../../drivers/mqtt/recognise.ts'
import type { MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import { readTopics } from '../../../drivers/mqtt/topics.ts'
import type { Clock, EpochMs } from '../../contract/index.ts'
import { normalise } from '../../normalise.ts'
import type { DiscoveredValue } from '../../console/discovery.ts'
import { deviceOf, type MqttProfile } from './mqtt-library.ts'

/** `kept`: the broker repeats what somebody said before; nobody says it now. */
export interface Said { readonly topic: string; readonly payload: Uint8Array; readonly kept: boolean; /** The device with whose account it was said, on the gateway's own broker. */ readonly sender: string | null }

/** A device that speaks: by a profile that would read it, by its own word, or both. */
export interface HeardDevice { readonly key: string; readonly suggestion: Suggestion | null; readonly profile: MqttProfile | null; readonly announced: Announced | null; readonly sender: string | null; /** A device of the site file that reads these topics already. */ readonly known: string | null }

const mostTopics = 2_000
const mostBytes = 8 << 20
const mostText = 80

/** What is heard on a bus, and which devices that makes. Bounded. */
export class Hearing {
  readonly announced = new Announcements()
  readonly recogniser: Recogniser
  readonly counts = new Map<string, number>()
  beyond = 0
  readonly #profiles: ReadonlyMap<string, MqttProfile>
  readonly #owners: ReadonlyMap<string, string>
  readonly #last = new Map<string, Said & { readonly at: EpochMs }>()
  readonly #clock: Pick<Clock, 'now'>
  #bytes = 0

  constructor(profiles: readonly MqttProfile[], known: readonly MqttDeviceConfig[], clock: Pick<Clock, 'now'>) {
    this.#profiles = new Map(profiles.map((profile) => [profile.name, profile]))
    this.recogniser = new Recogniser(profiles)
    this.#owners = new Map(known.flatMap((device) => readTopics(device).map(({ filter }) => [filter, device.id] as const)))
    this.#clock = clock
  }

  hear(said: Said): void {
    const { topic, payload, kept } = said
    this.announced.hear(topic, payload)
    this.recogniser.hear(topic, payload)
    if (this.counts.has(topic)) this.counts.set(topic, this.counts.get(topic)! + 1)
    else if (this.counts.size < mostTopics) this.counts.set(topic, 1)
    else { this.beyond++; return }
    const before = this.#last.get(topic)
    // What is said now counts more than what was kept.
    if (kept && before && !before.kept) return
    const bytes = this.#bytes + payload.length - (before?.payload.length ?? 0)
    if (bytes > mostBytes) return
    this.#bytes = bytes
    this.#last.set(topic, { ...said, payload: Uint8Array.from(payload), at: this.#clock.now() })
  }

  devices(): readonly HeardDevice[] {
    const announced = [...this.announced.all()]
    const suggested = this.recogniser.suggestions().flatMap((suggestion): HeardDevice[] => {
      const profile = this.#profiles.get(suggestion.profile)
      const device = profile && deviceOf(profile, suggestion.variables)
      if (!device) return []
      const names = new Set(Object.values(suggestion.variables))
      const index = announced.findIndex(({ id, name }) => names.has(id) || names.has(name))
      const [own = null] = index < 0 ? [] : announced.splice(index, 1)
      const topics = readTopics(device).map(({ filter }) => filter)
      const sender = topics.map((topic) => this.#last.get(topic)?.sender).find((each) => typeof each === 'string') ?? null
      return [{ key: `${suggestion.profile} ${JSON.stringify(suggestion.variables)}`, suggestion, profile, announced: own, sender, known: topics.map((topic) => this.#owners.get(topic)).find((id) => id !== undefined) ?? null }]
    })
    return [...suggested, ...announced.map((each): HeardDevice => ({ key: `${each.kind} ${each.id}`, suggestion: null, profile: null, announced: each, sender: null, known: null }))]
  }

  /** Its points as they were said last, in their units; `live`: something of it is said now, and not only kept by the broker. */
  values({ profile, suggestion }: HeardDevice): { readonly values: readonly DiscoveredValue[]; readonly live: boolean } | null {
    const device = profile && suggestion && deviceOf(profile, suggestion.variables)
    if (!device) return null
    const map = compileMapping([device], () => '')
    const seen = new Map<string, { readonly at: EpochMs; readonly value: DiscoveredValue }>()
    const points = new Map(device.points.map((point) => [point.id, point]))
    let live = false
    for (const { topic, payload, kept, at } of this.#last.values()) {
      for (const sample of map(topic, Buffer.from(payload), at)?.samples ?? []) {
        const point = points.get(sample.pointId)!
        const { value, reason } = normalise(sample, point, at)
        if (value !== null && !kept) live = true
        const text = typeof value === 'string' ? value.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '').slice(0, mostText) : value
        if ((seen.get(point.id)?.at ?? 0) <= at) seen.set(point.id, { at, value: { ...headOf(point), value: text, ...(reason === undefined ? kept ? { reason: 'MQTT_KEPT' } : {} : { reason }) } })
      }
    }
    return { live, values: device.points.map((point) => seen.get(point.id)?.value ?? { ...headOf(point), value: null, reason: 'MQTT_NO_MESSAGE_YET' }) }
  }
}

const headOf = ({ id, name, unit }: MqttDeviceConfig['points'][number]): Pick<DiscoveredValue, 'id' | 'name' | 'unit'> => ({ id: id.slice(id.indexOf('.') + 1), name, ...(unit === undefined || unit === '1' ? {} : { unit }) })
