import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { silentLog, systemClock as clock, systemRandom as random } from '../../gateway/kit/index.ts'
import { startGateway } from '../../gateway/main.ts'
import { tempFolder } from '../support/resources.ts'

it('the alert of a rule that left the site file returns at the next start, and waits for nobody who could clear it', { timeout: 30_000 }, async () => {
  const folder = await tempFolder()
  const file = path.join(folder, 'site.yaml')
  const text = (port: number, rules: string): string => `linli: 2
site: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }
store: { path: ./data }
history: { enabled: false }
connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: ${port} }]
devices: [{ id: env, name: { zh: 温湿度, en: env }, connection: line, profile: xy-md02, unitId: 1, points: { temperature: { poll: 50ms } } }]
rules: [${rules}]
`
  await writeFile(file, text(1, ''))
  await using simulator = await startModbusSimulator((await readSite(file)).connections[0] as never, { clock, random }, { port: 0 })
  simulator.set('env.temperature', 350)
  await writeFile(file, text(simulator.port, '{ id: hot, kind: threshold, point: env.temperature, above: 30, severity: 2, title: { zh: 过热, en: hot } }'))
  {
    await using gateway = await startGateway({ site: await readSite(file), log: silentLog() })
    await expect.poll(() => gateway.status().alerts.find(({ key }) => key === 'hot')?.condition, { timeout: 10_000 }).toBe('active')
  }
  await writeFile(file, text(simulator.port, ''))
  await using gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  const alert = gateway.status().alerts.find(({ key }) => key === 'hot')
  expect(alert).toMatchObject({ state: 'raised', condition: 'returned' })
  expect(alert!.timeline.at(-1)).toMatchObject({ what: 'cleared', data: { reason: 'rule-removed' } })
})
