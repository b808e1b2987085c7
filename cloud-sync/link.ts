import { createRequire } from 'node:module'
import type { IClientOptions, IConnackPacket, IPublishPacket, MqttClient } from 'mqtt'
import type mqttPacket from 'mqtt-packet'
import type { Clock, TimeQuality } from '../gateway/contract/index.ts'
import { describe, readSecret, UplinkError, withoutNumberTable, type Logger } from '../gateway/kit/index.ts'
import type { Expiry } from './certificates.ts'
import type { CityMessage } from './commands/port.ts'
import type { Credentials } from './credentials.ts'
import { explainEnd, type LinkEnd } from './link-errors.ts'
import type { UplinkConfig } from './schema.ts'
import { openTransport, type Transport } from './transport.ts'

export type Protocol = 4 | 5
export interface Will { readonly topic: string; readonly payload: string }

/**
 * What may hang on an uplink beside its records: commands, acknowledgements. Lent for the life of one connection: the uplink calls
 * `attached(link)` before the first message can come in, and calls again with the next link. A lost one publishes and hears nothing.
 */
export interface CityLink {
  readonly protocol: Protocol
  /** QoS 1, not sent again when the connection is lost before the PUBACK. */
  publish(topic: string, payload: Uint8Array, options?: { readonly correlationData?: Uint8Array; readonly retain?: boolean }): void
  /** QoS 1, one topic without wildcards, one handler. Returns the function that ends it. A broker that refuses is logged. */
  subscribe(topic: string, handler: (message: CityMessage) => void): () => void
}

export interface LinkOptions {
  readonly config: UplinkConfig
  readonly credentials: Credentials
  readonly clientId: string
  readonly protocol: Protocol
  /** The broker keeps our subscriptions and what comes for them this long after a loss; 0: a clean start each time. */
  readonly sessionExpiryMs: number
  /** Retained. Null: whoever loses this connection says nothing. */
  readonly will: Will | null
  readonly clock: Clock
  readonly log: Logger
  timeQuality(): TimeQuality
  /** Called once and first, before any message can arrive. */
  opened(link: Link): void
  /** Called once, when the connection is gone for whatever reason. */
  onLost(error: UplinkError): void
}

export interface PublishOptions {
  readonly retain?: boolean
  readonly backfill?: boolean
  readonly contentType?: string
  readonly correlationData?: Uint8Array
  /** Worth a topic alias: one of the few topics that are published to again and again. */
  readonly often?: boolean
}

/** What the broker said of one publish: null is acknowledged, a number its MQTT 5 reason code (0x80 and above). */
export type Answer = number | null

const connectTimeoutMs = 10_000
/** What the broker may send us: commands and acknowledgements are small and few. A configuration has up to 1,000,000 bytes. */
const inbound = { receiveMaximum: 32, maximumPacketSize: 65_536 }
const inboundBytesOfConfiguration = 1 << 20
const maxQueued = 4_096
interface Waiting { readonly topic: string; readonly payload: Uint8Array; readonly options: PublishOptions; readonly answered: (answer: Answer) => void }

/** One MQTT connection. It does not come back by itself: a lost one is thrown away, and the uplink opens the next. */
export class Link implements CityLink {
  readonly protocol: Protocol
  /** How much the broker takes: publishes in the air, bytes a packet. */
  readonly receiveMaximum: number
  readonly maximumPacketSize: number
  readonly #client: MqttClient
  readonly #transport: Transport
  readonly #log: Logger
  readonly #aliasMaximum: number
  /** Of this connection alone [MQTT-3.3.2-7]: the next link begins anew with whole topics. */
  readonly #aliases = new Map<string, number>()
  readonly #handlers = new Map<string, (message: CityMessage) => void>()
  /** What waits for room within the broker's receive maximum. */
  readonly #queue: Waiting[] = []
  #inFlight = 0

