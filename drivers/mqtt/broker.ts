import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes'
import type { DriverKit, Intake, Session } from '../../gateway/contract/index.ts'
import { codeOf, DriverError } from '../../gateway/kit/index.ts'
import { MqttIntake } from './intake.ts'
import { compileMapping } from './mapping.ts'
import { PacketSizeGuard } from './packet-size.ts'
import { topicOf, usernameOf, type MqttConfig, type MqttDeviceConfig } from './schema.ts'

interface ExactlyOnce { stored: boolean; readonly waiting: ((error: null) => void)[] }
interface Account { readonly device: MqttDeviceConfig; readonly password: Buffer; readonly topics: ReadonlySet<string> }

/** MQTT 3.1.1 §3.2.2.3 */
const refusals = { identifier: 2, unavailable: 3, credentials: 4 } as const
const keptPacketIds = 1_000
/** The longest topic there can be, and headers. */
const packetOverheadBytes = 66_000

/** The local broker (aedes): each device with its own account, and a PUBACK only after the fsync that holds the publish (law 1). */
export async function openBroker(config: MqttConfig, kit: DriverKit): Promise<Session> {
  const accounts = new Map(await Promise.all(config.devices.map((device) => accountOf(device, kit))))
  const session = new BrokerSession(config, kit, accounts)
  await session.listen()
  return session
}

async function accountOf(device: MqttDeviceConfig, kit: DriverKit): Promise<readonly [string, Account]> {
  const { id, points, settings } = device
  const topics = new Set([...points.map(({ address }) => address.topic), ...settings.occurrences.map(({ topic }) => topic)].map((topic) => topicOf(topic, id)))
  return [usernameOf(device), { device, topics, password: digest(await kit.readSecret(settings.password!)) }]
}

const digest = (text: string | Buffer): Buffer => createHash('sha256').update(text).digest()

class BrokerSession implements Session {
  readonly #config: MqttConfig
  readonly #kit: DriverKit
  readonly #accounts: ReadonlyMap<string, Account>
  readonly #intake: MqttIntake
  readonly #sockets = new Map<string, Set<Socket>>()
  readonly #owners = new WeakMap<object, Account>()
  readonly #connected = new Map<string, number>()
  /** QoS 2 packet ids of a client, each with those that wait for its fsync: aedes asks for a repeat again before it knows it as one. */
  readonly #exactlyOnce = new Map<string, Map<number, ExactlyOnce>>()
  #denied = 0
  #broker: Aedes | null = null
  #server: Server | null = null

