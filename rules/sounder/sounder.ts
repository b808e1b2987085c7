import type { Alert, AlertDesk, Clock, EpochMs, PointId, PointWriter, Severity } from '../../gateway/contract/index.ts'
import { codeOf, describe, type Logger } from '../../gateway/kit/index.ts'
import { Relay } from './relay.ts'
import type { SounderConfig } from './schema.ts'

export interface SounderParts {
  readonly clock: Clock
  readonly writer: PointWriter
  readonly desk: Pick<AlertDesk, 'open' | 'onChange'>
  readonly log: Logger
}

export interface SounderState { readonly id: string; readonly sounding: Severity | null; readonly silencedUntil: EpochMs | null; readonly on: boolean; readonly failed: string | null }

export interface Sounders extends AsyncDisposable {
  /** Quiet until the next new alert, or for each sounder's `silence`; it acknowledges nothing. Ids of the alerts that sounded. */
  silence(): readonly string[]
  state(): readonly SounderState[]
}

/** Every sounder of the site: from the desk straight to the relays, ahead of journal, uplink and console. */
export function createSounders(configs: readonly SounderConfig[], parts: SounderParts): Sounders {
  const sounders = configs.map((config) => new Sounder(config, parts))
  return {
    silence: () => [...new Set(sounders.flatMap((sounder) => sounder.silence()))],
    state: () => sounders.map((sounder) => sounder.state()),
    async [Symbol.asyncDispose]() { await Promise.all(sounders.map((sounder) => sounder.stop())) },
  }
}

/** It waits for somebody, and nobody has said that it may be quiet. A test sounds too. */
export const isLoud = ({ state, shelved, suppressedBy, mode }: Alert): boolean => state === 'raised' && shelved === undefined && suppressedBy === undefined && (mode === undefined || mode === 'test')

/** One sounder: the gravest loud alert gives the pattern. */
class Sounder {
  readonly #config: SounderConfig
  readonly #parts: SounderParts
  readonly #relays: readonly Relay[]
  readonly #unsubscribe: () => void
  /** What is loud here, by id; `asked` tells a new call from an old one. */
  #loud = new Map<string, { readonly severity: Severity; readonly asked: string; readonly since: number }>()
  #silenced: { readonly until: number; readonly wallUntil: EpochMs } | null = null
  #cancel: () => void = () => {}
  #stopped = false

  constructor(config: SounderConfig, parts: SounderParts) {
    this.#config = config
    this.#parts = parts
    this.#relays = config.points.map((point) => new Relay(point, { ...parts, failed: (id, error) => this.#failed(id, error) }))
    for (const alert of parts.desk.open()) this.#hear(alert)
    this.#unsubscribe = parts.desk.onChange((alert) => { if (this.#hear(alert)) this.#play() })
    this.#play()
  }

  silence(): readonly string[] {
    const { clock } = this.#parts
    if (this.#loud.size > 0) this.#silenced = { until: clock.monotonic() + this.#config.silence, wallUntil: clock.now() + this.#config.silence }
    const ids = [...this.#loud.keys()]
    this.#play()
    return ids
  }

  state(): SounderState {
    return { id: this.#config.id, sounding: this.#gravest()?.severity ?? null, silencedUntil: this.#silenced?.wallUntil ?? null, on: this.#relays.some((relay) => relay.on), failed: this.#relays.find((relay) => relay.failure)?.failure ?? null }
  }

  /** Off, whatever happens; waits for it as long as a write may take. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#unsubscribe()
    this.#cancel()
    await Promise.all(this.#relays.map((relay) => relay.stop()))
  }

  /** True when it makes a difference. */
  #hear(alert: Alert): boolean {
    const { id, severity, lastRaisedAt, place, escalation, due, reopened } = alert
    const before = this.#loud.get(id)
    const loud = isLoud(alert) && this.#config.patterns[severity] !== undefined && (this.#config.places === undefined || (place !== undefined && this.#config.places.includes(place)))
    if (!loud) return this.#loud.delete(id)
    // A chattering alert is no new one each time; what is raised or asked for again, or escalated, is.
    const asked = alert.chattering && before ? before.asked : [lastRaisedAt, due.resolve, escalation, reopened].join()
    if (before && before.asked === asked && before.severity === severity) return false
    this.#loud.set(id, { severity, asked, since: this.#parts.clock.monotonic() })
    this.#silenced = null
    return true
  }

  #gravest() {
    const now = this.#parts.clock.monotonic()
    let best: { readonly severity: Severity; readonly since: number } | undefined
    for (const one of this.#loud.values()) {
      const length = this.#config.patterns[one.severity]!.for
      if (length !== undefined && now - one.since >= length) continue
      if (!best || one.severity < best.severity || (one.severity === best.severity && one.since > best.since)) best = one
    }
    return best
  }

  /** Decides what the relays are now, and when to look again. */
  #play(): void {
    if (this.#stopped) return
    const { clock } = this.#parts
    this.#cancel()
    this.#cancel = () => {}
    const now = clock.monotonic()
    if (this.#silenced && now >= this.#silenced.until) this.#silenced = null
    const gravest = this.#gravest()
    const { on, wait } = gravest === undefined ? quiet : this.#silenced ? { on: false, wait: this.#silenced.until - now } : this.#beat(gravest, now)
    for (const relay of this.#relays) relay.want(on, gravest !== undefined && !this.#silenced)
    if (wait < Infinity) this.#cancel = clock.after(Math.max(1, wait), () => this.#play())
  }

  #beat({ severity, since }: { readonly severity: Severity; readonly since: number }, now: number): { readonly on: boolean; readonly wait: number } {
    const { on, off, for: length = Infinity } = this.#config.patterns[severity]!
    const left = since + length - now
    if (off === 0) return { on: true, wait: left }
    const place = (now - since) % (on + off)
    return { on: place < on, wait: Math.min(left, place < on ? on - place : on + off - place) }
  }

  #failed(point: PointId, error: unknown): void {
    this.#parts.log.error({ sounder: this.#config.id, point, code: codeOf(error) }, `sounder ${this.#config.id}: ${point} could not be switched: ${describe(error)}; tried again`)
  }
}

const quiet = { on: false, wait: Infinity } as const
