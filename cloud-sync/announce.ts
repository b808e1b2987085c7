import type { Clock, SiteModel, Snapshot, Stream, TimeQuality } from '../gateway/contract/index.ts'
import type { Logger } from '../gateway/kit/index.ts'
import { publishOverheadBytes } from './drain.ts'
import type { Link } from './link.ts'
import { modelParts, snapshotParts } from './parts.ts'
import type { Topics } from './topics.ts'

export interface AnnouncerParts {
  readonly gateway: string
  readonly uplink: string
  /** What this uplink takes: who listens behind it misses no others. */
  readonly streams: readonly Stream[]
  readonly epoch: string
  readonly version: string
  readonly topics: Topics
  readonly maxMessageBytes: number
  readonly clock: Clock
  readonly log: Logger
  timeQuality(): TimeQuality
  model(): SiteModel
  snapshot(): Snapshot
}

const snapshotEveryMs = 60_000
const json = 'application/json'

/** What an uplink says of the gateway when it connects: retained status and model, and what is true now. */
export class Announcer {
  readonly #parts: AnnouncerParts
  #snapshotAt = -Infinity

  constructor(parts: AnnouncerParts) { this.#parts = parts }

  /** Unanswered ones are not waited for; `answered` is called when the broker has taken or refused the status. */
  announce(link: Link, answered: () => void = () => {}): void {
    const { topics, clock, model, snapshot } = this.#parts
    const maxBytes = Math.min(this.#parts.maxMessageBytes, link.maximumPacketSize - publishOverheadBytes - Buffer.byteLength(topics.snapshot))
    link.publish(topics.status, Buffer.from(this.status('online')), { retain: true, contentType: json }, answered)
    for (const { suffix, text } of modelParts(model(), maxBytes)) this.#send(link, `${topics.model}${suffix}`, text, true)
    if (clock.monotonic() - this.#snapshotAt < snapshotEveryMs) return
    this.#snapshotAt = clock.monotonic()
    for (const text of snapshotParts(snapshot(), maxBytes)) this.#send(link, topics.snapshot, text, false)
  }

  status(state: 'online' | 'offline'): string {
    const { gateway, uplink, streams, epoch, version, clock, timeQuality } = this.#parts
    return JSON.stringify({ gateway, uplink, streams, state, epoch, version, timeQuality: timeQuality(), at: clock.now() })
  }

  /** A broker closes the connection on a packet that it finds too large. */
  #send(link: Link, topic: string, text: string, retain: boolean): void {
    const payload = Buffer.from(text)
    const bytes = payload.length + Buffer.byteLength(topic) + publishOverheadBytes
    if (bytes > link.maximumPacketSize) this.#parts.log.error({ code: 'UPLINK_TOO_LARGE', topic, bytes }, `${topic} is larger than the broker takes (${bytes} bytes, at most ${link.maximumPacketSize}) and is left out`)
    else link.publish(topic, payload, { retain, contentType: json })
  }
}
