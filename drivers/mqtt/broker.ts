import type { Socket } from 'node:net'
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes'
import mqttPacket from 'mqtt-packet'
import type { DriverKit, Finding, Intake, Overheard, PointConfig, Refused, Session, Value } from '../../gateway/contract/index.ts'
import { codeOf, DriverError, withoutNumberTable } from '../../gateway/kit/index.ts'
import { Accounts, type Account } from './accounts.ts'
import { diagnose } from './doctor.ts'
import { Ears } from './ears.ts'
import { ExactlyOnce } from './exactly-once.ts'
import { MqttIntake } from './intake.ts'
import { Listeners } from './listeners.ts'
import { PacketSizeGuard } from './packet-size.ts'
import type { MqttAddress, MqttConfig } from './settings.ts'
import { writeAndConfirm, type Command } from './write.ts'

/** MQTT 3.1.1 §3.2.2.3 */
const refusals = { identifier: 2, unavailable: 3, credentials: 4 } as const
/** The longest topic there can be, and headers. */
const packetOverheadBytes = 66_000

withoutNumberTable(mqttPacket)

type Done = (error?: Error | null) => void
interface Visitor { readonly account: Account; readonly guard: PacketSizeGuard }

/** The local broker (aedes): each device with its own account, and a PUBACK only after the fsync that holds the publish (law 1). */
export async function openBroker(config: MqttConfig, kit: DriverKit): Promise<Session<MqttAddress>> {
  const session = new BrokerSession(config, kit, await Accounts.open(config, kit))
  try {
    await session.open()
    return session
  } catch (error) {
    await session[Symbol.asyncDispose]()
    throw error
  }
}

class BrokerSession implements Session<MqttAddress> {
  readonly #config: MqttConfig
  readonly #kit: DriverKit
  readonly #accounts: Accounts
  readonly #intake: MqttIntake
  readonly #listeners: Listeners
  readonly #visitors = new WeakMap<object, Visitor>()
  readonly #guards = new WeakMap<object, PacketSizeGuard>()
  readonly #exactlyOnce = new ExactlyOnce()
  readonly #ears = new Ears()
  #denied = 0
  #broker: Aedes | null = null

  constructor(config: MqttConfig, kit: DriverKit, accounts: Accounts) {
    this.#config = config
    this.#kit = kit
    this.#accounts = accounts
    this.#intake = new MqttIntake({ devices: config.devices, clock: kit.clock, log: kit.log, hashIdentity: (value) => kit.hashIdentity(value) })
    this.#listeners = new Listeners(config, kit, (socket, address) => this.#serve(socket, address))
  }

