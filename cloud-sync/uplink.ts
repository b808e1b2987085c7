import type { Clock, GatewayConditions, JournalReader, Position, Random, SiteModel, Snapshot, Stream, TimeQuality, Uplink, UplinkStatus } from '../gateway/contract/index.ts'
import { backoffMs, codeOf, defaultBackoff, describe, UplinkError, type Logger } from '../gateway/kit/index.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { Announcer } from './announce.ts'
import { Confirmations } from './confirmations.ts'
import { Drain, type DrainCounters } from './drain.ts'
import { formatOf } from './format.ts'
import { Identity } from './identity.ts'
import { Link, type CityLink, type Protocol } from './link.ts'
import { ProtocolChoice } from './protocol-choice.ts'
import type { UplinkConfig } from './schema.ts'
import { Suspects } from './suspects.ts'
import { topicsOf, type Topics } from './topics.ts'
import { UplinkConditions } from './uplink-conditions.ts'

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
  /** Where the people in the building are told what is wrong with the road. */
  readonly conditions?: GatewayConditions | undefined
  onCommit(listener: () => void): () => void
  timeQuality(): TimeQuality
  model(): SiteModel
  snapshot(): Snapshot
  /** Called for each connection before a message can come in; what it returns is disposed when the connection ends. */
  attached?(link: CityLink): Disposable | void
}

/** A connection that held this long was a good one: the next loss begins the back-off anew. */
const steadyMs = 30_000
const partingMs = 1_000
/** One that was of use, however short: 2 s at most until the next. */
const progressAttempt = 2
/** Another gateway with our client id: two that retry at once would kick each other for ever. */
const takenOverAttempt = 6
/** So many connections in a row that were closed soon and without a word look like it. */
const shortLivesOfTwins = 3
/** Reasons of a DISCONNECT that no record is to blame for: busy, shutting down, keep alive, administrative, another server, rate, connect time. */
const innocent = new Set([0x89, 0x8b, 0x8d, 0x98, 0x9c, 0x9d, 0x9f, 0xa0])
const confirmEveryMs = 5_000
/** What may be the broker's death is sent this long after the broker has answered something harmless. */
const quietMs = 1_000

type Ending = 'lost' | 'stopping' | 'renewing'

/** Drains one reader to one broker for as long as it runs. Creating it opens nothing. */
export function createUplink(options: UplinkOptions): Uplink { return new MqttUplink(options) }

class MqttUplink implements Uplink {
  readonly id: string
  readonly #options: UplinkOptions
  readonly #topics: Topics
  readonly #announcer: Announcer
  readonly #conditions: UplinkConditions
  readonly #protocol: ProtocolChoice
  readonly #suspects = new Suspects()
  readonly #identity: Identity
  readonly #confirmations: Confirmations | null
  readonly #acknowledgements: Acknowledgements | null
  readonly #counters: DrainCounters = { sent: 0, acked: 0, rejected: 0, resent: 0 }
  #state: UplinkStatus['state'] = 'connecting'
  #since: number
  #connected: Protocol | null = null
  #attempts = 0
  #connections = 0
  /** Connections in a row that the peer closed before they were steady: not every broker says that it was a takeover. */
  #shortLives = 0
  #error: UplinkError | null = null
  #drain: Drain | null = null
  /** Ends the open connection, so that the next one uses the new files. */
  #renew: (() => void) | null = null