  private constructor(client: MqttClient, transport: Transport, { protocol, log }: LinkOptions, { properties = {} }: IConnackPacket) {
    this.#client = client
    this.#transport = transport
    this.#log = log
    this.protocol = protocol
    this.receiveMaximum = properties.receiveMaximum ?? 65_535
    this.maximumPacketSize = properties.maximumPacketSize ?? Infinity
    this.#aliasMaximum = properties.topicAliasMaximum ?? 0
    client.on('message', (topic, payload, packet) => this.#handlers.get(topic)?.(messageOf(payload, packet)))
  }

  /** Throws UplinkError UPLINK_CONNECT_FAILED, UPLINK_NO_CONNACK, UPLINK_TLS, UPLINK_REFUSED, UPLINK_PROTOCOL, UPLINK_STOPPED; ConfigError CONFIG_SECRET_MISSING. */
  static async open(options: LinkOptions, signal: AbortSignal): Promise<Link> {
    const { config, credentials, clock, protocol, log } = options
    const Client = loadClient()
    const settings = await clientOptions(options)
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      let stage: LinkEnd['stage'] = 'nothing'
      let failure: unknown
      let disconnect: number | undefined
      let over = false
      const transport = openTransport(config.url, credentials)
      const client = new Client((self) => {
        transport.socket.once('connect', () => { stage = 'transport' })
        // A certificate that is refused is an error of the socket alone: mqtt.js would only say "closed".
        transport.socket.on('error', (error) => { self.emit('error', error) })
        return transport.socket
      }, settings)
      const where = `uplink ${config.id} (${config.url})`
      const end = (error?: UplinkError): void => {
        if (over) return
        over = true
        cancelTimeout()
        signal.removeEventListener('abort', aborted)
        client.end(true)
        const reason = error ?? explainEnd({ where, protocol, stage, failure, disconnect, now: clock.now(), timeQuality: options.timeQuality() })
        if (stage === 'connected') options.onLost(reason)
        else reject(reason)
      }
      const aborted = (): void => end(new UplinkError('UPLINK_STOPPED', 'the gateway is stopping'))
      const cancelTimeout = clock.after(connectTimeoutMs, end)
      signal.addEventListener('abort', aborted, { once: true })
      client.onKeepaliveTimeout = () => end(new UplinkError('UPLINK_SILENT', `${where}: the broker answers no ping any more; the connection is given up and opened again`, { retriable: true }))
      client.on('error', (error) => { failure ??= error })
      client.on('disconnect', ({ reasonCode }) => { disconnect = reasonCode })
      client.once('close', () => end())
      client.once('connect', (packet) => {
        stage = 'connected'
        cancelTimeout()
        signal.removeEventListener('abort', aborted)
        const assigned = packet.properties?.assignedClientIdentifier
        if (assigned) log.info({ clientId: assigned }, 'the broker gave this uplink another client id')
        const link = new Link(client, transport, options, packet)
        options.opened(link)
        resolve(link)
      })
    })
  }

  get connected(): boolean { return this.#client.connected }

  /** The broker's certificates. */
  chain(): readonly Expiry[] { return this.#transport.chain() }

  /** QoS 1. `answered` is called when the PUBACK is here; never when the connection is lost before. */
  publish(topic: string, payload: Uint8Array, options: PublishOptions = {}, answered: (answer: Answer) => void = () => {}): void {
    if (!this.connected) return
    if (this.#inFlight < this.receiveMaximum) this.#send({ topic, payload, options, answered })
    else if (this.#queue.length < maxQueued) this.#queue.push({ topic, payload, options, answered })
  }

  /** `answered`: with the broker's word on it, which is a refusal where it is not null. */
  subscribe(topic: string, handler: (message: CityMessage) => void, answered: (refused: Error | null) => void = () => {}): () => void {
    if (!this.connected) return () => {}
    this.#handlers.set(topic, handler)
    this.#client.subscribe(topic, { qos: 1 }, (error) => {
      answered(error ?? null)
      if (error && this.#client.connected) this.#log.error({ code: 'UPLINK_SUBSCRIBE_REFUSED', topic }, `the broker does not let the gateway subscribe to ${topic} (${describe(error)}); nothing will be heard from it`)
    })
    return () => { this.#handlers.delete(topic); if (this.#client.connected) this.#client.unsubscribe(topic) }
  }

  /** Says goodbye when `graceful`, so that the will stays silent. */
  async close(graceful: boolean): Promise<void> {
    if (!graceful || !this.#client.connected) { this.#client.end(true); return }
    await new Promise<void>((resolve) => { this.#client.end(false, {}, () => resolve()) })
  }

  #send({ topic, payload, options, answered }: Waiting): void {
    this.#inFlight++
    const properties = this.protocol === 5 ? this.#properties(topic, options) : undefined
    this.#client.publish(topic, payload as Buffer, { qos: 1, retain: options.retain ?? false, ...(properties ? { properties } : {}) }, (error) => {
      this.#inFlight--
      if (!error) answered(null)
      else if ('code' in error && typeof error.code === 'number' && error.code >= 0x80) answered(error.code)
      const next = this.#queue.shift()
      if (next && this.#client.connected) this.#send(next)
    })
  }

  #properties(topic: string, { backfill, contentType, correlationData, often }: PublishOptions): IPublishPacket['properties'] {
    return {
      ...(backfill ? { userProperties: { backfill: 'true' } } : {}), ...(contentType ? { contentType } : {}),
      ...(correlationData ? { correlationData: Buffer.from(correlationData) } : {}), ...(often ? this.#newAlias(topic) : {}),
    }
  }

  /** Topic and alias together the first time; from then on mqtt.js sends the alias alone (`autoUseTopicAlias`). */
  #newAlias(topic: string): { readonly topicAlias?: number } {
    if (this.#aliases.has(topic) || this.#aliases.size >= this.#aliasMaximum) return {}
    const topicAlias = this.#aliases.size + 1
    this.#aliases.set(topic, topicAlias)
    return { topicAlias }
  }
}

/** The client alone, without the transports of its `connect`; CommonJS, and loaded when the first uplink opens. */
function loadClient(): typeof MqttClient {
  withoutNumberTable(createRequire(import.meta.url)('mqtt-packet') as typeof mqttPacket)
  return (createRequire(import.meta.url)('mqtt/lib/client') as { readonly default: typeof MqttClient }).default
}

async function clientOptions({ config, clientId, protocol, will, sessionExpiryMs }: LinkOptions): Promise<IClientOptions> {
  return {
    // Our own timer, of the injected clock, ends a connection without CONNACK; the library's comes after it.
    protocolVersion: protocol, clientId, clean: sessionExpiryMs === 0, reconnectPeriod: 0, connectTimeout: 3 * connectTimeoutMs, keepalive: Math.max(1, Math.round(config.keepalive / 1_000)),
    ...(will ? { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } } : {}), queueQoSZero: false, resubscribe: false, autoUseTopicAlias: true,
    ...(protocol === 5 ? { properties: { ...inbound, ...(config.configuration ? { maximumPacketSize: inboundBytesOfConfiguration } : {}), ...(sessionExpiryMs > 0 ? { sessionExpiryInterval: Math.max(1, Math.round(sessionExpiryMs / 1_000)) } : {}) } } : {}),
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: await readSecret(config.password) }),
  }
}

function messageOf(payload: Buffer, { retain, properties }: IPublishPacket): CityMessage {
  return { payload, retain, responseTopic: properties?.responseTopic, correlationData: properties?.correlationData, expirySeconds: properties?.messageExpiryInterval }
}
