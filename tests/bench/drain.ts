import type { ChildProcess } from 'node:child_process'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { uplinkSchema } from '../../cloud-sync/schema.ts'
import { createUplink } from '../../cloud-sync/uplink.ts'
import type { Reading } from '../../gateway/contract/index.ts'
import { silentLog, systemClock as clock, systemRandom as random } from '../../gateway/kit/index.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { publishAll } from './load.ts'
import { startMosquitto } from './peers.ts'
import { freePort, inFolder, password, start, stop, until } from './processes.ts'

export interface Drained { readonly readings: number; readonly messages: number }

/** A city: `process` counts what it has, as city.ts does. */
interface City extends AsyncDisposable { readonly port: number; readonly process: ChildProcess }
export type CityKind = 'aedes' | 'mosquitto'

/** A backlog of packed telemetry, as an outage leaves it, to a city that came back: readings and messages a second until it has them all. */
export function drain(count: number, kind: CityKind = 'aedes'): Promise<Drained> {
  return inFolder(async (folder) => {
    const encoder = createEncoder({ gateway: 'bench', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' })
    await using journal = await openJournal({ folder, encoder, clock, random, log: silentLog(), commitMs: 50, maxBytes: 1 << 30 })
    const reader = await journal.reader('city', { from: 'start' })
    for (let from = 0; from < count; from += 10_000) {
      const readings = Array.from({ length: 10_000 }, (_, n): Reading => ({ pointId: pointOf(n), value: (from + n) / 100, at: 1_767_600_000_000 + from + n, receivedAt: 1_767_600_000_000 + from + n, quality: 'good' }))
      await journal.commit({ readings, urgent: true })
    }
    await using city = await openCity(kind, folder)
    const controller = new AbortController()
    const uplink = createUplink({
      config: uplinkSchema.parse({ id: 'city', url: `mqtt://127.0.0.1:${city.port}`, protocol: '3.1.1' }), gateway: 'bench', region: '420106', reader, clock, random, log: silentLog(), version: '0', epoch: journal.epoch,
      maxMessageBytes: 65_536, onCommit: (listener) => journal.onCommit(listener), timeQuality: () => 'synced', model: () => ({ gateway: 'bench', region: '420106', name: { zh: '测', en: 'bench' }, devices: [] }),
      snapshot: () => ({ at: 0, timeQuality: 'synced', heads: journal.heads(), values: [], alerts: [] }),
    })
    const began = performance.now()
    const running = uplink.run(controller.signal)
    const drained = await untilAll(city, count, began)
    controller.abort()
    await running
    return drained
  })
}

/** The same readings queued one a message by mosquitto for its own bridge, 200 bytes each, in memory; from the first that comes through the returned connection. */
export function drainBridge(count: number): Promise<Drained> {
  return inFolder(async (folder) => {
    const cityPort = await freePort()
    const site = await startMosquitto(folder, ['connection city', `address 127.0.0.1:${cityPort}`, 'topic # out 1', 'cleansession false', 'restart_timeout 1', 'bridge_protocol_version mqttv311', 'notifications false', 'try_private false'])
    try {
      await publishAll({
        port: site.port, clients: 10, window: 100, publishes: count, password, username: (client) => `d${client}`, topic: () => 'linli/v1/420106/bench/up/telemetry',
        payload: (client, n) => `{"point":"${pointOf(n * 10 + client)}","value":${n / 100},"at":${1_767_600_000_000 + n},"filler":"`.padEnd(198, 'x') + '"}',
      })
      // Stopped, so that the bridge does not connect before the city listens.
      site.process.kill('SIGSTOP')
      await using city = await openCity('mosquitto', folder, cityPort)
      site.process.kill('SIGCONT')
      await until(async () => (await countOf(city)).readings > 0)
      return await untilAll(city, count, performance.now())
    } finally {
      await stop(site.process)
    }
  })
}

const pointOf = (n: number): string => `meter-${n % 40}.energy-import`

async function openCity(kind: CityKind, folder: string, port?: number): Promise<City> {
  if (kind === 'aedes') {
    const city = await start<{ port: number }>('city.ts', [])
    return { port: city.first.port, process: city.process, [Symbol.asyncDispose]: () => stop(city.process) }
  }
  const broker = await startMosquitto(folder, [], port)
  const platform = await start('subscriber.ts', [String(broker.port), '+/+/+/+/up/telemetry'])
  return { port: broker.port, process: platform.process, async [Symbol.asyncDispose]() { await stop(platform.process); await stop(broker.process) } }
}

async function untilAll(city: City, count: number, began: number): Promise<Drained> {
  await until(async () => (await countOf(city)).readings >= count)
  const seconds = (performance.now() - began) / 1_000
  return { readings: count / seconds, messages: (await countOf(city)).messages / seconds }
}

function countOf({ process: city }: City): Promise<{ readonly readings: number; readonly messages: number }> {
  return new Promise((resolve) => { city.once('message', (message) => resolve(message as { readings: number; messages: number })); city.send('count') })
}
