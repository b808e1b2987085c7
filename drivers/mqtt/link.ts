import { connect as connectTcp, isIP, type Socket } from 'node:net'
import mqttPacket, { type IConnackPacket, type IPublishPacket, type ISubackPacket, type Packet } from 'mqtt-packet'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, describe, DriverError, withoutNumberTable } from '../../gateway/kit/index.ts'
import { PacketSizeGuard } from './packet-size.ts'
import type { TlsFiles } from './tls.ts'

export interface LinkOptions {
  /** Names the connection in errors. */
  readonly name: string
  readonly url: string
  readonly clientId: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly tls: TlsFiles
  readonly connectTimeoutMs: number
  readonly maxPacketBytes: number
  /** Publishes that may wait for their acknowledgement before nothing more is read. */
  readonly maxInFlight: number
  readonly clock: Clock
  /** Called for each publish; `stored` sends its PUBACK (in the order of arrival), whenever that is. */
  onPublish(packet: IPublishPacket, stored: () => void): void
  /** Once, unless `close` was called. */
  onLost(error: DriverError): void
}

const keepaliveS = 30
withoutNumberTable(mqttPacket)
const refused: Readonly<Record<number, string>> = { 1: 'it does not speak MQTT 3.1.1', 2: 'it refuses the client id', 3: 'it is not available', 4: 'wrong username or password', 5: 'this user may not connect' }

interface Unacknowledged { readonly messageId: number; ready: boolean }

/**
 * A client of MQTT 3.1.1 for taking: many publishes in the air, each acknowledged when it is stored. mqtt.js reads nothing more while
 * one of its `customHandleAcks` waits (docs/decisions/0008). QoS 1 at most, lasting session.
 */
export class MqttLink {
  readonly #options: LinkOptions
  readonly #socket: Socket
  readonly #parser = mqttPacket.parser({ protocolVersion: 4 })
  readonly #unacknowledged: Unacknowledged[] = []
  readonly #pending = new Map<number, (granted: readonly number[]) => void>()
  #nextId = 1
  #gone = false
  #heardAt: number
  #cancelPing = (): void => {}

  private constructor(options: LinkOptions, socket: Socket) {
    this.#options = options
    this.#socket = socket
    this.#heardAt = options.clock.monotonic()
  }

  /** Throws DriverError MQTT_CONNECT_FAILED, MQTT_TLS. */
  static async open(options: LinkOptions, signal: AbortSignal): Promise<MqttLink> {
    const socket = await openSocket(options)
    const link = new MqttLink(options, socket)
    await link.#connect(signal)
    return link
  }

