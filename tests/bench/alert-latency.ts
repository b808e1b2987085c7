import { open, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import mqttPacket from 'mqtt-packet'
import { connectPacket, publishPacket } from './load.ts'
import { startMosquitto } from './peers.ts'
import { freePort, inFolder, password, start, stop } from './processes.ts'

/** Milliseconds from a device's publish to the city's subscriber, and of the machine's bare fdatasync before each round. */
export interface AlertLatency { readonly ms: readonly number[]; readonly fsyncMs: readonly number[] }

const region = '420106'
/** So many that none of them chatters. */
const points = 500
const clients = 10

const site = (folder: string, brokerPort: number, city: string): string => [
  'linli: 2', `site: { id: bench, name: { zh: 测, en: bench }, region: "${region}" }`, `store: { path: ${folder}/data }`,
  `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 1000000, listen: { port: ${brokerPort} } }]`, 'devices:',
  ...Array.from({ length: clients }, (_, n) => `  - { id: d${n}, name: { zh: 表, en: meter }, connection: broker, password: { env: LINLI_BENCH_PASSWORD }, points: { n: { name: { zh: 数, en: number }, type: number, topic: "devices/{device}/n", pointer: /n } } }`),
  '  - id: doors', '    name: { zh: 门, en: doors }', '    connection: broker', '    password: { env: LINLI_BENCH_PASSWORD }', '    points:',
  ...Array.from({ length: points }, (_, n) => `      p${n}: { name: { zh: 门, en: door }, type: number, topic: "devices/{device}/p${n}", pointer: /open }`),
  'rules:', ...Array.from({ length: points }, (_, n) => `  - { id: r${n}, kind: threshold, point: doors.p${n}, above: 0.5, severity: 2, title: { zh: 门开, en: door open } }`),
  `uplinks: [{ id: city, url: "${city}" }]`, '',
].join('\n')

/** Doors open and close while ten devices publish `rates` readings a second beside them, in turn; each publish raises or clears an alert, which is stored, sent, and taken by a subscriber of the city's mosquitto. */
export function alertLatency<Rate extends number>(rates: readonly Rate[], rounds: number, alerts: number): Promise<Readonly<Record<Rate, AlertLatency>>> {
  return inFolder(async (folder) => {
    const city = await startMosquitto(folder)
    const brokerPort = await freePort()
    const file = path.join(folder, 'site.yaml')
    await writeFile(file, site(folder, brokerPort, `mqtt://127.0.0.1:${city.port}`))
    const gateway = await start('gateway.ts', [file])
    const found = Object.fromEntries(rates.map((rate) => [rate, { ms: [], fsyncMs: [] }])) as unknown as Record<Rate, { ms: number[]; fsyncMs: number[] }>
    try {
      await using doors = await openDoors(brokerPort, city.port)
      // The first round warms.
      for (let round = 0; round <= rounds; round++) {
        for (const rate of rates) {
          const fsyncMs = await bareFsync(folder, 100)
          const ms = await beside(brokerPort, rate, async () => {
            const list: number[] = []
            while (list.length < alerts) { await pause(2 + Math.random() * 10); list.push(await doors.next()) }
            return list
          })
          if (round > 0) { found[rate].ms.push(...ms); found[rate].fsyncMs.push(...fsyncMs) }
        }
      }
      return found
    } finally {
      await stop(gateway.process)
      await stop(city.process)
    }
  })
}

/** Throws when the gateway did not take all the readings meanwhile. */
export async function beside<T>(port: number, perSecond: number, work: () => Promise<T>, points?: number): Promise<T> {
  const { process: background } = await start('background.ts', [String(port), String(perSecond), ...(points ? [String(points)] : [])])
  const acknowledged = (): Promise<number> => new Promise((resolve) => { background.once('message', (message) => resolve((message as { acknowledged: number }).acknowledged)); background.send('count') })
  try {
    await pause(1_000)
    const [before, began] = [await acknowledged(), performance.now()]
    const result = await work()
    const taken = (await acknowledged() - before) / (performance.now() - began) * 1_000
    if (taken < perSecond * 0.95) throw new Error(`${Math.round(taken)} of ${perSecond} readings a second were taken`)
    return result
  } finally {
    await stop(background)
  }
}

interface Doors extends AsyncDisposable { /** Opens or closes the next door; the ms until its alert was at the platform. */ next(): Promise<number> }
const patienceMs = 10_000

/** A device and the platform in one process, so by one clock. */
async function openDoors(brokerPort: number, cityPort: number): Promise<Doors> {
  const platform = await dial(cityPort, 'platform')
  const parser = mqttPacket.parser()
  let at = 0
  let arrived: (name: string) => void = () => {}
  platform.on('data', (chunk) => { at = performance.now(); parser.parse(chunk) })
  parser.on('packet', (packet) => {
    if (packet.cmd !== 'publish') return
    platform.write(mqttPacket.generate({ cmd: 'puback', messageId: packet.messageId! }))
    const { data } = JSON.parse(String(packet.payload)) as { data: { rule: string; state: string } }
    // A flood is told beside them, once.
    if (data.rule !== 'gateway') arrived(`${data.rule} ${data.state}`)
  })
  platform.write(mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `linli/v1/${region}/bench/up/alert`, qos: 1 }] }))
  const device = (await dial(brokerPort, 'doors')).resume()
  let turn = 0
  return {
    async next() {
      const n = turn % points
      const opens = Math.floor(turn++ / points) % 2 === 0
      const packet = publishPacket(`devices/doors/p${n}`, `{"open":${opens ? 1 : 0}}`, (turn % 65_535) + 1)
      const told = new Promise<string>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`door ${n} gave no alert`)), patienceMs)
        arrived = (name) => { clearTimeout(late); resolve(name) }
      })
      const began = performance.now()
      device.write(packet)
      const name = await told
      if (name !== `r${n} ${opens ? 'raised' : 'cleared'}`) throw new Error(`door ${n} gave ${name}`)
      return at - began
    },
    async [Symbol.asyncDispose]() { for (const socket of [platform, device]) socket.on('error', () => {}).destroy() },
  }
}

export async function dial(port: number, name: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(connectPacket(name, name, password))
  await new Promise((resolve, reject) => { socket.once('data', resolve).once('error', reject) })
  return socket
}

/** What a commit costs at least on this disk: append and fdatasync, off the event loop and at the pace of the alerts, as a commit is. */
async function bareFsync(folder: string, count: number): Promise<number[]> {
  const file = await open(path.join(folder, 'fsync'), 'a')
  const record = Buffer.alloc(1_024, 1)
  const ms: number[] = []
  for (let n = 0; n < count; n++) {
    await pause(2 + Math.random() * 10)
    const began = performance.now()
    await file.write(record)
    await file.datasync()
    ms.push(performance.now() - began)
  }
  await file.close()
  return ms
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
