import { parsePayload, pathOf, readAt } from './payload.ts'
import type { MqttAddress } from './settings.ts'

/** What a profile says of its points; the name is the profile's. */
export interface KnownProfile { readonly name: string; readonly points: readonly { readonly id: string; readonly address: MqttAddress }[] }

export interface Suggestion {
  readonly profile: string
  /** The site file's `variables`; `device` is the id that the topics already carry. */
  readonly variables: Readonly<Record<string, string>>
  /** Points of the profile that were seen, of all it has. */
  readonly seen: number
  readonly total: number
}

interface Sighting { readonly profile: KnownProfile; readonly variables: Readonly<Record<string, string>>; readonly seen: Set<string> }

const maxSightings = 2_000
/** Fewer of a profile's points than this share prove nothing. */
const leastShare = 0.4

/** Listens to what a broker carries and tells which profiles of the library would read it. */
export class Recogniser {
  readonly #profiles: readonly KnownProfile[]
  readonly #sightings = new Map<string, Sighting>()

  constructor(profiles: readonly KnownProfile[]) { this.#profiles = profiles }

  hear(topic: string, payload: Uint8Array): void {
    const parsed = parsePayload(payload, false)
    if ('malformed' in parsed) return
    const levels = topic.split('/')
    for (const profile of this.#profiles) {
      for (const { id, address } of profile.points) {
        for (const place of [address, ...address.also]) {
          const variables = fit(place.topic, levels)
          const base = place === address && address.each !== undefined ? [...pathOf(address.each), '0'] : []
          const found = variables && readAt(parsed.document, [...base, ...pathOf(place.pointer)])
          if (variables && found !== undefined && (!address.map || Object.hasOwn(address.map, String(found)))) this.#note(profile, variables, id)
        }
      }
    }
  }

  /** One for each device, the best: the largest share of a profile's points, then the richer profile. */
  suggestions(): readonly Suggestion[] {
    const best = new Map<string, Sighting>()
    for (const sighting of this.#sightings.values()) {
      if (share(sighting) < leastShare) continue
      const device = Object.values(sighting.variables).join('/')
      const other = best.get(device)
      if (!other || share(sighting) > share(other) || (share(sighting) === share(other) && sighting.seen.size > other.seen.size)) best.set(device, sighting)
    }
    return [...best.values()].map(({ profile, variables, seen }) => ({ profile: profile.name, variables, seen: seen.size, total: profile.points.length }))
  }

  #note(profile: KnownProfile, variables: Readonly<Record<string, string>>, pointId: string): void {
    const key = `${profile.name} ${JSON.stringify(variables)}`
    let sighting = this.#sightings.get(key)
    if (!sighting) {
      if (this.#sightings.size >= maxSightings) return
      this.#sightings.set(key, sighting = { profile, variables, seen: new Set() })
    }
    sighting.seen.add(pointId)
  }
}

const share = ({ profile, seen }: Sighting): number => seen.size / profile.points.length

/** The variables with which the profile's topic is this one; at least one level must be the profile's own word. */
function fit(text: string, topic: readonly string[]): Readonly<Record<string, string>> | null {
  const levels = text.split('/')
  if (levels.length !== topic.length) return null
  const variables: Record<string, string> = {}
  let words = 0
  for (const [index, level] of levels.entries()) {
    const name = /^\{\+?([a-zA-Z][a-zA-Z0-9]*)\}$/.exec(level)?.[1]
    const heard = topic[index]!
    if (name === undefined) { if (level !== heard) return null; words++ } else if (level.startsWith('{+')) continue
    else if ((variables[name] ??= heard) !== heard) return null
  }
  return words > 0 ? variables : null
}
