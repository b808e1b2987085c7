import { createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { OccurrenceType, PointConfig, SimulatedFault, Simulator, SimulatorParts, Value } from '../../gateway/contract/index.ts'
import { codeOf, readSecret } from '../../gateway/kit/index.ts'
import type { MqttAddress, MqttConfig, MqttDeviceConfig, OccurrenceMapping } from './settings.ts'
import { availabilityPayload, occurrencePayload, payloadOf, topicFor, valueOfCommand, type EventState } from './simulated.ts'
import { fillIn, usernameOf } from './topics.ts'

/** What one device numbered, sent and got a PUBACK for. */
export interface Acknowledged {
  /** Values of its point `seq`. */
  readonly sequence: readonly number[]
  readonly occurrences: readonly { readonly type: OccurrenceType; readonly n: number }[]
}
export interface MqttSimulator extends Simulator {
  /** By device id. */
  acknowledged(): Readonly<Record<string, Acknowledged>>
  /** Falls silent and waits up to a second for what is in the air. May be called twice. */
  quiet(): Promise<void>
}

const kept = 50_000
const reconnectMs = 500

/** Every device of the connection as a real MQTT client: of the gateway's broker, or of one that is started at the site's url. */
export async function startMqttSimulator(config: MqttConfig, parts: SimulatorParts): Promise<MqttSimulator> {
  await using stack = new AsyncDisposableStack()
  const { settings, devices } = config
  const place = settings.mode === 'broker' ? gatewayBroker(config) : stack.use(await openBroker(settings.url!))
  const simulated = new Map<string, SimulatedDevice>()
  for (const device of devices.toSorted((a, b) => Number(a.settings.via !== undefined) - Number(b.settings.via !== undefined))) {
    const owner = device.settings.via === undefined ? undefined : simulated.get(device.settings.via)
    const password = settings.mode === 'broker' && !owner ? await readSecret(device.settings.password!) : undefined
    const entry = new SimulatedDevice(device, parts, owner?.client ?? connect(place.url, device, password))
    simulated.set(device.id, stack.use(entry))
  }
  const find = (pointId: string): SimulatedDevice => {
    const found = simulated.get(pointId.split('.')[0]!)
    if (!found?.has(pointId)) throw new RangeError(`the simulator has no point ${pointId}`)
    return found
  }
  const owned = stack.move()
  return {
    where: place.where, redirect: place.redirect,
    set: (pointId, raw) => find(pointId).set(pointId, raw),
    get: (pointId) => find(pointId).get(pointId),
    fault: (deviceId, fault) => simulated.get(deviceId)?.fail(fault),
    acknowledged: () => Object.fromEntries([...simulated].map(([id, { done }]) => [id, done])),
    async quiet() {
      for (const device of simulated.values()) device.hush()
      const deadline = parts.clock.monotonic() + 1_000
      while ([...simulated.values()].some(({ inFlight }) => inFlight > 0) && parts.clock.monotonic() < deadline) await parts.clock.sleep(10)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Place { readonly url: string; readonly where: string; readonly redirect: Readonly<Record<string, unknown>> }

function gatewayBroker({ settings: { plain, listen, tls } }: MqttConfig): Place {
  const { host, port } = plain ? listen : tls!
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return { url: `${plain ? 'mqtt' : 'mqtts'}://${address}:${port}`, where: `clients of the gateway's broker at ${address}:${port}`, redirect: {} }
}

/** The building's broker that client mode expects. On the site's own address, else on loopback. */
async function openBroker(url: string): Promise<Place & AsyncDisposable> {
  const { Aedes } = await import('aedes')
  const { hostname, port: wanted, protocol } = new URL(url)
  const local = hostname === 'localhost' || Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === hostname))
  const host = local ? hostname : '127.0.0.1'
  const broker = await Aedes.createBroker()
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => { sockets.add(socket); socket.once('close', () => sockets.delete(socket)); broker.handle(socket) })
  const listen = (port: number): Promise<void> => new Promise((resolve, reject) => { server.once('error', reject).listen(port, host, () => { server.off('error', reject); resolve() }) })
  await listen(Number(wanted || (protocol === 'mqtts:' ? 8_883 : 1_883))).catch((error: unknown) => { if (!local || codeOf(error) === 'EACCES') return listen(0); throw error })
  const { port } = server.address() as { port: number }
  const actual = `mqtt://${host}:${port}`
  return {
    url: actual, where: `${host}:${port}`, redirect: actual === url || `${actual}` === `${protocol}//${hostname}:${port}` ? {} : { url: actual },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([new Promise((resolve) => server.close(resolve)), new Promise<void>((resolve) => broker.close(resolve))])
    },
  }
}

