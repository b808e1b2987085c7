import type { MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import type { DiscoveredDevice } from '../../console/discovery.ts'
import type { Clock, Refused } from '../../contract/index.ts'
import { ConfigError, DriverError } from '../../kit/index.ts'
import { slugOf, type Draft } from './draft.ts'
import type { Bus } from './mqtt-bus.ts'
import { Hearing, type HeardDevice } from './mqtt-hearing.ts'
import type { MqttProfile } from './mqtt-library.ts'
import type { Search, Thing } from './thing.ts'

const tickMs = 250
/** Whoever opens a door or presses a button for the read test needs a while. */
const readMs = 20_000

export interface ListenParts { readonly bus: Bus; readonly profiles: readonly MqttProfile[]; readonly forMs: number; readonly clock: Clock }

/** Listens for so long; publishes nothing. Throws DriverError. */
export async function listenFor(search: Search, { bus, profiles, forMs, clock }: ListenParts): Promise<void> {
  const hearing = new Hearing(profiles, bus.devices, clock)
  const gone = Promise.withResolvers<never>()
  gone.promise.catch(() => {})
  const began = clock.monotonic()
  search.refresh = () => {
    const share = Math.min(1, (clock.monotonic() - began) / forMs)
    if (!search.signal.aborted && search.share < 1) Object.assign(search, { share, leftMs: forMs * (1 - share), at: `${hearing.counts.size} topics` })
    for (const each of hearing.devices()) search.add(each.key, new MqttThing(each, { bus, hearing, clock }))
    for (const each of bus.refused()) search.add(`refused ${each.username}`, new StrangerThing(each, bus.where))
  }
  const stop = await bus.listen((said) => hearing.hear(said), gone.reject)
  try {
    while (!search.signal.aborted && clock.monotonic() - began < forMs) await Promise.race([clock.sleep(tickMs, search.signal).catch(() => {}), gone.promise])
  } finally {
    await stop()
    search.refresh()
  }
}

interface MqttParts { readonly bus: Bus; readonly hearing: Hearing; readonly clock: Clock }

class MqttThing implements Thing {
  readonly #device: HeardDevice
  readonly #parts: MqttParts
  constructor(device: HeardDevice, parts: MqttParts) { this.#device = device; this.#parts = parts }

  view(): Omit<DiscoveredDevice, 'id'> {
    const { suggestion, profile, announced, known, sender } = this.#device
    const heard = this.#parts.hearing.values(this.#device)
    return {
      kind: 'mqtt', where: this.#parts.bus.where, setting: null, unitId: null, duplicate: false, answers: [],
      says: { ...(announced ? { announced: announced.kind, name: announced.name, maker: announced.maker, model: announced.model } : {}), ...suggestion?.variables, ...(sender ? { account: sender } : {}) },
      model: suggestion && profile ? { profile: profile.name, name: profile.label, score: Math.round(suggestion.seen / suggestion.total * 100), why: [`${suggestion.seen} of ${suggestion.total} points heard`] } : null,
      like: null, values: heard?.values ?? null, finding: null, known, offers: [], certificate: null, nodes: null,
    }
  }

  /** Whatever is said live counts, also if it was said during the search. */
  async read(): Promise<void> {
    const { bus, hearing, clock } = this.#parts
    if (!this.#device.suggestion) throw new ConfigError('SCAN_TARGET', 'only a device that a profile reads has points')
    if (hearing.values(this.#device)?.live) return
    const gone = Promise.withResolvers<never>()
    gone.promise.catch(() => {})
    const stop = await bus.listen((said) => hearing.hear(said), gone.reject)
    try {
      for (const until = clock.monotonic() + readMs; clock.monotonic() < until;) {
        await Promise.race([clock.sleep(tickMs, new AbortController().signal), gone.promise])
        if (hearing.values(this.#device)?.live) return
      }
    } finally { await stop() }
    throw new DriverError('SCAN_SILENT', `${nameOf(this.#device)} said nothing within ${readMs / 1_000} s; make it speak (open it, press it, switch it on and off) while it is read`)
  }

  unread(): string | null {
    const { suggestion, known } = this.#device
    return !suggestion || known !== null || this.#parts.hearing.values(this.#device)?.live ? null : `${nameOf(this.#device)} said nothing live yet; read it before it is saved`
  }

  add(draft: Draft, key: string): void {
    const { suggestion, profile, known, sender, announced } = this.#device
    const { bus } = this.#parts
    const refuse = (why: string): void => { draft.left.push({ key, unitId: -1, where: bus.where, why }) }
    if (!suggestion || !profile) return refuse(`${nameOf(this.#device)}: no profile of the library reads it`)
    if (known !== null) return refuse(`is device ${known} of the site file already`)
    // Whose account brings its messages is the only way in, on the gateway's own broker.
    if (bus.url === null && sender === null) return refuse(`${nameOf(this.#device)}: it is not known with whose account it speaks; search again`)
    const wanted = suggestion.variables.device ?? suggestion.variables.name ?? Object.values(suggestion.variables)[0] ?? profile.name
    const id = draft.freshId(wanted)
    const variables = Object.fromEntries(Object.entries(suggestion.variables).filter(([, value]) => value !== id))
    const name = announced?.name || wanted
    draft.devices.push({
      id, name: { zh: `${profile.label.zh} ${name}`, en: `${profile.label.en} ${name}` }, connection: bus.connection ?? draft.connection(bus.url!, () => ({ id: draft.freshId(`mqtt-${new URL(bus.url!).hostname}`), driver: 'mqtt', mode: 'client', url: bus.url! })),
      profile: profile.name, ...(bus.url === null ? { via: accountOf(sender!, bus.devices) } : {}), ...(Object.keys(variables).length > 0 ? { variables } : {}),
    })
  }
}

/** A device behind a device behind a bridge logs in with the bridge's account. */
const accountOf = (sender: string, devices: readonly MqttDeviceConfig[]): string => devices.find(({ id }) => id === sender)?.settings.via ?? sender

const nameOf = ({ suggestion, announced, key }: HeardDevice): string => announced?.name || Object.values(suggestion?.variables ?? {}).join('/') || slugOf(key)

/** It knocked and was not let in: nothing of it could be heard. */
class StrangerThing implements Thing {
  readonly #refused: Refused
  readonly #where: string
  constructor(refused: Refused, where: string) { this.#refused = refused; this.#where = where }
  view(): Omit<DiscoveredDevice, 'id'> {
    const { username, address, count, known } = this.#refused
    return { kind: 'refused', where: this.#where, setting: null, unitId: null, duplicate: false, answers: [], says: { username, address, tries: String(count) }, model: null, like: null, values: null, finding: null, known: known ? username : null, offers: [], certificate: null, nodes: null }
  }
  async read(): Promise<void> { throw new ConfigError('SCAN_TARGET', 'nothing is known of a device that may not log in') }
  unread(): null { return null }
  add(draft: Draft, key: string): void { draft.left.push({ key, unitId: -1, where: this.#where, why: `${this.#refused.username}: ${this.#refused.known ? 'its password is not the site file\'s' : 'it has no account; add a device with this username, its profile and a password to the site file'}` }) }
}
