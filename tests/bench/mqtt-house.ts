import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { publishAll } from './load.ts'
import { freePort, inFolder, password, start, stop, until } from './processes.ts'

export interface HouseOptions { readonly readingsPerMessage?: number | undefined; readonly history?: boolean; /** No city answers. */ readonly cityAway?: boolean; /** Values that compress as a sensor's do, in place of a count. */ readonly noisy?: boolean }

export interface House {
  readonly pid: number
  /** 200-byte publishes of ten devices, each one reading, PUBACK after the fsync; `perSecond` of them, or as fast as they are taken. */
  load(publishes: number, perSecond?: number): Promise<void>
  /** Until the city has all that was loaded. */
  delivered(): Promise<void>
}

const clients = 10
/** Four digits that no compressor foresees (Knuth's multiplicative hash). */
const noise = (n: number): string => ((Math.imul(n, 2_654_435_761) >>> 0) % 10_000 / 100).toFixed(2)
const filler = 'x'.repeat(150)

/** A gateway in a process of its own whose broker ten devices publish to, and a city that takes what it sends. */
export function inHouse<T>({ readingsPerMessage, history = true, cityAway = false, noisy = false }: HouseOptions, work: (house: House) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const city = cityAway ? null : await start<{ port: number }>('city.ts', [])
    const [brokerPort, awayPort] = [await freePort(), await freePort()]
    const file = path.join(folder, 'site.yaml')
    await writeFile(file, [
      'linli: 2', 'site: { id: bench, name: { zh: 测, en: bench }, region: "420106" }', `store: { path: ${folder}/data }`, `history: { enabled: ${history} }`,
      `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 1000000, listen: { port: ${brokerPort} } }]`, 'devices:',
      ...Array.from({ length: clients }, (_, n) => `  - { id: d${n}, name: { zh: 表, en: meter }, connection: broker, password: { env: LINLI_BENCH_PASSWORD }, points: { n: { name: { zh: 数, en: number }, type: number, topic: "devices/{device}/n", pointer: /n } } }`),
      `uplinks: [{ id: city, url: "mqtt://127.0.0.1:${city?.first.port ?? awayPort}", protocol: "3.1.1" }]`, '',
    ].join('\n'))
    const stopCity = async (): Promise<void> => { if (city) await stop(city.process) }
    // A gateway that does not start leaves no city behind.
    const gateway = await start('gateway.ts', [file, ...(readingsPerMessage ? [String(readingsPerMessage)] : [])]).catch(async (error: unknown) => { await stopCity(); throw error })
    const devices = publishers(brokerPort, noisy)
    try {
      return await work({
        pid: gateway.process.pid!, load: devices.load,
        delivered: () => until(async () => city === null || await readingsAt(city.process) >= devices.loaded()),
      })
    } finally {
      await stop(gateway.process)
      await stopCity()
    }
  })
}

/** The ten devices, as {@link House.load} says. `loaded`: publishes so far. */
export function publishers(port: number, noisy = false): { load(publishes: number, perSecond?: number): Promise<void>; loaded(): number } {
  let loaded = 0
  return {
    loaded: () => loaded,
    async load(publishes, perSecond) {
      const from = 100_000_000 + loaded
      loaded += Math.ceil(publishes / clients) * clients
      await publishAll({
        port, clients, window: 100, publishes, ...(perSecond ? { perSecond } : {}), password, topic: (client) => `devices/d${client}/n`, username: (client) => `d${client}`,
        payload: (client, n) => `{"n":${noisy ? noise(from + n * clients + client) : from + n},"filler":"${filler}","unit":"1"}`.padEnd(200),
      })
    },
  }
}

export function readingsAt(city: ChildProcess): Promise<number> {
  return new Promise((resolve) => { city.once('message', (message) => resolve((message as { readings: number }).readings)); city.send('count') })
}
