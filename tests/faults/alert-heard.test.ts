import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readSite } from '../../gateway/cli/rooms.ts'
import { silentLog, systemClock as clock, systemRandom as random } from '../../gateway/kit/index.ts'
import { startGateway } from '../../gateway/main.ts'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { linli } from '../support/command-line.ts'
import { freePort, tempFolder } from '../support/resources.ts'

/** A smoke contact's stand-in and a relay board on one line; the city's address answers nobody. */
async function house(more = '') {
  const folder = await tempFolder()
  const file = path.join(folder, 'site.yaml')
  const text = (port: number, cityPort: number): string => `linli: 2
site: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }
store: { path: ./data }
control: { socket: ./linli.sock }
history: { enabled: false }
connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: ${port} }]
devices:
  - { id: env, name: { zh: 温湿度, en: env }, connection: line, profile: xy-md02, place: hall, unitId: 1, points: { temperature: { poll: 50ms } } }
  - { id: board, name: { zh: 继电器, en: relays }, connection: line, profile: waveshare-8-relay, unitId: 2 }
rules: [{ id: hot, kind: threshold, point: env.temperature, above: 30, severity: 1, title: { zh: 过热, en: hot } }]
sounders: [{ id: horn, points: [board.relay-1], patterns: { 1: { on: 1s, off: 0s } } }]
uplinks: [{ id: city, url: "mqtt://127.0.0.1:${cityPort}" }]
${more}`
  await writeFile(file, text(1, 2))
  const { connections } = await readSite(file)
  const line = await startModbusSimulator(connections[0] as never, { clock, random }, { port: 0 })
  onTestFinished(() => line[Symbol.asyncDispose]())
  await writeFile(file, text(line.port, await freePort()))
  line.set('env.temperature', 215)
  return { folder, file, line }
}

it('an alarm is heard within 2 s with uplink, console and disk all failing, and the horn is off after a clean stop', async () => {
  const { folder, file, line } = await house()
  await writeFile(path.join(folder, 'data'), 'not a folder')
  // Nor can the console's socket be opened: its path is a folder.
  await mkdir(path.join(folder, 'linli.sock', 'x'), { recursive: true })
  const gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  expect(gateway.storeReturned).not.toBeNull()
  await expect.poll(() => gateway.live.read('env.temperature')?.value, { timeout: 5_000 }).toBe(21.5)
  expect(line.get('board.relay-1')).toBe(false)
  const started = performance.now()
  line.set('env.temperature', 350)
  await expect.poll(() => line.get('board.relay-1'), { timeout: 5_000, interval: 10 }).toBe(true)
  expect(performance.now() - started).toBeLessThan(2_000)
  await gateway[Symbol.asyncDispose]()
  expect(line.get('board.relay-1')).toBe(false)
}, 30_000)

it('from the sensor to the last word: silence, acknowledge, resolve and rate on the command line, over a restart', async () => {
  const { folder, file, line } = await house(`people: [{ id: wang, name: { zh: 王, en: Wang } }, { id: li, name: { zh: 李, en: Li } }]
`)
  const alerts = (...words: string[]) => linli('alerts', ...words, '--socket', path.join(folder, 'linli.sock'))
  const json = async (...words: string[]) => { const { stdout, stderr } = await alerts(...words, '--json'); return JSON.parse(stdout || JSON.stringify({ stderr })) }
  let gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  expect((await alerts()).stdout).toContain('一切正常 / all normal')
  line.set('env.temperature', 350)
  await expect.poll(() => line.get('board.relay-1'), { timeout: 5_000 }).toBe(true)
  const view = await json('list')
  expect(view).toMatchObject({ summary: { open: { 1: 1 }, waiting: 1 }, open: [{ ruleId: 'hot', deviceId: 'env', state: 'raised', condition: 'active' }], sounders: [{ id: 'horn', sounding: 1, on: true }] })
  const { id } = view.open[0]
  expect((await alerts()).stdout).toMatch(/特急 critical .* 待处理 waiting .* 过热 \/ hot/)

  expect(await json('silence', '--by', 'wang')).toEqual({ silenced: [id] })
  await expect.poll(() => line.get('board.relay-1'), { timeout: 5_000 }).toBe(false)
  expect(await json('acknowledge', id.slice(0, 6), '--by', 'wang')).toMatchObject({ outcome: 'applied', alert: { state: 'acknowledged', acknowledged: { by: 'wang' } } })
  expect((await alerts('ack', id, '--by', 'li')).stdout).toMatch(/already: wang at/)
  const refused = await alerts('resolve', id, 'turned the heating down', '--by', 'wang')
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('ALERT_STILL_ACTIVE') })

  await gateway[Symbol.asyncDispose]()
  gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  expect((await json('list')).open).toMatchObject([{ id, state: 'acknowledged', condition: 'active' }])
  line.set('env.temperature', 215)
  await expect.poll(async () => (await json('show', id)).condition, { timeout: 5_000 }).toBe('returned')
  expect(await json('resolve', id, 'turned the heating down', '--by', 'wang')).toMatchObject({ alert: { state: 'resolved', resolved: { note: 'turned the heating down' } } })
  expect(await json('evaluate', id, '5', '--by', 'li')).toMatchObject({ alert: { state: 'closed' } })
  expect((await json('list')).open).toEqual([])
  const shown = (await alerts('show', id)).stdout
  for (const word of ['raised', 'silenced', 'acknowledged', 'cleared', 'resolved', 'turned the heating down', 'evaluated']) expect(shown).toContain(word)
  expect(await json('stats')).toMatchObject({ rules: [{ rule: 'hot', alerts: 1 }], badActors: [{ rule: 'hot', share: 1 }] })
  for (const [words, code] of [[['show', 'ffff'], 'ALERT_UNKNOWN'], [['dance', id], 'ALERTS_USAGE'], [['evaluate', id, '9'], 'ALERT_ACT_INVALID'], [['test', '--severity', '7'], 'ALERT_ACT_INVALID'], [['ack'], 'ALERTS_USAGE']] as const) expect((await alerts(...words)).stderr).toContain(code)
}, 60_000)

it('a test alarm sounds, says TEST, and is no alert of the house', async () => {
  const { folder, file, line } = await house()
  await rm(path.join(folder, 'data'), { recursive: true, force: true })
  await using gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  await expect.poll(() => gateway.live.read('env.temperature')?.value, { timeout: 5_000 }).toBe(21.5)
  const { stdout } = await linli('alerts', 'test', '--severity', '1', '--socket', path.join(folder, 'linli.sock'))
  expect(stdout).toContain('TEST')
  await expect.poll(() => line.get('board.relay-1'), { timeout: 5_000 }).toBe(true)
  const listed = await linli('alerts', '--socket', path.join(folder, 'linli.sock'))
  expect(listed.stdout).toContain('【测试】报警试验 / TEST alarm test')
  expect(await readFile(file, 'utf8')).toContain('horn')
}, 30_000)
