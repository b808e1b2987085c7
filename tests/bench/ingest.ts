import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { publishAll } from './load.ts'
import { cpuSeconds, freePort, inFolder, password, start, stop, until } from './processes.ts'

export interface IngestResult { readonly perSecond: number; readonly cpuPer100k: number }

const clients = 10
const filler = 'x'.repeat(150)

/** 200-byte publishes of ten devices in, each one reading, PUBACK after the fsync; until the city has them all. */
export function ingest(publishes: number, readingsPerMessage?: number, history = true): Promise<IngestResult> {
  return inFolder(async (folder) => {
    const city = await start<{ port: number }>('city.ts', [])
    const brokerPort = await freePort()
    const file = path.join(folder, 'site.yaml')
    await writeFile(file, [
      'linli: 1', 'site: { id: bench, name: { zh: 测, en: bench }, region: "420106" }', `store: { path: ${folder}/data }`, `history: { enabled: ${history} }`,
      `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 1000000, listen: { port: ${brokerPort} } }]`, 'devices:',
      ...Array.from({ length: clients }, (_, n) => `  - { id: d${n}, name: { zh: 表, en: meter }, connection: broker, password: { env: LINLI_BENCH_PASSWORD }, points: { n: { name: { zh: 数, en: number }, type: number, topic: "devices/{device}/n", pointer: /n } } }`),
      `uplinks: [{ id: city, url: "mqtt://127.0.0.1:${city.first.port}", protocol: "3.1.1" }]`, '',
    ].join('\n'))
    const gateway = await start('gateway.ts', [file, ...(readingsPerMessage ? [String(readingsPerMessage)] : [])])
    try {
      const load = (count: number, from: number): Promise<void> => publishAll({
        port: brokerPort, clients, window: 100, publishes: count, password, topic: (client) => `devices/d${client}/n`, username: (client) => `d${client}`,
        payload: (_client, n) => `{"n":${String(from + n).padStart(9, '1')},"filler":"${filler}","unit":"1"}`.padEnd(200),
      })
      await load(publishes / 4, 100_000_000)
      const before = await readingsAt(city.process)
      await until(async () => await readingsAt(city.process) >= publishes / 4)
      const cpu = cpuSeconds(gateway.process.pid!)
      const began = performance.now()
      await load(publishes, 200_000_000)
      await until(async () => await readingsAt(city.process) >= publishes * 1.25)
      const seconds = (performance.now() - began) / 1_000
      if (before < 0) throw new Error('the city counted nothing')
      return { perSecond: publishes / seconds, cpuPer100k: ((cpuSeconds(gateway.process.pid!) - cpu) / publishes) * 100_000 }
    } finally {
      await stop(gateway.process)
      await stop(city.process)
    }
  })
}

export function readingsAt(city: ChildProcess): Promise<number> {
  return new Promise((resolve) => { city.once('message', (message) => resolve((message as { readings: number }).readings)); city.send('count') })
}