  /** The QoS granted for each, 128 for a refusal. */
  async subscribe(topics: readonly string[]): Promise<readonly number[]> {
    if (topics.length === 0) return []
    const messageId = this.#nextId++
    const { clock, connectTimeoutMs, name, url } = this.#options
    return new Promise((resolve, reject) => {
      const cancel = clock.after(connectTimeoutMs, () => { this.#pending.delete(messageId); reject(new DriverError('MQTT_SUBSCRIBE_REFUSED', `connection ${name}: ${url} does not answer a subscription`, { retriable: true })) })
      this.#pending.set(messageId, (granted) => { cancel(); resolve(granted) })
      this.#send({ cmd: 'subscribe', messageId, subscriptions: topics.map((topic) => ({ topic, qos: 1 as const })) })
    })
  }

  /** QoS 0. */
  publish(topic: string, payload: string): void { this.#send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }) }

  close(): void {
    if (this.#gone) return
    this.#send({ cmd: 'disconnect' })
    this.#end()
    this.#socket.end()
    this.#socket.destroySoon()
  }

  #connect(signal: AbortSignal): Promise<void> {
    const { name, url, clientId, username, password, connectTimeoutMs, clock } = this.#options
    return new Promise((resolve, reject) => {
      let settled = false
      const fail = (why: unknown, advice = 'check host, port, username and password'): void => {
        if (settled) return
        settled = true
        cancel()
        signal.removeEventListener('abort', aborted)
        this.#end()
        this.#socket.destroy()
        reject(why instanceof DriverError ? why : new DriverError('MQTT_CONNECT_FAILED', `connection ${name}: no connection to ${url} (${describe(why)}); ${advice}`, { cause: why, retriable: true }))
      }
      const cancel = clock.after(connectTimeoutMs, () => fail('no answer in time'))
      const aborted = (): void => fail(signal.reason)
      signal.addEventListener('abort', aborted, { once: true })
      this.#socket.on('error', (error) => fail(tlsError(error, this.#options) ?? error)).on('close', () => { fail('closed without an answer'); this.#lost('closed the connection') })
      this.#socket.once(url.startsWith('mqtts:') ? 'secureConnect' : 'connect', () => this.#send({
        cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: false, clientId, keepalive: keepaliveS,
        ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password: Buffer.from(password) }),
      }))
      this.#read((packet) => {
        if (settled) return this.#take(packet)
        if (packet.cmd !== 'connack') return fail(`it answers ${packet.cmd} to CONNECT`)
        const { returnCode = 0 } = packet as IConnackPacket
        if (returnCode !== 0) return fail(refused[returnCode] ?? `return code ${returnCode}`)
        settled = true
        cancel()
        signal.removeEventListener('abort', aborted)
        this.#ping()
        resolve()
      })
    })
  }

  #read(take: (packet: Packet) => void): void {
    const guard = new PacketSizeGuard(this.#options.maxPacketBytes)
    this.#parser.on('packet', take)
    this.#parser.on('error', (error) => { this.#lost(`sends what is no MQTT (${describe(error)})`); this.#socket.destroy() })
    this.#socket.on('data', (chunk: Buffer) => {
      this.#heardAt = this.#options.clock.monotonic()
      if (guard.accept(chunk)) { this.#parser.parse(chunk); return }
      this.#lost(`announces a packet above ${this.#options.maxPacketBytes} bytes`)
      this.#socket.destroy()
    })
  }

  #take(packet: Packet): void {
    if (this.#gone) return
    if (packet.cmd === 'publish') this.#publish(packet)
    else if (packet.cmd === 'suback') this.#pending.get(packet.messageId!)?.((packet as ISubackPacket).granted as number[])
    if (packet.cmd === 'suback') this.#pending.delete(packet.messageId!)
  }

  #publish(packet: IPublishPacket): void {
    if (packet.qos === 0) return this.#options.onPublish(packet, () => {})
    if (packet.qos === 2) { this.#lost('sends QoS 2 although QoS 1 was granted'); this.#socket.destroy(); return }
    const entry: Unacknowledged = { messageId: packet.messageId!, ready: false }
    this.#unacknowledged.push(entry)
    if (this.#unacknowledged.length >= this.#options.maxInFlight) this.#socket.pause()
    this.#options.onPublish(packet, () => { entry.ready = true; this.#acknowledge() })
  }

  /** [MQTT-4.6.0-2]: in the order in which the publishes came. */
  #acknowledge(): void {
    let count = 0
    while (count < this.#unacknowledged.length && this.#unacknowledged[count]!.ready) count++
    if (count === 0 || this.#gone) return
    this.#socket.cork()
    for (const { messageId } of this.#unacknowledged.splice(0, count)) this.#send({ cmd: 'puback', messageId })
    this.#socket.uncork()
    if (this.#socket.isPaused() && this.#unacknowledged.length < this.#options.maxInFlight) this.#socket.resume()
  }

  #ping(): void {
    const { clock } = this.#options
    this.#cancelPing = clock.after(keepaliveS * 500, () => {
      // One that is not read cannot be blamed for its silence.
      if (!this.#socket.isPaused() && clock.monotonic() - this.#heardAt > keepaliveS * 1_500) { this.#lost('answers no ping'); this.#socket.destroy(); return }
      this.#send({ cmd: 'pingreq' })
      this.#ping()
    })
  }

  #send(packet: Packet): void { if (!this.#gone && this.#socket.writable) this.#socket.write(mqttPacket.generate(packet)) }

  #lost(why: string): void {
    if (this.#gone) return
    this.#end()
    this.#options.onLost(new DriverError('MQTT_CLOSED', `connection ${this.#options.name}: the broker ${this.#options.url} ${why}; it is connected again`, { retriable: true }))
  }

  #end(): void { this.#gone = true; this.#cancelPing() }
}

async function openSocket({ url, tls }: LinkOptions): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'mqtt:') return connectTcp({ host, port: Number(port || 1_883), noDelay: true })
  const [{ connect }, { readTlsFiles }] = await Promise.all([import('node:tls'), import('./tls.ts')])
  // Chain and host name are checked: Node does so unless told otherwise.
  return connect({ ...await readTlsFiles(tls), host, port: Number(port || 8_883), ...(isIP(host) ? {} : { servername: host }) })
}

const untrusted = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|ERR_TLS_CERT|ERR_SSL|EPROTO)/

function tlsError(error: Error, { name, url }: LinkOptions): DriverError | null {
  const code = codeOf(error)
  if (!url.startsWith('mqtts:') || !untrusted.test(code)) return null
  const advice = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? 'its certificate is for another host name; use that name in url' : 'set ca: to the certificate that signed it, and check the clock'
  return new DriverError('MQTT_TLS', `connection ${name}: ${url} is not trusted (${code}); ${advice}`, { cause: error, retriable: true })
}