  constructor(options: UplinkOptions) {
    const { config, region, gateway, clock, conditions, log } = options
    this.id = config.id
    this.#options = options
    this.#topics = topicsOf(config.prefix, region, gateway)
    this.#announcer = new Announcer({ ...options, uplink: config.id, streams: options.reader.streams, topics: this.#topics })
    this.#conditions = new UplinkConditions({ id: config.id, clock, conditions, timeQuality: options.timeQuality })
    this.#protocol = new ProtocolChoice(config.protocol, clock)
    this.#identity = new Identity({ ...options, conditions: this.#conditions })
    const confirmations = this.#confirmations = config.confirm ? new Confirmations(clock) : null
    this.#acknowledgements = confirmations && new Acknowledgements({ confirmations, conditions: this.#conditions, log, settle: (stream, records) => this.#settle(stream, records) })
    this.#since = clock.now()
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options
    const watching = this.#identity.watch(() => this.#renew?.(), signal)
    while (!signal.aborted) {
      const began = clock.monotonic()
      const { acked, rejected } = this.#counters
      this.#become('connecting')
      const error = await this.#connection(signal)
      if (signal.aborted) break
      if (this.#counters.acked > acked || this.#counters.rejected > rejected) this.#attempts = Math.min(this.#attempts, progressAttempt)
      this.#judge(error, clock.monotonic() - began > steadyMs)
      if (error.code === 'UPLINK_RENEWED') continue
      this.#conditions.offline(error.code)
      if (error.code === 'UPLINK_PROTOCOL') { if (error.values.doubt !== true) this.#protocol.fallBack(); continue }
      if (error.code === 'UPLINK_NO_CONNACK' && this.#protocol.unanswered()) { log.warn({ code: 'UPLINK_PROTOCOL' }, `uplink ${this.id}: the broker closes MQTT 5 connections without a word and takes 3.1.1, which is used now; it cannot tell a refused publish from an accepted one`); continue }
      this.#become('backing-off')
      await clock.sleep(backoffMs(defaultBackoff, this.#attempts++, random), signal).catch(() => {})
    }
    await watching
    this.#conditions.stop()
    this.#become('stopped')
  }

  status(): UplinkStatus {
    const waiting = this.#confirmations
    const { certificate } = this.#identity
    return {
      id: this.id, state: this.#state, protocol: this.#connected, since: this.#since, ...this.#counters, reconnects: Math.max(0, this.#connections - 1),
      inFlight: this.#drain?.inFlight ?? 0, ...(waiting ? { confirmations: { waiting: waiting.waiting, oldestAt: waiting.oldestAt, ...waiting.counters } } : {}),
      ...(certificate ? { certificate } : {}), ...(this.#error ? { lastError: this.#error.code, lastErrorDetail: this.#error.message } : {}),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** One connection from CONNECT to its end; returns what ended it. */
  async #connection(signal: AbortSignal): Promise<UplinkError> {
    const { clock, onCommit, reader, log } = this.#options
    const lost = Promise.withResolvers<UplinkError>()
    using attached = new DisposableStack()
    let link: Link
    try {
      link = await this.#open(signal, attached, lost.resolve)
    } catch (error) {
      return error instanceof UplinkError ? error : new UplinkError(codeOf(error), describe(error), { cause: error, retriable: true })
    }
    if (this.#protocol.doubts(link.protocol)) {
      await Promise.race([link.close(true), clock.sleep(partingMs / 4)])
      return new UplinkError('UPLINK_PROTOCOL', `uplink ${this.id}: the broker answers to 3.1.1; asking once more for MQTT 5`, { retriable: true, values: { doubt: true } })
    }
    this.#connected = link.protocol
    this.#connections++
    this.#become('online')
    this.#conditions.online()
    this.#identity.met(link.chain())
    this.#confirmations?.connected()
    log.info({ protocol: link.protocol, backlog: reader.backlog() }, 'uplink online')
    const drain = this.#drain = this.#newDrain(link, lost.resolve)
    this.#begin(link, drain, attached)
    attached.defer(onCommit(() => drain.committed()))
    attached.defer(clock.after(steadyMs, () => this.#conditions.steady()))
    const acknowledgements = this.#acknowledgements
    if (acknowledgements) attached.defer(every(clock, confirmEveryMs, () => acknowledgements.reconsider(drain)))
    this.#renew = () => lost.resolve(new UplinkError('UPLINK_RENEWED', `uplink ${this.id}: a certificate, key or password file was replaced; connecting again with it`, { retriable: true }))
    const stopping = new UplinkError('UPLINK_STOPPED', 'the gateway is stopping')
    const aborted = (): void => lost.resolve(stopping)
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) aborted()
    const error = await lost.promise
    signal.removeEventListener('abort', aborted)
    this.#renew = null
    attached.dispose()
    this.#suspect(drain, error)
    await this.#part(link, drain, error === stopping ? 'stopping' : error.code === 'UPLINK_RENEWED' ? 'renewing' : 'lost')
    return error
  }

  async #open(signal: AbortSignal, attached: DisposableStack, onLost: (error: UplinkError) => void): Promise<Link> {
    const { config, gateway, clock, log, timeQuality } = this.#options
    return Link.open({
      config, credentials: await this.#identity.read(), clock, log, timeQuality, onLost, protocol: this.#protocol.next(), clientId: config.clientId ?? `linli-${gateway}-${config.id}`,
      sessionExpiryMs: config.commands || config.confirm ? config.sessionExpiry : 0,
      will: { topic: this.#topics.status, payload: this.#announcer.status('offline') }, opened: (link) => this.#attach(link, attached),
    }, signal)
  }

  #attach(link: Link, attached: DisposableStack): void {
    const attachment = this.#options.attached?.(link)
    if (attachment) attached.use(attachment)
    this.#acknowledgements?.listen(link, this.#topics.ack)
  }

  #newDrain(link: Link, failed: (error: UplinkError) => void): Drain {
    const { config, reader, clock, log } = this.#options
    return new Drain({
      id: this.id, reader, topics: this.#topics, clock, window: config.window, ackTimeoutMs: config.ackTimeout, format: formatOf(config), confirmations: this.#confirmations, failed,
      suspects: this.#suspects,
      refused: ({ stream, epoch, seq }, reason) => log.error({ code: 'UPLINK_RECORD_REFUSED', stream, epoch, seq, reason }, 'the city refused a record; it is kept as a dead letter'),
    }, link, this.#counters)
  }

  /** A careful stream goes on when the connection is known to work: the broker answered the status, and lived on. */
  #begin(link: Link, drain: Drain, attached: DisposableStack): void {
    this.#announcer.announce(link, () => attached.disposed || attached.defer(this.#options.clock.after(quietMs, () => drain.trust())))
    drain.wake()
  }

  /** What a session kept for us comes before the drain begins. A place that cannot be written costs a resend. */
  #settle(stream: Stream, records: readonly Position[]): void {
    if (this.#drain) this.#drain.confirmed(stream, records)
    else void this.#options.reader.settle(stream, records.map((record) => ({ record, outcome: 'acked' }))).catch(() => {})
  }

  #suspect(drain: Drain, { code, values }: UplinkError): void {
    if (code === 'UPLINK_CLOSED' && !innocent.has(values.disconnect as number)) this.#suspects.died(drain.oldest, drain.alone)
    else if (code === 'UPLINK_CLOSED' || code === 'UPLINK_ACK_TIMEOUT' || code === 'UPLINK_SILENT') this.#suspects.clear()
  }

  async #part(link: Link, drain: Drain, ending: Ending): Promise<void> {
    const { clock } = this.#options
    if (ending === 'lost') this.#counters.resent += this.#confirmations ? 0 : drain.inFlight
    await drain.stop(ending === 'lost' ? 0 : partingMs, { last: ending === 'stopping' })
    this.#confirmations?.disconnected()
    this.#connected = null
    this.#drain = null
    if (ending === 'stopping' && link.connected) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(partingMs / 4, resolve)
        link.publish(this.#topics.status, Buffer.from(this.#announcer.status('offline')), { retain: true }, () => { cancel(); resolve() })
      })
    }
    await Promise.race([link.close(ending !== 'lost'), clock.sleep(partingMs / 4)])
  }

  #judge(error: UplinkError, steady: boolean): void {
    if (steady || error.code === 'UPLINK_RENEWED') this.#attempts = 0
    this.#shortLives = error.code === 'UPLINK_CLOSED' && error.values.disconnect === undefined && !steady && !this.#suspects.active ? this.#shortLives + 1 : 0
    this.#note(this.#shortLives < shortLivesOfTwins ? error : new UplinkError('UPLINK_TAKEN_OVER', `uplink ${this.id}: the broker closes each connection soon after it opened; most likely another client uses the same client id. Give each gateway its own site.id or clientId`, { cause: error, retriable: true }))
    if (this.#error?.code !== 'UPLINK_TAKEN_OVER') return
    this.#attempts = Math.max(this.#attempts, takenOverAttempt)
    this.#conditions.takenOver()
  }

  #become(state: UplinkStatus['state']): void {
    if (this.#state === state) return
    // Trying and waiting between tries are one absence.
    if (this.#state === 'online' || state === 'online' || state === 'stopped') this.#since = this.#options.clock.now()
    this.#state = state
  }

  #note(error: UplinkError): void {
    const { log } = this.#options
    if (this.#error?.code !== error.code) log.warn({ code: error.code }, error.message)
    else log.debug({ code: error.code }, error.message)
    this.#error = error
  }
}

/** Calls `task` each `ms` until the returned function is called; the next turn begins when the last has ended. `task` must not reject. */
function every(clock: Clock, ms: number, task: () => void | Promise<void>): () => void {
  let cancel = (): void => {}
  let stopped = false
  const plan = (): void => { if (!stopped) cancel = clock.after(ms, () => { void Promise.resolve(task()).then(plan) }) }
  plan()
  return () => { stopped = true; cancel() }
}
