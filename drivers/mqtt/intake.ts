import type { Clock, DeviceStatus, Intake } from '../../gateway/contract/index.ts'
import { BoundedQueue } from '../../gateway/kit/index.ts'
import type { Mapping } from './mapping.ts'
import type { MqttDeviceConfig } from './schema.ts'

export interface IntakeCounters { publishes: number; malformed: number; unmapped: number; withheld: number }

/** Where publishes wait for the pipeline, which takes them without waiting for the disk. */
const maxQueued = 10_000
const offerAgainMs = 1_000

export interface Offer {
  readonly topic: string
  readonly payload: Buffer
  /** A peer waits for the fsync. */
  readonly durable: boolean
  readonly redelivered: boolean
  /** False when the peer is gone: then nobody waits and it will send again. */
  wanted(): boolean
  /** The peer may be told that it is stored, or that there was nothing to store. */
  stored(): void
}

/** Publishes of broker and client mode on their way into the house. Withholds the acknowledgement while the store refuses (law 9). */
export class MqttIntake {
  readonly counters: IntakeCounters = { publishes: 0, malformed: 0, unmapped: 0, withheld: 0 }
  readonly queue = new BoundedQueue<Intake>(maxQueued)
  readonly #map: Mapping
  readonly #clock: Clock
  readonly #malformed: (topic: string, why: string) => void

  constructor(map: Mapping, clock: Clock, malformed: (topic: string, why: string) => void) {
    this.#map = map
    this.#clock = clock
    this.#malformed = malformed
  }

  /** The first word of a session: nothing is known yet. */
  begin(devices: readonly MqttDeviceConfig[], statuses: readonly DeviceStatus[]): void {
    const at = this.#clock.now()
    const samples = devices.flatMap(({ points }) => points.map(({ id }) => ({ pointId: id, raw: null, at, quality: 'bad' as const, reason: 'MQTT_NO_MESSAGE_YET' })))
    this.queue.push({ samples, devices: statuses })
  }

  report(status: DeviceStatus): void { this.queue.push({ samples: [], devices: [status] }) }

  offer(offer: Offer): void {
    this.counters.publishes++
    const mapped = this.#map(offer.topic, offer.payload, this.#clock.now())
    if (!mapped) {
      this.counters.unmapped++
      offer.stored()
    } else if (mapped.malformed !== undefined) {
      this.counters.malformed++
      this.#malformed(offer.topic, mapped.malformed)
      offer.stored()
    } else if (mapped.samples.length === 0 && mapped.occurrences.length === 0) {
      offer.stored()
    } else {
      this.#push({ samples: mapped.samples, occurrences: mapped.occurrences, ...(offer.redelivered ? { redelivered: true } : {}) }, offer)
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
    this.counters.withheld++
    this.#clock.after(offerAgainMs, () => { if (offer.wanted()) this.#push(intake, offer) })
  }
}