  /** Throws DriverError MQTT_LISTEN_FAILED, MQTT_TLS. */
  async open(): Promise<void> {
    const { maxInFlight, connectTimeout } = this.#config.settings
    const broker = this.#broker = await Aedes.createBroker({
      concurrency: maxInFlight, connectTimeout, heartbeatInterval: 60_000,
      preConnect: (_client, packet, done) => { const refused = refusalOf(packet); done(refused, refused === null) },
      authenticate: (client, username, password, done) => this.#authenticate(client, username, password, done),
      authorizePublish: (client, packet, done) => this.#publish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => done(null, this.#visitors.get(client)?.account.rights.maySubscribe(subscription.topic) ? subscription : null),
    })
    broker.on('clientReady', (client) => this.#arrived(client))
    broker.on('clientDisconnect', (client) => this.#left(client))
    broker.on('clientError', (client, error) => this.#kit.log.debug({ client: client.id, cause: codeOf(error) }, 'client closed for an error'))
    broker.on('connectionError', (client, error) => this.#kit.log.debug({ client: client.id, cause: codeOf(error) }, 'connection refused'))
    const at = this.#kit.clock.now()
    this.#intake.begin(this.#config.devices.map(({ id }) => ({ deviceId: id, state: 'offline', at, reason: 'MQTT_NOT_CONNECTED' })))
    await this.#listeners.open()
  }

  intake(signal: AbortSignal): AsyncGenerator<Intake, void, void> { return this.#intake.run(signal) }

  async write(point: PointConfig<MqttAddress>, raw: Value, signal: AbortSignal): Promise<void> {
    const device = this.#config.devices.find(({ id }) => id === point.deviceId)!
    if (this.#intake.presence.is(device.id) !== 'online') throw new DriverError('DEVICE_OFFLINE', `${point.id}: ${device.id} is not there; a command is not kept for later`, { retriable: true })
    await writeAndConfirm({ point, device, raw, clock: this.#kit.clock, intake: this.#intake, publish: (command) => this.#send(command) }, signal)
  }

  publish(topic: string, payload: string): Promise<void> { return this.#send({ topic, payload }) }

  overhear(hear: (said: Overheard) => void): () => void { return this.#ears.listen(hear) }

  refused(): readonly Refused[] { return [...this.#accounts.refused].map(([username, { address, count, known }]) => ({ username, address, count, known })) }

  statistics(): Readonly<Record<string, number>> {
    const { refused, failedHandshakes } = this.#listeners
    return { clients: this.#broker?.connectedClients ?? 0, ...this.#intake.counters, denied: this.#denied + refused, ...(this.#config.settings.tls ? { failedHandshakes } : {}) }
  }

  deviceStatistics(): Readonly<Record<string, Readonly<Record<string, number>>>> { return Object.fromEntries([...this.#intake.devices].map(([id, counters]) => [id, { ...counters }])) }

  findings(): readonly Finding[] { return diagnose(this.#config, { devices: this.#intake.devices, whyMalformed: this.#intake.whyMalformed, refusedLogins: this.#accounts.refused }) }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#accounts.end()
    // First, so that the wills of clients we close ourselves are nobody's news.
    this.#intake.end()
    await Promise.all([
      this.#listeners[Symbol.asyncDispose](),
      new Promise<void>((resolve) => { if (this.#broker) this.#broker.close(resolve); else resolve() }),
    ])
  }

  /** aedes reads the socket by `read()`: what it gets passes the guard first, and no more of it than its device's rate allows. */
  #serve(socket: Socket, address: string): void {
    const guard = new PacketSizeGuard(this.#config.settings.maxPayloadBytes * 4 + packetOverheadBytes)
    this.#guards.set(socket, guard)
    const read = socket.read.bind(socket)
    let throttled = (): number => Infinity
    socket.read = (size?: number): unknown => {
      const all = read(size) as Buffer | null
      if (!all) return all
      const chunk = all.subarray(0, Math.min(all.length, throttled()))
      if (guard.accept(chunk)) { if (chunk.length < all.length) socket.unshift(all.subarray(chunk.length)); return chunk }
      this.#denied++
      this.#kit.log.warn({ code: 'MQTT_PACKET_TOO_LARGE', address }, `a client at ${address} announced a packet far larger than maxPayloadBytes; its connection was closed`)
      socket.destroy()
      return null
    }
    const client = this.#broker!.handle(socket)
    throttled = () => this.#visitors.get(client)?.account.throttle.chunkBytes ?? Infinity
  }

  #authenticate(client: Client, username: string | undefined, password: Buffer | undefined, done: (error: AuthenticateError | null, success: boolean | null) => void): void {
    const address = (client.conn as Socket).remoteAddress ?? ''
    const account = this.#accounts.logIn(username, password, address)
    if (account) {
      this.#visitors.set(client, { account, guard: this.#guards.get(client.conn)! })
      account.arriving.add(client)
      client.conn.once('close', () => { if (account.arriving.delete(client)) this.#gone(account, false) })
      return done(null, true)
    }
    this.#denied++
    // Not a line for each try of a device that tries once a second for a year.
    const { count, known } = this.#accounts.refused.get((username ?? '').slice(0, 120)) ?? { count: this.#denied, known: false }
    if (count % 100 === 1) this.#kit.log.warn({ code: 'MQTT_CREDENTIALS', username, address, client: client.id, refused: count }, `client ${client.id} at ${address} was refused: ${known ? 'wrong password' : 'no device has this username'}; compare its settings with the site file`)
    done(refusal('wrong username or password', refusals.credentials), false)
  }

  #publish(client: Client | null, packet: PublishPacket, done: Done): void {
    const account = client ? this.#visitors.get(client)?.account : undefined
    // Heartbeats of the broker itself, and the will of a client that never logged in.
    if (!client || !account) return done(packet.topic.startsWith('$SYS/') ? null : new DriverError('MQTT_TOPIC_DENIED', `nobody may publish on ${packet.topic}`))
    const { id } = account.device
    const counters = this.#intake.devices.get(id)!
    // Also what it may not say: a bridge that was set up before its sensors are in the site file.
    this.#ears.said(packet.topic, packet.payload as Buffer, id)
    if (!account.rights.mayPublish(packet.topic)) {
      this.#denied++
      counters.denied++
      const error = new DriverError('MQTT_TOPIC_DENIED', `${id} may not publish on ${packet.topic}; its own topics begin with devices/${id}/, others stand in its profile or under "publishes"`)
      if (counters.denied % 100 === 1) this.#kit.log.warn({ code: error.code, device: id, topic: packet.topic, denied: counters.denied }, error.message)
      return done(error)
    }
    // Nothing here reads retained messages, and a device could fill the memory with them.
    packet.retain = false
    const answer = (): void => done(null)
    // [MQTT-3.1.4-2]: whoever is there again before its loss was noticed takes its own place, and its will is no news.
    if (client.closed) return account.arriving.size > 0 ? answer() : this.#take(client, packet, id, true, answer)
    if (packet.qos === 0) {
      if (account.throttle.admitOrDrop(answer)) this.#take(client, packet, id, false, answer)
      else counters.dropped++
      return
    }
    const admitted = account.throttle.admit(() => { if (!client.closed) this.#take(client, packet, id, false, answer) })
    if (admitted !== 'now') counters.throttled++
    if (admitted === 'refused') done(new DriverError('MQTT_FLOODED', `${id} has too many connections that send too fast; one was closed`))
  }

  #take(client: Client, packet: PublishPacket, sender: string, will: boolean, answer: () => void): void {
    const payload = packet.payload as Buffer
    const { maxPayloadBytes } = this.#config.settings
    if (payload.length > maxPayloadBytes) { this.#intake.tooLong(packet.topic, payload.length, maxPayloadBytes); return answer() }
    const stored = packet.qos === 2 ? this.#exactlyOnce.settle(client.id, packet, answer) : answer
    if (stored) this.#intake.offer({ topic: packet.topic, payload, durable: packet.qos > 0, redelivered: packet.dup, will, sender, stored, wanted: () => will || !client.closed })
  }

  #send({ topic, payload }: Command): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#broker!.publish({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }, (error) => { if (error) reject(new DriverError('DEVICE_OFFLINE', `the message on ${topic} could not be sent`, { cause: error, retriable: true })); else resolve() })
    })
  }

  #arrived(client: Client): void {
    const account = this.#visitors.get(client)?.account
    if (!account) return
    account.arriving.delete(client)
    account.connections++
    // A device behind a bridge is there when it, or the bridge about it, says so.
    for (const { id, settings } of account.devices) if (id === account.device.id || !settings.availability) this.#intake.report(this.#intake.presence.online(id))
  }

  #left(client: Client): void {
    const visitor = this.#visitors.get(client)
    if (!visitor) return
    const { account, guard } = visitor
    if (client.clean) this.#exactlyOnce.forget(client.id)
    account.connections = Math.max(0, account.connections - 1)
    this.#gone(account, guard.goodbye)
  }

  #gone(account: Account, goodbye: boolean): void {
    if (account.connections > 0 || account.arriving.size > 0) return
    for (const device of account.devices) {
      const own = device.id === account.device.id
      const who = own ? device.id : `${account.device.id}, which brings ${device.id},`
      // So it goes to sleep; what it says, and its silence, tell more.
      if (own && device.settings.sleeps) continue
      this.#intake.report(goodbye
        ? this.#intake.presence.offline(device.id, 'MQTT_DISCONNECTED', `${who} said goodbye and closed its connection; was it switched off or restarted?`, true)
        : this.#intake.presence.offline(device.id, 'MQTT_NOT_CONNECTED', `${who} closed its connection or fell silent; check its power and network`))
    }
  }
}

/** [MQTT-3.1.3-8]: an empty client id goes only with a clean session. */
function refusalOf({ clientId, clean }: { readonly clientId?: string; readonly clean?: boolean }): AuthenticateError | null {
  return !clientId && !clean ? refusal('the client id is empty and the session is not clean', refusals.identifier) : null
}

function refusal(message: string, returnCode: number): AuthenticateError {
  return Object.assign(new DriverError('MQTT_REFUSED', message), { returnCode }) as AuthenticateError
}
