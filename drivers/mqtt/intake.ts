import type { Clock, DeviceStatus, Intake, PointId, Sample } from '../../gateway/contract/index.ts'
import { BoundedQueue, type Logger } from '../../gateway/kit/index.ts'
import { compileMapping, type Mapped, type Mapping } from './mapping.ts'
import { Presence, type Change } from './presence.ts'
import type { MqttDeviceConfig } from './settings.ts'

export interface IntakeCounters { publishes: number; malformed: number; unmapped: number; withheld: number; retained: number }
export interface DeviceCounters {
  publishes: number; malformed: number
  /** QoS 1 and 2 publishes made to wait, QoS 0 ones dropped, because the device sends too fast. */
  throttled: number; dropped: number
  denied: number
  /** Times that were not believed; values of another type than their point's. */
  lateStamps: number; mismatched: number
}

/** Where publishes wait for the pipeline, which takes them without waiting for the disk. */
const maxQueued = 10_000
const offerAgainMs = 1_000

export interface Offer {
  readonly topic: string
  readonly payload: Buffer
  /** A peer waits for the fsync. */
  readonly durable: boolean
  readonly redelivered: boolean
  /** A broker replays what it kept: a current value, never something that happens. */
  readonly retained?: boolean
  /** The broker speaks in the place of a client that is gone. */
  readonly will?: boolean
  /** The account's device, where that is known. */
  readonly sender?: string
  /** False when the peer is gone: then nobody waits and it will send again. */
  wanted(): boolean
  /** The peer may be told that it is stored, or that there was nothing to store. */
  stored(): void
}

export interface IntakeParts { readonly devices: readonly MqttDeviceConfig[]; readonly clock: Clock; readonly log: Logger; hashIdentity(value: string): string }

/** Publishes of broker and client mode on their way into the house. Withholds the acknowledgement while the store refuses (law 9). */
export class MqttIntake {
  readonly counters: IntakeCounters = { publishes: 0, malformed: 0, unmapped: 0, withheld: 0, retained: 0 }
  readonly devices: ReadonlyMap<string, DeviceCounters>
  /** Why the last payload of a device could not be read. */
  readonly whyMalformed = new Map<string, string>()
  readonly queue = new BoundedQueue<Intake>(maxQueued)
  readonly presence: Presence
  readonly #map: Mapping
  readonly #parts: IntakeParts
  /** By point, so bounded by the site file. */
  readonly #last = new Map<PointId, Sample>()
  readonly #retries = new Set<() => void>()
  #ended = false
  readonly #watchers = new Map<PointId, Set<(sample: Sample) => void>>()

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#map = compileMapping(parts.devices, parts.hashIdentity)
    this.devices = new Map(parts.devices.map(({ id }) => [id, { publishes: 0, malformed: 0, throttled: 0, dropped: 0, denied: 0, lateStamps: 0, mismatched: 0 }]))
    this.presence = new Presence(parts.devices, parts.clock, this.#last, (change) => this.report(change))
  }

  /** The first word of a session: nothing is known yet. */
  begin(statuses: readonly DeviceStatus[]): void {
    const at = this.#parts.clock.now()
    const samples = this.#parts.devices.flatMap(({ points }) => points.map(({ id }) => ({ pointId: id, raw: null, at, quality: 'bad' as const, reason: 'MQTT_NO_MESSAGE_YET' })))
    this.presence.begin(statuses)
    this.queue.push({ samples, devices: statuses })
  }

  /** For a session's `intake`. */
  async *run(signal: AbortSignal): AsyncGenerator<Intake, void, void> {
    const aborted = (): void => this.queue.close()
    signal.addEventListener('abort', aborted, { once: true })
    try { yield* this.queue } finally { signal.removeEventListener('abort', aborted) }
  }

  report(change: Change | null): void {
    if (!change) return
    this.#note(change.samples)
    this.queue.push(change)
  }

  offer(offer: Offer): void {
    this.counters.publishes++
    const mapped = this.#map(offer.topic, offer.payload, this.#parts.clock.now())
    this.#count(offer, mapped)
    if (!mapped || mapped.malformed !== undefined) return offer.stored()
    const intake = this.#intakeOf(mapped, offer)
    if (intake.samples.length === 0 && !intake.occurrences?.length && !intake.devices?.length) return offer.stored()
    if (!offer.retained) this.#note(intake.samples)
    else for (const sample of intake.samples) this.#last.set(sample.pointId, sample)
    this.#push(intake, offer)
  }

