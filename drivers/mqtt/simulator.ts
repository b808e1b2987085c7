import mqtt, { type MqttClient } from 'mqtt'
import type { Clock, Random } from '../../gateway/contract/index.ts'
import { randomHex } from '../../gateway/kit/index.ts'
import { usernameOf, type MqttConfig, type MqttDeviceConfig } from './schema.ts'

/** What one device numbered, sent and got a PUBACK for. */
export interface Acknowledged {
  readonly sequence: readonly number[]
  readonly occurrences: readonly { readonly type: 'access' | 'kiosk' | 'request' | 'evaluation'; readonly n: number }[]
}
export interface MqttSimulator {
  /** By device id. */
  acknowledged(): Readonly<Record<string, Acknowledged>>
  /** Falls silent, waits up to a second for what is in the air, and disconnects. May be called twice. */
  stop(): Promise<void>
}

interface Life { readonly clock: Clock; readonly random: Random; send(topic: string, body: object, note: () => void): void; readonly done: { sequence: number[]; occurrences: { type: Acknowledged['occurrences'][number]['type']; n: number }[] }; state: { n: number; seq: number; paper: number; open: boolean } }

const kept = 50_000
const items = ['senior-card', 'provident-fund-print', 'property-report', 'social-security-proof', 'residence-permit']

/** One client for each device of the connection, behaving as its profile says, every message numbered by the device itself. */
export async function startMqttSimulator(config: MqttConfig, { clock, random }: { readonly clock: Clock; readonly random: Random }, { url, password }: { readonly url: string; readonly password: string }): Promise<MqttSimulator> {
  const lives = new Map<string, Life>()
  const cancels: (() => void)[] = []
  let inFlight = 0
  let stopped = false
  const clients = await Promise.all(config.devices.map(async (device, index) => {
    const client = await mqtt.connectAsync(url, { protocolVersion: 4, clientId: `sim-${device.id}`, username: usernameOf(device), password, reconnectPeriod: 500 })
    client.on('error', () => {})
    const life: Life = {
      clock, random, done: { sequence: [], occurrences: [] }, state: { n: 0, seq: 0, paper: index === 1 ? 12 : 60, open: false },
      send(topic, body, note) {
        inFlight++
        client.publish(`devices/${device.id}/${topic}`, JSON.stringify(body), { qos: 1 }, (error) => { inFlight--; if (!error) note() })
      },
    }
    lives.set(device.id, life)
    schedule(device, life, index)
    return client
  }))

  function schedule(device: MqttDeviceConfig, life: Life, index: number): void {
    const step = device.profile === 'door-controller' ? doorStep : terminalStep
    const next = (waitMs: number): void => {
      cancels[index] = clock.after(waitMs, () => { if (stopped) return; step(device.id, life); next(1_200 + random() * 1_200) })
    }
    step(device.id, life)
    next(300 + index * 200)
  }

  return {
    acknowledged: () => Object.fromEntries([...lives].map(([id, { done }]) => [id, done])),
    async stop() {
      if (stopped) return
      stopped = true
      for (const cancel of cancels) cancel()
      const deadline = clock.monotonic() + 1_000
      while (inFlight > 0 && clock.monotonic() < deadline) await clock.sleep(10)
      await Promise.all(clients.map((client: MqttClient) => client.endAsync(true)))
    },
  }
}

function remember<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > kept) list.shift()
}

function occurrence(life: Life, topic: string, type: Acknowledged['occurrences'][number]['type'], body: object): void {
  const n = ++life.state.n
  life.send(topic, { id: randomHex(8), n, at: new Date(life.clock.now()).toISOString(), ...body }, () => remember(life.done.occurrences, { type, n }))
}

function terminalStep(_id: string, life: Life): void {
  const { state, random } = life
  const seq = ++state.seq
  state.paper = Math.max(3, state.paper - (seq % 2 === 0 ? 1 : 0))
  life.send('state', { seq, paper: state.paper, printer: 'ok', cardReader: 'ok', online: true, at: new Date(life.clock.now()).toISOString() }, () => remember(life.done.sequence, seq))
  if (random() < 0.4) occurrence(life, 'session', 'kiosk', { item: items[Math.floor(random() * items.length)], result: 'done', durationS: Math.round(30 + random() * 200) })
  if (random() < 0.08) occurrence(life, 'rating', 'evaluation', { session: randomHex(4), score: 3 + Math.floor(random() * 3) })
}

function doorStep(_id: string, life: Life): void {
  const { state, random } = life
  if (!state.open) occurrence(life, 'access', 'access', { result: random() < 0.9 ? 'granted' : 'denied', card: String(Math.floor(1e9 * random())) })
  state.open = !state.open
  const seq = ++state.seq
  life.send('contact', { open: state.open, seq, at: new Date(life.clock.now()).toISOString() }, () => remember(life.done.sequence, seq))
}