function connect(url: string, device: MqttDeviceConfig, password: string | undefined): MqttClient {
  const { availability } = device.settings
  const will: Pick<IClientOptions, 'will'> = availability ? { will: { topic: fillIn(availability.topic, device), payload: Buffer.from(availabilityPayload(availability, false)), qos: 1, retain: true } } : {}
  const client = mqtt.connect(url, {
    // The simulated devices of a laptop: whatever certificate the site has, it is this machine's own.
    protocolVersion: 4, clientId: `sim-${device.id}`, reconnectPeriod: reconnectMs, rejectUnauthorized: false, ...will,
    ...(password === undefined ? {} : { username: usernameOf(device), password }),
  })
  return client.on('error', () => {})
}

/** One device: what its points are now, what it says, and what it was told. */
class SimulatedDevice implements AsyncDisposable {
  readonly client: MqttClient
  readonly done: { sequence: number[]; occurrences: { type: OccurrenceType; n: number }[] } = { sequence: [], occurrences: [] }
  inFlight = 0
  readonly #device: MqttDeviceConfig
  readonly #parts: SimulatorParts
  readonly #values = new Map<string, Value>()
  readonly #topics = new Map<string, PointConfig<MqttAddress>[]>()
  readonly #dirty = new Set<string>()
  readonly #events: EventState = { n: 0, session: 'none', item: 'none' }
  #fault: SimulatedFault | null = null
  #silent = false
  #cancelFlush: (() => void) | null = null
  #cancelEvent: () => void