  last(pointId: PointId): Sample | undefined { return this.#last.get(pointId) }

  /** Live samples of a point from now on, until the returned function is called. */
  watch(pointId: PointId, listener: (sample: Sample) => void): () => void {
    let listeners = this.#watchers.get(pointId)
    if (!listeners) this.#watchers.set(pointId, listeners = new Set())
    listeners.add(listener)
    return () => { listeners.delete(listener) }
  }

  /** What waits for another try is let go: its peer was told nothing. */
  end(): void {
    this.#ended = true
    this.presence.end()
    this.queue.close()
    for (const cancel of this.#retries) cancel()
  }

  #note(samples: readonly Sample[]): void {
    for (const sample of samples) {
      this.#last.set(sample.pointId, sample)
      const listeners = this.#watchers.get(sample.pointId)
      if (listeners) for (const listener of listeners) listener(sample)
    }
  }

  #count({ sender, topic }: Offer, mapped: Mapped | null): void {
    for (const id of mapped?.devices ?? []) this.devices.get(id)!.publishes++
    // A bridge sends for its devices.
    if (sender !== undefined && !mapped?.devices.includes(sender)) this.devices.get(sender)!.publishes++
    if (!mapped) { this.counters.unmapped++; return }
    for (const id of mapped.devices) {
      const counters = this.devices.get(id)!
      counters.lateStamps += mapped.replacedStamps
      counters.mismatched += mapped.mismatched
    }
    if (mapped.malformed !== undefined) this.#malformed(mapped.devices, topic, mapped.malformed)
  }

  /** A payload that is dropped for its length; not amiss on a topic that nobody reads (a bridge lists all its devices). */
  tooLong(topic: string, bytes: number, maxBytes: number): void {
    const mapped = this.#map(topic, Buffer.alloc(0), this.#parts.clock.now())
    if (mapped) this.#malformed(mapped.devices, topic, `${bytes} bytes, more than maxPayloadBytes (${maxBytes})`)
    else this.counters.unmapped++
  }

  #malformed(devices: readonly string[], topic: string, why: string): void {
    const count = ++this.counters.malformed
    for (const id of devices) { this.devices.get(id)!.malformed++; this.whyMalformed.set(id, `${topic}: ${why}`) }
    if (count % 100 === 1) this.#parts.log.warn({ code: 'MQTT_MALFORMED', topic, devices, malformed: count }, `a payload on ${topic} cannot be read: ${why}; it is counted and dropped. Compare it with the device's profile`)
  }

  #intakeOf({ devices, samples, occurrences, availability }: Mapped, { retained = false, will = false, redelivered }: Offer): Intake {
    if (retained && occurrences.length > 0) this.counters.retained++
    const said = availability.map(({ deviceId, online }) => this.presence.said(deviceId, online, will))
    const heard = retained || will ? [] : devices.filter((id) => !availability.some(({ deviceId }) => deviceId === id)).map((id) => this.presence.heard(id))
    const changes = [...said, ...heard].filter((change) => change !== null)
    // What it says in its last words stands; what it said before goes bad.
    const gone = changes.flatMap((change) => change.samples).filter(({ pointId }) => !samples.some((sample) => sample.pointId === pointId))
    return {
      samples: gone.length === 0 ? samples : [...samples, ...gone],
      occurrences: retained ? [] : occurrences,
      ...(changes.length === 0 ? {} : { devices: changes.flatMap((change) => change.devices) }),
      ...(redelivered ? { redelivered: true } : {}),
    }
  }

  #push(intake: Intake, offer: Offer): void {
    if (!offer.durable) {
      if (!this.queue.push(intake)) this.counters.withheld++
      return offer.stored()
    }
    const settled = (outcome: 'stored' | 'refused'): void => { if (outcome === 'stored') offer.stored(); else this.#later(intake, offer) }
    if (!this.queue.push({ ...intake, settled })) this.#later(intake, offer)
  }

  #later(intake: Intake, offer: Offer): void {
    if (this.#ended) return
    this.counters.withheld++
    const cancel = this.#parts.clock.after(offerAgainMs, () => { this.#retries.delete(cancel); if (offer.wanted()) this.#push(intake, offer) })
    this.#retries.add(cancel)
  }
}
