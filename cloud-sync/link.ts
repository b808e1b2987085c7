import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { IClientOptions, MqttClient } from 'mqtt'
import type { Clock } from '../gateway/contract/index.ts'
import { codeOf, describe, readSecret, UplinkError } from '../gateway/kit/index.ts'
import type { UplinkConfig } from './schema.ts'
import { openTransport, type Credentials } from './transport.ts'

export type Protocol = 4 | 5
export interface Will { readonly topic: string; readonly payload: string }
export interface LinkOptions {
  readonly config: UplinkConfig
  readonly clientId: string
  readonly protocol: Protocol
  readonly will: Will
  readonly clock: Clock
  /** Called once, when the connection is gone for whatever reason. */
  onLost(error: UplinkError): void
}

/** What the broker said of one publish: null is acknowledged, a number its MQTT 5 reason code (0x80 and above). */
export type Answer = number | null

const connectTimeoutMs = 10_000
/** CONNACK: 3.1.1 return code 1, MQTT 5 reason 0x84. */
const unsupportedProtocol = new Set([1, 0x84])
const tlsCodes = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/

/** One MQTT connection. It does not come back by itself: a lost one is thrown away, and the uplink opens the next. */
export class Link {
  readonly protocol: Protocol
  /** How much the broker takes: packets in the air, bytes a packet. */
  readonly receiveMaximum: number
  readonly maximumPacketSize: number
  readonly #client: MqttClient

  private constructor(client: MqttClient, protocol: Protocol, limits: { readonly receiveMaximum?: number; readonly maximumPacketSize?: number } = {}) {
    this.#client = client
    this.protocol = protocol
    this.receiveMaximum = limits.receiveMaximum ?? 65_535
    this.maximumPacketSize = limits.maximumPacketSize ?? Infinity
  }

  /** Throws UplinkError UPLINK_CONNECT_FAILED, UPLINK_TLS, UPLINK_REFUSED, UPLINK_PROTOCOL; ConfigError CONFIG_SECRET_MISSING. */
  static async open(options: LinkOptions, signal: AbortSignal): Promise<Link> {
    const Client = loadClient()
    const [settings, credentials] = await Promise.all([clientOptions(options), readCredentials(options.config)])
    signal.throwIfAborted()
    // A certificate that is refused is an error of the socket alone: mqtt.js would only say "closed".
    const client = new Client((self) => openTransport(options.config.url, credentials).on('error', (error) => { self.emit('error', error) }), settings)
    let lost = false
    const lose = (error: UplinkError): void => { if (lost) return; lost = true; options.onLost(error) }
    return new Promise((resolve, reject) => {
      let failure: unknown
      let connected = false
      const giveUp = (error: UplinkError): void => { signal.removeEventListener('abort', aborted); client.end(true); if (connected) lose(error); else reject(error) }
      const aborted = (): void => giveUp(new UplinkError('UPLINK_STOPPED', 'the gateway is stopping'))
      signal.addEventListener('abort', aborted, { once: true })
      client.on('error', (error) => { failure ??= error })
      client.on('disconnect', (packet) => { failure = { code: packet.reasonCode === 0x8e ? 'UPLINK_TAKEN_OVER' : 'UPLINK_CLOSED', reason: packet.reasonCode } })
      client.once('close', () => giveUp(explain(failure, options, connected)))
      client.once('connect', (packet) => {
        connected = true
        signal.removeEventListener('abort', aborted)
        resolve(new Link(client, options.protocol, packet.properties))
      })
    })
  }

  /** QoS 1. `answered` is called when the PUBACK is here; never when the connection is lost before. */
  publish(topic: string, payload: Uint8Array, options: { readonly backfill?: boolean; readonly retain?: boolean }, answered: (answer: Answer) => void): void {
    const properties = this.protocol === 5 && options.backfill ? { properties: { userProperties: { backfill: 'true' } } } : {}
    this.#client.publish(topic, payload as Buffer, { qos: 1, retain: options.retain ?? false, ...properties }, (error) => {
      if (!error) answered(null)
      else if ('code' in error && typeof error.code === 'number' && error.code >= 0x80) answered(error.code)
    })
  }

  /** Says goodbye when `graceful`, so that the will stays silent. */
  async close(graceful: boolean): Promise<void> {
    if (!graceful || !this.#client.connected) { this.#client.end(true); return }
    await new Promise<void>((resolve) => { this.#client.end(false, {}, () => resolve()) })
  }
}

/** The client alone, without the transports of its `connect`; CommonJS, and loaded when the first uplink opens. */
const loadClient = (): typeof MqttClient => (createRequire(import.meta.url)('mqtt/lib/client') as { readonly default: typeof MqttClient }).default

async function readCredentials({ id, ...files }: UplinkConfig): Promise<Credentials> {
  const read = (file: string | undefined): Promise<Buffer | undefined> => (file === undefined ? Promise.resolve(undefined) : readFile(file).catch((cause: unknown) => {
    throw new UplinkError('UPLINK_TLS', `uplink ${id}: cannot read ${file} (${codeOf(cause)}); check the path and its owner`, { cause })
  }))
  const [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)])
  return { ca, cert, key }
}

async function clientOptions({ config, clientId, protocol, will }: LinkOptions): Promise<IClientOptions> {
  return {
    protocolVersion: protocol, clientId, clean: true, reconnectPeriod: 0, connectTimeout: connectTimeoutMs, keepalive: Math.max(1, Math.round(config.keepalive / 1_000)),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true }, queueQoSZero: false, resubscribe: false,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: await readSecret(config.password) }),
  }
}

function explain(failure: unknown, { config, protocol }: LinkOptions, connected: boolean): UplinkError {
  const where = `uplink ${config.id} (${config.url})`
  const code = failure && typeof failure === 'object' && 'code' in failure ? failure.code : undefined
  const details = { cause: failure, retriable: true }
  if (code === 'UPLINK_TAKEN_OVER') return new UplinkError('UPLINK_TAKEN_OVER', `${where}: another client came with the same client id; give each gateway its own site.id or clientId`, details)
  if (connected || code === 'UPLINK_CLOSED') return new UplinkError('UPLINK_CLOSED', `${where}: the connection was closed${failure instanceof Error ? ` (${describe(failure)})` : ''}; it is opened again`, details)
  if (typeof code === 'number' && protocol === 5 && unsupportedProtocol.has(code)) return new UplinkError('UPLINK_PROTOCOL', `${where}: the broker does not speak MQTT 5; trying 3.1.1`, details)
  if (typeof code === 'number') return new UplinkError('UPLINK_REFUSED', `${where}: the broker refused the connection (${describe(failure)}); check username, password and client id`, details)
  if (typeof code === 'string' && tlsCodes.test(code)) return new UplinkError('UPLINK_TLS', `${where}: the broker's certificate is not trusted (${code}); set "ca" to its authority's PEM file, or check the clock and the host name`, details)
  return new UplinkError('UPLINK_CONNECT_FAILED', `${where}: no connection (${failure === undefined ? 'timeout or closed without an answer' : describe(failure) || String(code)}); check the network, host and port`, details)
}

