import type { EpochMs, Facility, GatewayEvent } from '../../gateway/contract/index.ts'
import type { DoorConfig } from '../doors/schema.ts'
import type { KioskConfig } from '../kiosks/schema.ts'
import type { Named, ShiftFigures } from './shift-figures.ts'

const maxHighlights = 60
const maxResults = 20
const maxOffline = 60

/** Results of a door that the next one should know of. */
const notable = new Set(['forced', 'held-open', 'held', 'unlocked-too-long', 'tamper', 'denied'])

/** How often, and what was out of the ordinary. */
export class DoorsOfShift {
  readonly #doors: ReadonlyMap<string, { readonly door: Named; readonly counts: Map<string, number> }>
  readonly #highlights: ShiftFigures['doors']['highlights'][number][] = []
  #more = 0
  constructor(doors: readonly Pick<DoorConfig, 'id' | 'name'>[]) { this.#doors = new Map(doors.map(({ id, name }) => [id, { door: { id, name }, counts: new Map() }])) }

  add({ type, at, mode, data: { door: id, result } }: GatewayEvent): void {
    const known = type === 'access' && typeof id === 'string' ? this.#doors.get(id) : undefined
    if (!known || mode !== undefined || typeof result !== 'string') return
    if (known.counts.has(result) || known.counts.size < maxResults) known.counts.set(result, (known.counts.get(result) ?? 0) + 1)
    if (!notable.has(result)) return
    if (this.#highlights.length < maxHighlights) this.#highlights.push({ at, door: known.door, result })
    else this.#more++
  }

  figures(): ShiftFigures['doors'] {
    return { list: [...this.#doors.values()].map(({ door, counts }) => ({ door, opened: counts.get('opened') ?? 0, denied: counts.get('denied') ?? 0, counts: Object.fromEntries(counts) })), highlights: this.#highlights, more: this.#more }
  }
}

/** How long each could not be used: from what it says at each change of how long it had been so before. */
export class TerminalsOfShift {
  readonly #kiosks: ReadonlyMap<string, { readonly terminal: Named; sessions: number; down: number; limited: number; state: string | null; since: EpochMs }>
  readonly #from: EpochMs
  readonly #to: EpochMs
  constructor(kiosks: readonly Pick<KioskConfig, 'id' | 'name'>[], from: EpochMs, to: EpochMs) {
    this.#from = from
    this.#to = to
    this.#kiosks = new Map(kiosks.map(({ id, name }) => [id, { terminal: { id, name }, sessions: 0, down: 0, limited: 0, state: null, since: from }]))
  }

  add({ type, at, mode, data: { kiosk: id, action, state, was, wasS } }: GatewayEvent): void {
    if (type === 'gateway') { if (action === 'started') for (const id of this.#kiosks.keys()) this.#turn(id, null, at); return }
    if (type !== 'kiosk' || typeof id !== 'string') return
    const known = this.#kiosks.get(id)
    if (!known) return
    if (action === undefined) { if (at >= this.#from && mode === undefined) known.sessions++; return }
    if (action !== 'state' || typeof state !== 'string') return
    if (known.state === null && typeof was === 'string' && typeof wasS === 'number') { known.state = was; known.since = at - wasS * 1_000 }
    this.#turn(id, state, at)
  }

  figures(): ShiftFigures['terminals'] {
    for (const [id, { state }] of this.#kiosks) this.#turn(id, state, this.#to)
    return [...this.#kiosks.values()].map(({ terminal, sessions, down, limited, state }) => ({ terminal, sessions, downS: Math.round(down / 1_000), limitedS: Math.round(limited / 1_000), state }))
  }

  #turn(id: string, state: string | null, at: EpochMs): void {
    const known = this.#kiosks.get(id)!
    const ms = Math.max(0, Math.min(at, this.#to) - Math.max(known.since, this.#from))
    if (known.state === 'down') known.down += ms
    if (known.state === 'degraded') known.limited += ms
    known.state = state
    known.since = at
  }
}

/** Devices that were away within the shift. */
export class OfflineOfShift {
  readonly #devices: Facility['devices']
  readonly #from: EpochMs
  readonly #away = new Map<string, { readonly from: EpochMs; readonly reason: string | null }>()
  readonly #list: ShiftFigures['offline']['list'][number][] = []
  #more = 0
  constructor({ devices }: Pick<Facility, 'devices'>, from: EpochMs) { this.#devices = devices; this.#from = from }

  add({ type, at, subject, mode, data: { state, action, reason } }: GatewayEvent): void {
    // A new life tells anew what is away.
    if (type === 'gateway' && action === 'started') { for (const id of this.#away.keys()) this.#end(id, at); return }
    if (type !== 'device' || subject === undefined || !this.#devices.has(subject)) return
    if (state !== 'offline' || mode !== undefined) this.#end(subject, at)
    else if (!this.#away.has(subject)) this.#away.set(subject, { from: at, reason: typeof reason === 'string' ? reason : null })
  }

  figures(): ShiftFigures['offline'] {
    for (const id of this.#away.keys()) this.#end(id, null)
    return { list: this.#list.toSorted((a, b) => a.from - b.from), more: this.#more }
  }

  #end(id: string, to: EpochMs | null): void {
    const away = this.#away.get(id)
    this.#away.delete(id)
    if (!away || (to !== null && to <= this.#from)) return
    if (this.#list.length >= maxOffline) { this.#more++; return }
    this.#list.push({ device: { id, name: this.#devices.get(id)!.name }, from: away.from, to, reason: away.reason })
  }
}
