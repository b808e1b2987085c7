import path from 'node:path'
import { publishAll } from './load.ts'
import { run } from './modbus/programs.ts'
import { inHouse, publishers, readingsAt, type House } from './mqtt-house.ts'
import { redFolder, startMosquitto } from './peers.ts'
import { cpuSeconds, inFolder, password, start, stop, until } from './processes.ts'

export interface IngestResult { readonly perSecond: number; readonly cpuPer100k: number }

const warmUp = 25_000

/** 200-byte publishes of ten devices in, each one reading, PUBACK after the fsync; until the city has them all. */
export function ingest(publishes: number, readingsPerMessage?: number, history = true): Promise<IngestResult> {
  return inHouse({ readingsPerMessage, history }, (house) => measure(publishes, house, [house.pid]))
}

async function measure(publishes: number, { load, delivered }: Pick<House, 'load' | 'delivered'>, pids: readonly number[]): Promise<IngestResult> {
  await load(warmUp)
  await delivered()
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  const [used, began] = [cpu(), performance.now()]
  await load(publishes)
  await delivered()
  return { perSecond: publishes / ((performance.now() - began) / 1_000), cpuPer100k: ((cpu() - used) / publishes) * 100_000 }
}

/**
 * The same publishes into mosquitto, Node-RED behind it, one event each on to the same city; acknowledged and gone on before anything is on
 * a disk. The CPU is of both, as ours has its broker inside.
 */
export function ingestNodeRed(publishes: number): Promise<IngestResult> {
  return inFolder(async (folder) => {
    const city = await start<{ port: number }>('city.ts', [])
    const site = await startMosquitto(folder)
    await using red = run(process.execPath, [path.join(redFolder, 'ingest.mjs'), site.port, city.first.port])
    try {
      await red.next()
      const hello = (): Promise<void> => publishAll({ port: site.port, clients: 1, window: 1, publishes: 1, password, topic: () => 'devices/d0/n', username: () => 'd0', payload: () => '{"n":1}' })
      await until(async () => { await hello(); return await readingsAt(city.process) > 0 }, 30_000)
      await new Promise((resolve) => setTimeout(resolve, 200))
      const before = await readingsAt(city.process)
      const { load, loaded } = publishers(site.port)
      return await measure(publishes, { load, delivered: () => until(async () => await readingsAt(city.process) >= before + loaded()) }, [red.process.pid!, site.process.pid!])
    } finally {
      await stop(site.process)
      await stop(city.process)
    }
  })
}