  constructor(config: MqttConfig, kit: DriverKit, accounts: ReadonlyMap<string, Account>) {
    this.#config = config
    this.#kit = kit
    this.#accounts = accounts
    this.#intake = new MqttIntake(compileMapping(config.devices, kit.hashIdentity), kit.clock, (topic, why) => {
      const { malformed } = this.#intake.counters
      if (malformed % 100 === 1) kit.log.warn({ code: 'MQTT_MALFORMED', topic, malformed }, `a payload on ${topic} cannot be read: ${why}; it is counted and dropped. Compare it with the device's profile`)
    })
  }

  /** Throws DriverError MQTT_LISTEN_FAILED. */
  async listen(): Promise<void> {
    const { listen: { host, port }, maxInFlight, connectTimeout } = this.#config.settings
    const broker = this.#broker = await Aedes.createBroker({
      concurrency: maxInFlight, connectTimeout, heartbeatInterval: 60_000,
      preConnect: (_client, packet, done) => { const refused = this.#refusal(packet); done(refused, refused === null) },
      authenticate: (client, username, password, done) => this.#authenticate(client, username, password, done),
      authorizePublish: (client, packet, done) => this.#publish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => done(null, this.#maySubscribe(client, subscription.topic) ? subscription : null),
    })
    broker.on('clientReady', (client) => this.#online(client, 1))
    broker.on('clientDisconnect', (client) => this.#online(client, -1))
    broker.on('clientError', (client, error) => this.#kit.log.debug({ client: client.id, cause: codeOf(error) }, 'client closed for an error'))
    broker.on('connectionError', (client, error) => this.#kit.log.debug({ client: client.id, cause: codeOf(error) }, 'connection refused'))
    const server = this.#server = createServer({ noDelay: true }, (socket) => this.#admit(socket, broker))
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        broker.close()
        const why = codeOf(cause) === 'EADDRINUSE' ? 'another program listens there; stop it or choose another port' : `${codeOf(cause)}; choose an address of this machine and a port above 1023`
        reject(new DriverError('MQTT_LISTEN_FAILED', `connection ${this.#config.id} cannot listen on ${host}:${port}: ${why}`, { cause, retriable: true }))
      })
      server.listen(port, host, resolve)
    })
    const at = this.#kit.clock.now()
    this.#intake.begin(this.#config.devices, this.#config.devices.map(({ id }) => ({ deviceId: id, state: 'offline', at, reason: 'MQTT_NOT_CONNECTED' })))
    this.#kit.log.info({ host, port: (server.address() as { port: number }).port }, 'local broker listens')
  }

  async *intake(signal: AbortSignal): AsyncGenerator<Intake, void, void> {
    const aborted = (): void => this.#intake.queue.close()
    signal.addEventListener('abort', aborted, { once: true })
    try {
      yield* this.#intake.queue
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }

  statistics(): Readonly<Record<string, number>> {
    return { clients: this.#broker?.connectedClients ?? 0, ...this.#intake.counters, denied: this.#denied }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server
    for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy()
    await Promise.all([
      server?.listening ? new Promise((resolve) => server.close(resolve)) : null,
      new Promise<void>((resolve) => { if (this.#broker) this.#broker.close(resolve); else resolve() }),
    ])
  }

  #admit(socket: Socket, broker: Aedes): void {
    const address = socket.remoteAddress ?? ''
    const sockets = this.#sockets.get(address) ?? new Set()
    const { maxClients, maxClientsPerAddress } = this.#config.settings
    const total = [...this.#sockets.values()].reduce((sum, { size }) => sum + size, 0)
    if (sockets.size >= maxClientsPerAddress || total >= maxClients) {
      this.#denied++
      socket.on('error', () => {}).destroy()
      if (this.#denied % 100 === 1) this.#kit.log.warn({ code: 'MQTT_TOO_MANY_CLIENTS', address, clients: total }, `a connection from ${address} was refused: too many are open; raise maxClients or maxClientsPerAddress if they are wanted`)
      return
    }
    this.#sockets.set(address, sockets.add(socket))
    socket.once('close', () => { sockets.delete(socket); if (sockets.size === 0) this.#sockets.delete(address) })
    this.#guard(socket, address)
    broker.handle(socket)
  }

  /** aedes reads the socket by `read()`: what it gets passes the guard first. */
  #guard(socket: Socket, address: string): void {
    const guard = new PacketSizeGuard(this.#config.settings.maxPayloadBytes * 4 + packetOverheadBytes)
    const read = socket.read.bind(socket)
    socket.read = (size?: number): unknown => {
      const chunk = read(size) as Buffer | null
      if (!chunk || guard.accept(chunk)) return chunk
      this.#denied++
      this.#kit.log.warn({ code: 'MQTT_PACKET_TOO_LARGE', address }, `a client at ${address} announced a packet far larger than maxPayloadBytes; its connection was closed`)
      socket.destroy()
      return null
    }
  }

  /** [MQTT-3.1.3-8]: an empty client id goes only with a clean session. */
  #refusal({ clientId, clean }: { readonly clientId?: string; readonly clean?: boolean }): AuthenticateError | null {
    return !clientId && !clean ? refusal('the client id is empty and the session is not clean', refusals.identifier) : null
  }

  #authenticate(client: Client, username: string | undefined, password: Buffer | undefined, done: (error: AuthenticateError | null, success: boolean | null) => void): void {
    const account = username === undefined ? undefined : this.#accounts.get(username)
    // Compared also for an unknown name, so that the time tells nothing.
    const right = timingSafeEqual(account?.password ?? Buffer.alloc(32), digest(password ?? ''))
    if (account && right) { this.#owners.set(client, account); return done(null, true) }
    this.#denied++
    this.#kit.log.warn({ code: 'MQTT_CREDENTIALS', username, client: client.id, denied: this.#denied }, `client ${client.id} was refused: ${account ? 'wrong password' : 'no device has this username'}; compare its settings with the site file`)
    done(refusal('wrong username or password', refusals.credentials), false)
  }

  #maySubscribe(client: Client, topic: string): boolean {
    const account = this.#owners.get(client)
    return account !== undefined && (account.topics.has(topic) || topic.startsWith(`devices/${account.device.id}/`))
  }

  #publish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const account = client ? this.#owners.get(client) : undefined
    // Heartbeats of the broker itself, and the will of a client that never logged in.
    if (!client || !account) return done(packet.topic.startsWith('$SYS/') ? null : new DriverError('MQTT_TOPIC_DENIED', `nobody may publish on ${packet.topic}`))
    const { id } = account.device
    if (!account.topics.has(packet.topic) && !packet.topic.startsWith(`devices/${id}/`)) {
      this.#denied++
      const error = new DriverError('MQTT_TOPIC_DENIED', `${id} may not publish on ${packet.topic}; its own topics begin with devices/${id}/`)
      this.#kit.log.warn({ code: error.code, device: id, topic: packet.topic }, error.message)
      return done(error)
    }
    // Nothing here reads retained messages, and a device could fill the memory with them.
    packet.retain = false
    const payload = packet.payload as Buffer
    if (payload.length > this.#config.settings.maxPayloadBytes) {
      this.#intake.counters.malformed++
      return done(null)
    }
    const stored = packet.qos === 2 ? this.#once(client.id, packet, done) : () => done(null)
    const will = client.closed
    if (stored) this.#intake.offer({ topic: packet.topic, payload, durable: packet.qos > 0, redelivered: packet.dup, stored, wanted: () => will || !client.closed })
  }

  /** Law 13: QoS 2 settles once per packet id. null for a repeat: it is answered with the first, or at once when that is stored. */
  #once(clientId: string, { messageId = 0, dup }: { readonly messageId?: number | undefined; readonly dup: boolean }, done: (error: null) => void): (() => void) | null {
    let ids = this.#exactlyOnce.get(clientId)
    if (!ids) this.#exactlyOnce.set(clientId, ids = new Map())
    const known = dup ? ids.get(messageId) : undefined
    if (known?.stored) { done(null); return null }
    if (known) { known.waiting.push(done); return null }
    const entry: ExactlyOnce = { stored: false, waiting: [done] }
    ids.set(messageId, entry)
    if (ids.size > keptPacketIds) ids.delete(ids.keys().next().value!)
    return () => { entry.stored = true; for (const waiting of entry.waiting.splice(0)) waiting(null) }
  }

  #online(client: Client, change: 1 | -1): void {
    const account = this.#owners.get(client)
    if (!account) return
    const { id } = account.device
    const count = Math.max(0, (this.#connected.get(id) ?? 0) + change)
    this.#connected.set(id, count)
    if (change === -1 && client.clean) this.#exactlyOnce.delete(client.id)
    if (count > 1 || (count === 1 && change === -1)) return
    const at = this.#kit.clock.now()
    this.#intake.report(count === 1 ? { deviceId: id, state: 'online', at } : { deviceId: id, state: 'offline', at, reason: 'MQTT_NOT_CONNECTED', detail: `${id} closed its connection or fell silent; check its power and network` })
  }
}

function refusal(message: string, returnCode: number): AuthenticateError {
  return Object.assign(new DriverError('MQTT_REFUSED', message), { returnCode }) as AuthenticateError
}
