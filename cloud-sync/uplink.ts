import type { Clock, JournalReader, Random, SiteModel, Snapshot, TimeQuality, Uplink, UplinkStatus } from '../gateway/contract/index.ts'
import { backoffMs, codeOf, defaultBackoff, describe, UplinkError, type Logger } from '../gateway/kit/index.ts'
import { Drain, type DrainCounters } from './drain.ts'
import { Link, type Protocol } from './link.ts'
import { modelParts, snapshotParts } from './parts.ts'
import type { UplinkConfig } from './schema.ts'
import { topicsOf, type Topics } from './topics.ts'

export interface UplinkOptions {
  readonly config: UplinkConfig
  readonly gateway: string
  readonly region: string
  readonly reader: JournalReader
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly version: string
  readonly epoch: string
  readonly maxMessageBytes: number
  onCommit(listener: () => void): () => void
  timeQuality(): TimeQuality
  model(): SiteModel
  snapshot(): Snapshot
}

/** A connection that held this long was a good one: the next loss begins the back-off anew. */
const steadyMs = 30_000
const snapshotEveryMs = 60_000
const partingMs = 1_000
/** Another gateway with our client id: two that retry at once would kick each other for ever. */
const takenOverAttempt = 6

/** Drains one reader to one broker for as long as it runs. Creating it opens nothing. */
export function createUplink(options: UplinkOptions): Uplink { return new MqttUplink(options) }

class MqttUplink implements Uplink {
  readonly id: string
  readonly #options: UplinkOptions
  readonly #topics: Topics
  readonly #counters: DrainCounters = { sent: 0, acked: 0, rejected: 0, resent: 0 }
  #state: UplinkStatus['state'] = 'connecting'
  #since: number
  #protocol: Protocol
  #connected: Protocol | null = null
  #attempts = 0
  #connections = 0
  /** Connections in a row that the peer closed before they were steady: not every broker says that it was a takeover. */
  #shortLives = 0
  #error: UplinkError | null = null
  #drain: Drain | null = null
  #snapshotAt = -Infinity

  constructor(options: UplinkOptions) {
    const { config, region, gateway, clock } = options
    this.id = config.id
    this.#options = options
    this.#topics = topicsOf(config.prefix, region, gateway)
    this.#protocol = config.protocol === '5' ? 5 : 4
    this.#since = clock.now()
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    while (!signal.aborted) {
      const began = clock.monotonic()
      this.#become('connecting')
      const error = await this.#connection(signal)
      if (signal.aborted) break
      const steady = clock.monotonic() - began > steadyMs
      if (steady) this.#attempts = 0
      this.#shortLives = error.code === 'UPLINK_CLOSED' && !steady ? this.#shortLives + 1 : 0
      this.#note(this.#shortLives < 2 ? error : new UplinkError('UPLINK_TAKEN_OVER', `uplink ${this.id}: the broker closes each connection soon after it opened; most likely another client uses the same client id. Give each gateway its own site.id or clientId`, { cause: error, retriable: true }))
      if (error.code === 'UPLINK_PROTOCOL') { this.#protocol = 4; continue }
      if (this.#error?.code === 'UPLINK_TAKEN_OVER') this.#attempts = Math.max(this.#attempts, takenOverAttempt)
      this.#become('backing-off')
      await clock.sleep(backoffMs(defaultBackoff, this.#attempts++, random), signal).catch(() => {})
    }
    this.#become('stopped')
  }

  status(): UplinkStatus {
    return {
      id: this.id, state: this.#state, protocol: this.#connected, since: this.#since, ...this.#counters, reconnects: Math.max(0, this.#connections - 1),
      inFlight: this.#drain?.inFlight ?? 0, ...(this.#error ? { lastError: this.#error.code, lastErrorDetail: this.#error.message } : {}),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** One connection from CONNECT to its end; returns what ended it. */
  async #connection(signal: AbortSignal): Promise<UplinkError> {
    const { config, gateway, clock, onCommit, reader, log } = this.#options
    const lost = Promise.withResolvers<UplinkError>()
    let link: Link
    try {
      const clientId = config.clientId ?? `linli-${gateway}-${config.id}`
      const will = { topic: this.#topics.status, payload: this.#statusText('offline') }
      link = await Link.open({ config, clientId, protocol: this.#protocol, will, clock, onLost: lost.resolve }, signal)
    } catch (error) {
      return error instanceof UplinkError ? error : new UplinkError(codeOf(error), describe(error), { cause: error, retriable: true })
    }
    this.#connected = link.protocol
    this.#connections++
    this.#become('online')
    log.info({ protocol: link.protocol, backlog: reader.backlog() }, 'uplink online')
    this.#announce(link)
    const { window, ackTimeout, encoding } = config
    const drain = this.#drain = new Drain({
      id: this.id, reader, topics: this.#topics, clock, window, ackTimeoutMs: ackTimeout, encoding, failed: lost.resolve,
      refused: (record, reason) => log.error({ code: 'UPLINK_RECORD_REFUSED', stream: record.stream, epoch: record.epoch, seq: record.seq, reason }, 'the city refused a record; it is kept as a dead letter'),
    }, link, this.#counters)
    const stopListening = onCommit(() => drain.wake())
    drain.wake()
    const aborted = (): void => lost.resolve(new UplinkError('UPLINK_STOPPED', 'the gateway is stopping'))
    signal.addEventListener('abort', aborted, { once: true })
    const error = await lost.promise
    signal.removeEventListener('abort', aborted)
    stopListening()
    await this.#part(link, drain, signal.aborted)
    return error
  }

  async #part(link: Link, drain: Drain, graceful: boolean): Promise<void> {
    this.#counters.resent += graceful ? 0 : drain.inFlight
    await drain.stop(graceful ? partingMs : 0)
    this.#connected = null
    this.#drain = null
    if (graceful) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.after(partingMs / 4, resolve)
        link.publish(this.#topics.status, Buffer.from(this.#statusText('offline')), { retain: true }, () => { cancel(); resolve() })
      })
    }
    await Promise.race([link.close(graceful), this.#options.clock.sleep(partingMs / 4)])
  }

  /** Retained status and model, and what is true now; unanswered ones are not waited for. */
  #announce(link: Link): void {
    const { clock, maxMessageBytes, model, snapshot } = this.#options
    const send = (topic: string, text: string, retain: boolean): void => link.publish(topic, Buffer.from(text), { retain }, () => {})
    send(this.#topics.status, this.#statusText('online'), true)
    for (const { suffix, text } of modelParts(model(), maxMessageBytes)) send(`${this.#topics.model}${suffix}`, text, true)
    if (clock.monotonic() - this.#snapshotAt < snapshotEveryMs) return
    this.#snapshotAt = clock.monotonic()
    for (const text of snapshotParts(snapshot(), maxMessageBytes)) send(this.#topics.snapshot, text, false)
  }

  #statusText(state: 'online' | 'offline'): string {
    const { gateway, epoch, version, clock, timeQuality } = this.#options
    return JSON.stringify({ gateway, state, epoch, version, timeQuality: timeQuality(), at: clock.now() })
  }

  #become(state: UplinkStatus['state']): void {
    if (this.#state !== state) this.#since = this.#options.clock.now()
    this.#state = state
  }

  #note(error: UplinkError): void {
    const { log } = this.#options
    if (this.#error?.code !== error.code) log.warn({ code: error.code }, error.message)
    else log.debug({ code: error.code }, error.message)
    this.#error = error
  }
}