  constructor(device: MqttDeviceConfig, parts: SimulatorParts, client: MqttClient) {
    this.#device = device
    this.#parts = parts
    this.client = client
    for (const point of device.points) {
      const { topic } = point.address
      this.#topics.set(topic, [...this.#topics.get(topic) ?? [], point])
      // What only the gateway moves begins somewhere.
      if (point.writable) this.#values.set(point.id, point.type === 'boolean' ? false : point.type === 'number' ? 0 : '')
    }
    client.on('connect', () => this.#connected())
    client.on('message', (topic, payload) => this.#command(topic, payload.toString()))
    this.#cancelEvent = parts.clock.after(1_000 + parts.random() * 2_000, () => this.#event())
    if (client.connected) this.#connected()
  }

  has(pointId: string): boolean { return this.#device.points.some(({ id }) => id === pointId) }
  get(pointId: string): Value | undefined { return this.#values.get(pointId) }

  set(pointId: string, raw: Value): void {
    const point = this.#device.points.find(({ id }) => id === pointId)!
    // Whoever opens a door has shown a card first, or forced it.
    const access = this.#mapping('access')
    if (access && point.type === 'boolean' && /open|contact|door/.test(pointId.slice(this.#device.id.length + 1)) && raw === true && this.#values.get(pointId) === false) this.#occur(access, { result: this.#parts.random() < 0.97 ? 'granted' : 'forced' })
    this.#values.set(pointId, raw)
    this.#dirty.add(point.address.topic)
    this.#cancelFlush ??= this.#parts.clock.after(0, () => { this.#cancelFlush = null; this.#flush() })
  }

  fail(fault: SimulatedFault | null): void {
    const before = this.#fault
    this.#fault = fault
    const own = this.#device.settings.via === undefined
    if (fault === 'offline') { if (own) { this.client.options.reconnectPeriod = 0; this.client.stream.destroy() } else this.#say(false) }
    if (before === 'offline' && fault === null) { if (own) { this.client.options.reconnectPeriod = reconnectMs; this.client.reconnect() } else this.#connected() }
    if (fault === 'garbage') this.#flushAll()
  }

  hush(): void { this.#silent = true; this.#cancelEvent(); this.#cancelFlush?.() }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hush()
    if (this.#device.settings.via === undefined) await this.client.endAsync(true).catch(() => {})
  }

  #connected(): void {
    if (this.#fault === 'offline') return
    const commands = this.#device.points.flatMap(({ address }) => (address.command ? [fillIn(address.command.topic, this.#device)] : []))
    if (commands.length > 0) this.client.subscribe([...new Set(commands)], { qos: 1 }, () => {})
    this.#say(true)
    this.#flushAll()
  }

  #say(online: boolean): void {
    const { availability } = this.#device.settings
    if (availability) this.#publish(fillIn(availability.topic, this.#device), availabilityPayload(availability, online), () => {}, true)
  }

  #flushAll(): void { for (const topic of this.#topics.keys()) this.#dirty.add(topic); this.#flush() }

  #flush(): void {
    const { clock, random } = this.#parts
    for (const text of this.#dirty) {
      const points = this.#topics.get(text)!
      const payload = payloadOf(points, (id) => this.#values.get(id), clock.now())
      const seq = this.#values.get(`${this.#device.id}.seq`)
      const numbered = typeof seq === 'number' && points.some(({ id }) => id === `${this.#device.id}.seq`)
      if (payload !== null) this.#publish(topicFor(text, this.#device, random), payload, () => { if (numbered) remember(this.done.sequence, seq) })
    }
    this.#dirty.clear()
  }

  #publish(topic: string, payload: string, acknowledged: () => void, retain = false): void {
    if (this.#silent || !this.client.connected || this.#fault === 'timeout' || (this.#fault === 'offline' && this.#device.settings.via === undefined)) return
    this.inFlight++
    const garbage = this.#fault === 'garbage'
    this.client.publish(topic, garbage ? '{"garb' : payload, { qos: 1, retain }, (error) => { this.inFlight--; if (!error && !garbage) acknowledged() })
  }

  #command(topic: string, payload: string): void {
    if (this.#fault) return
    for (const point of this.#device.points) {
      if (!point.address.command || fillIn(point.address.command.topic, this.#device) !== topic) continue
      const value = valueOfCommand(point, payload)
      if (value !== undefined) this.set(point.id, value)
    }
  }

  #mapping(type: OccurrenceType): OccurrenceMapping | undefined { return this.#device.settings.occurrences.find((mapping) => mapping.type === type) }

  #occur(mapping: OccurrenceMapping, given: Readonly<Record<string, Value>> = {}): void {
    const { clock, random } = this.#parts
    const n = ++this.#events.n
    const { type } = mapping
    this.#publish(topicFor(mapping.topic, this.#device, random), occurrencePayload(mapping, this.#events, clock.now(), random, given), () => remember(this.done.occurrences, { type, n }))
  }

  /** People come and go: sessions, now and then a rating or a call for help; a card that is not known. */
  #event(): void {
    const { clock, random } = this.#parts
    const [kiosk, evaluation, request, access] = [this.#mapping('kiosk'), this.#mapping('evaluation'), this.#mapping('request'), this.#mapping('access')]
    if (kiosk) this.#occur(kiosk)
    if (evaluation && random() < 0.3) this.#occur(evaluation)
    if (request && random() < 0.02) this.#occur(request)
    if (access && random() < 0.1) this.#occur(access, { result: 'denied' })
    this.#cancelEvent = clock.after(2_000 + random() * 4_000, () => this.#event())
  }
}

function remember<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > kept) list.shift()
}
