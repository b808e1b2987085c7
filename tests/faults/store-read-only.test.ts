import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { readSite } from '../../gateway/cli/rooms.ts'
import { silentLog } from '../../gateway/kit/index.ts'
import { startGateway } from '../../gateway/main.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { systemClock as clock, systemRandom as random } from '../../gateway/kit/index.ts'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { contentOf, drain } from '../support/journals.ts'
import { tempFolder } from '../support/resources.ts'

/** A store that cannot be used although the process may be root: its path is taken by a file. */
async function site() {
  const folder = await tempFolder()
  const file = path.join(folder, 'site.yaml')
  const text = (port: number): string => `linli: 2
site: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }
store: { path: ./data }
control: { socket: ./linli.sock }
history: { enabled: false }
connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: ${port} }]
devices: [{ id: env, name: { zh: 温湿度, en: env }, connection: line, profile: xy-md02, unitId: 1, points: { temperature: { poll: 50ms } } }]
rules: [{ id: hot, kind: threshold, point: env.temperature, above: 30, severity: 2, title: { zh: 过热, en: hot } }]
`
  await writeFile(file, text(1))
  const { connections } = await readSite(file)
  const simulator = await startModbusSimulator(connections[0] as never, { clock, random }, { port: 0 })
  await writeFile(file, text(simulator.port))
  return { folder, file, simulator }
}

it('a gateway whose disk cannot be used starts, alarms and decides, and what it saw is on disk when the disk is back', async () => {
  const { folder, file, simulator } = await site()
  await using _ = simulator
  const data = path.join(folder, 'data')
  await writeFile(data, 'not a folder')
  simulator.set('env.temperature', 215)
  const first = await startGateway({ site: await readSite(file), log: silentLog() })
  expect(first.storeReturned).not.toBeNull()
  await expect.poll(() => first.live.read('env.temperature')?.value).toBe(21.5)
  simulator.set('env.temperature', 350)
  await expect.poll(() => first.status().alerts.map(({ key }) => key).toSorted()).toEqual(['gateway/store/failing', 'hot'])
  await rm(data)
  await mkdir(data)
  await first.storeReturned
  await first[Symbol.asyncDispose]()
  const second = await startGateway({ site: await readSite(file), log: silentLog(), pending: first.held() })
  expect(second.storeReturned).toBeNull()
  await expect.poll(() => second.status().alerts.map(({ key }) => key)).toEqual(['hot'])
  await second[Symbol.asyncDispose]()
  await using journal = await openJournal({ folder: path.join(data, 'journal'), encoder: createEncoder({ gateway: 'hall', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' }), clock, random, log: silentLog(), commitMs: 5, maxBytes: 1 << 30 })
  const reader = await journal.reader('test', { from: 'start' })
  const alerts = (await drain(reader, 'alert')).map((record) => contentOf(record).data).map(({ key, state }) => `${key} ${state}`)
  expect(alerts).toEqual(['gateway/store/failing raised', 'hot raised', 'gateway/store/failing cleared', 'gateway/store/failing closed'])
  const values = (await drain(reader, 'telemetry')).flatMap((record) => contentOf(record).data.readings).filter(({ point }) => point === 'env.temperature').map(({ value }) => value)
  expect(values.slice(0, 2)).toEqual([21.5, 35])
})

it('a store that another gateway holds is still refused', async () => {
  const { file, simulator } = await site()
  await using _ = simulator
  await using _first = await startGateway({ site: await readSite(file), log: silentLog() })
  await expect(startGateway({ site: await readSite(file), log: silentLog() })).rejects.toMatchObject({ code: 'STORE_LOCKED' })
})
