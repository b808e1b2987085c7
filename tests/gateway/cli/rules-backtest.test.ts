import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createServer } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { GatewayEvent } from '../../../gateway/contract/index.ts'
import { silentLog, systemClock } from '../../../gateway/kit/index.ts'
import { renderBacktest, runBacktest, type BacktestAnswer } from '../../../gateway/cli/rules/backtest.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { startGateway } from '../../../gateway/main.ts'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import type { ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { linli } from '../../support/command-line.ts'
import { connectDevice } from '../../drivers/mqtt/support.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { hallSite } from '../../support/rules-site.ts'

process.env.LINLI_TEST_PASSWORD = 'right horse'
const rules = [
  'alerts: { chattering: { raises: 100 }, flood: { alerts: 100 } }',
  'rules:',
  '  - { id: hot, kind: condition, inputs: { t: hall.t }, when: t > 30, for: 150ms, severity: 3, title: { zh: 热, en: hot }, then: [{ write: { point: hall.fan, value: true } }, { scene: air }], otherwise: [{ write: { point: hall.fan, value: false } }], writes: { atMost: 100, per: 10s } }',
  '  - { id: smoke, kind: library, use: smoke-contact, with: { contact: hall.smoke } }',
  '  - { id: warm, kind: threshold, point: hall.t, above: 25, for: 100ms, severity: 4, title: { zh: 暖, en: warm } }',
  'scenes: [{ id: air, steps: [{ wait: 200ms }, { raise: { severity: 4, title: { zh: 排风, en: air } } }] }]',
]
/** Of the rules, as the building heard of it. What comes again soon is the same alert, reopened. */
const told: Readonly<Record<string, string>> = { raised: 'raised', reopened: 'raised', cleared: 'cleared' }
const changes = (events: readonly GatewayEvent[]): string[] => events.filter(({ type, data }) => type === 'alert' && data.rule !== 'gateway' && String(data.state) in told).map(({ at, data }) => `${at} ${told[String(data.state)]} ${String(data.key)}`)
const replayed = ({ variants: [trial] }: BacktestAnswer): string[] => trial!.transitions.filter(({ kind }) => kind === 'raise' || kind === 'clear').map(({ at, kind, key }) => `${at} ${kind === 'raise' ? 'raised' : 'cleared'} ${key}`)
const filesBelow = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return Promise.all(entries.filter((entry) => entry.isFile()).map(async (entry) => { const file = path.join(entry.parentPath, entry.name); const { size, mtimeMs } = await stat(file); return `${file} ${size} ${mtimeMs}` }))
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

it('equals what a gateway did, live and over a restart, asked of the gateway or of its folder; nothing is written', { timeout: 60_000 }, async () => {
  const folder = await tempFolder()
  const [modbus, mqtt] = [await freePort(), await freePort()]
  const file = await hallSite(folder, rules, { modbus, mqtt })
  const site = await readSite(file)
  const device = await startModbusSimulator(site.connections.find(({ id }) => id === 'line') as ModbusConfig, { clock: systemClock, random: () => 0.5 }, { port: modbus })
  onTestFinished(() => device[Symbol.asyncDispose]())
  device.set('hall.open', false)
  device.set('hall.t', 200)
  const events: GatewayEvent[] = []
  const live = async (work: (card: () => Promise<unknown>) => Promise<void>, meanwhile?: () => Promise<void>): Promise<void> => {
    const gateway = await startGateway({ site, log: silentLog() })
    let stopped: Promise<void> | undefined
    const stop = (): Promise<void> => (stopped ??= Promise.resolve(gateway[Symbol.asyncDispose]()))
    onTestFinished(stop)
    gateway.feed.subscribe((item) => { if (item.kind === 'event') events.push(item.event) })
    await expect.poll(() => gateway.live.read('hall.fan')?.quality === 'good' && gateway.status().connections.every(({ state }) => state === 'online'), { interval: 5, timeout: 10_000 }).toBe(true)
    const reader = await connectDevice(mqtt, 'reader')
    await work(() => reader.publishAsync('devices/reader/card', '{"result":"granted"}', { qos: 1 }))
    await meanwhile?.()
    await reader.endAsync()
    await stop()
  }
  const count = (): number => changes(events).length
  let asked: BacktestAnswer | undefined
  await live(async (card) => {
    for (const t of [310, 200, 320, 260, 330, 200]) { device.set('hall.t', t); await pause(250) }
    await card()
    device.set('hall.open', true)
    await pause(300)
    device.set('hall.open', false)
    await pause(1_300)
    device.set('hall.open', true)
    device.set('hall.smoke', true)
    await expect.poll(() => changes(events).filter((line) => / raised (door\/east\/forced|door\/east\/held-open|smoke)$/.test(line)).length, { timeout: 10_000 }).toBe(3)
    device.set('hall.t', 350)
    // So long that the scene is over: what comes with the first tick of the next life comes before anybody listens.
    await pause(700)
  }, async () => {
    const before = count()
    asked = await runBacktest([file], {})
    expect(asked.source).toMatch(/running gateway/)
    expect(replayed(asked).slice(0, before)).toEqual(changes(events).slice(0, before))
    expect(before).toBeGreaterThan(8)
  })
  await live(async () => {
    device.set('hall.smoke', false)
    device.set('hall.t', 200)
    device.set('hall.open', false)
    await pause(500)
    device.set('hall.t', 310)
    await pause(600)
  })
  const before = await filesBelow(path.join(folder, 'data'))
  const answer = await runBacktest([file], {})
  expect(await filesBelow(path.join(folder, 'data'))).toEqual(before)
  expect(answer.source).toBe(path.join(folder, 'data/history'))
  expect(replayed(answer)).toEqual(changes(events))
  const written = events.filter(({ type, data }) => type === 'command' && data.actor === 'rule:hot').map(({ data }) => data.value)
  expect(answer.variants[0]!.rules.find(({ rule }) => rule === 'hot')!.writes).toBe(written.length)
  expect(answer.variants[0]!.transitions.filter(({ kind }) => kind === 'write').map(({ value }) => value)).toEqual(written)

  // Compared with a change, and on the command line.
  const compared = await runBacktest([file], { set: ['hot.for=20m'] })
  expect(compared.variants.map(({ rules: all }) => all.find(({ rule }) => rule === 'hot')!.alerts)).toEqual([answer.variants[0]!.rules.find(({ rule }) => rule === 'hot')!.alerts, 0])
  expect(renderBacktest(compared, false)).toMatch(/hot +\d+ → 0 .*\n/)
  const only = await linli('rules', 'backtest', file, '--rule', 'smoke', '--json')
  expect(only.code).toBe(0)
  const { variants: [trial] } = JSON.parse(only.stdout) as BacktestAnswer
  expect(trial!.rules.map(({ rule, alerts }) => [rule, alerts])).toEqual([['smoke', 1], ['smoke-fault', 0]])
  expect((await linli('rules', 'backtest', file, '--transitions')).stdout).toMatch(/replayed .* from .*history; it holds .*\n[\s\S]*hot +\d+ [\s\S]*raise 1 {2}smoke/)
  expect(await linli('rules', 'backtest', file, '--since', '7d')).toMatchObject({ code: 1, stderr: expect.stringMatching(/BACKTEST_RANGE .*what can be replayed is/) })
  expect(await linli('rules', 'backtest', file, '--rule', 'smok')).toMatchObject({ code: 1, stderr: expect.stringMatching(/RULE_UNKNOWN no rule "smok"; did you mean "smoke"\?/) })
  for (const set of ['hott.for=3s', 'hot', 'hot.when.x=3']) expect(await linli('rules', 'backtest', file, '--set', set)).toMatchObject({ code: 1, stderr: expect.stringContaining('BACKTEST_USAGE') })
  expect(await linli('rules', 'backtest', file, '--set', 'hot.for=soon')).toMatchObject({ code: 1, stderr: expect.stringMatching(/site\.yaml:\d+:\d+ rules\[0\]\.for/) })
})

describe('a capture of what went to the city', () => {
  const at = Date.UTC(2026, 10, 25)
  const first = '20261125-0a0a0a0a'
  const second = '20261126-0b0b0b0b'
  const record = (stream: string, seq: number, type: string, data: object, { epoch = first, seconds = seq, ...more }: { epoch?: string; seconds?: number; subject?: string } = {}): string => {
    const text = JSON.stringify({ specversion: '1.0', id: `hall-1/${stream}/${epoch}/${seq}`, source: '/linli/420106/hall-1', type: `org.linli.${type}.v1`, time: new Date(at + seconds * 1_000).toISOString(), datacontenttype: 'application/json', seq, epoch, ...(seq === 1 ? {} : { prevhash: 'a'.repeat(64) }), timequality: 'synced', ...more, data })
    return JSON.stringify({ topic: `linli/v1/420106/hall-1/up/${stream}`, payload: Buffer.from(text).toString('base64'), at })
  }
  const value = (seconds: number, t: number, more: object = {}) => ({ point: 'hall.t', value: t, at: at + seconds * 1_000, ...more })
  const telemetry = (seq: number, readings: readonly object[], more: { epoch?: string } = {}): string => record('telemetry', seq, 'telemetry', { readings }, more)
  const captureOf = async (folder: string, lines: readonly string[]): Promise<string> => {
    const file = path.join(folder, 'capture.ndjson')
    await writeFile(file, lines.join('\n'))
    return file
  }

  it('is replayed, and it is said why that is near, not exact, and by how much', async () => {
    const folder = await tempFolder()
    const file = await hallSite(folder, rules)
    await writeFile(file, (await readFile(file, 'utf8')).replace('scale: 0.1, poll: 20ms', 'scale: 0.1, poll: 20ms, deadband: 0.5'))
    expect(await linli('rules', 'backtest', file)).toMatchObject({ code: 1, stderr: expect.stringContaining('BACKTEST_NO_HISTORY') })
    const capture = await captureOf(folder, [
      telemetry(1, [value(0, 20), value(10, 31), value(20, 20)]), record('event', 9, 'access', { device: 'reader', result: 'granted' }, { subject: 'reader' }),
      telemetry(2, [value(30, 31), value(40, 20)]), telemetry(2, [value(30, 31), value(40, 20)]), 'torn {',
    ])
    const answer = await runBacktest([file], { capture, rule: ['hot'] })
    expect(replayed(answer)).toEqual([`${at + 10_150} raised hot`, `${at + 20_000} cleared hot`, `${at + 30_150} raised hot`, `${at + 40_000} cleared hot`])
    expect(answer).toMatchObject({ source: capture, span: { from: at, to: at + 40_001 } })
    expect(answer.approximate).toEqual([expect.stringMatching(/up to 1 s off/), expect.stringMatching(/: hall\.t by less than 0\.5 \(deadband\)/), expect.stringMatching(/unchanged went up only every/)])
    expect((await linli('rules', 'backtest', file, '--capture', capture)).stdout).toMatch(/near, not exact:\n- times of arrival/)
    expect((await runBacktest([file], { capture, rule: ['smoke'] })).approximate!.join()).not.toContain('deadband')
    expect(await linli('rules', 'backtest', file, '--capture', path.join(folder, 'nothing'))).toMatchObject({ code: 1, stderr: expect.stringContaining('VERIFY_CAPTURE') })
  })

  it('goes by arrival where it is told, knows restarts, and names what was thinned out and clocks that were set', async () => {
    const folder = await tempFolder()
    const file = await hallSite(folder, rules)
    // It came when newer ones were there: too late to raise anything.
    const late = value(5, 31, { receivedAt: at + 25_000 })
    const capture = await captureOf(folder, [
      telemetry(1, [value(0, 20), late, value(20, 20), value(30, 20, { summary: { count: 7, min: 18.5, max: 24, from: at } })]),
      record('event', 1, 'gateway', { action: 'clock-stepped' }, { seconds: 31 }), record('ledger', 1, 'epoch', { closes: first, streams: { telemetry: { seq: 1, hash: '' }, event: { seq: 1, hash: '' } } }, { epoch: second, seconds: 40 }),
      record('event', 1, 'gateway', { action: 'started' }, { epoch: second, seconds: 1_000 }), telemetry(1, [value(1_001, 31), value(1_010, 20)], { epoch: second }),
    ])
    const answer = await runBacktest([file], { capture, rule: ['hot'] })
    expect(replayed(answer)).toEqual([`${at + 1_001_150} raised hot`, `${at + 1_010_000} cleared hot`])
    expect(answer.approximate!.slice(-2)).toEqual([expect.stringMatching(/thinned .*: hall\.t \(7 readings, up to 5\.5 apart\)/), expect.stringMatching(/clock was set once/)])
  })

  it('is replayed where no record is missing, and refused elsewhere', async () => {
    const folder = await tempFolder()
    const file = await hallSite(folder, rules)
    const capture = await captureOf(folder, [
      telemetry(5, [value(0, 31), value(60, 20)]), telemetry(7, [value(600, 31), value(700, 20)]),
      record('ledger', 1, 'epoch', { closes: first, streams: { telemetry: { seq: 8, hash: '' } } }, { epoch: second }), telemetry(1, [value(2_000, 31), value(2_100, 20)], { epoch: second }),
    ])
    const span = async (options: { since?: string; until?: string }): Promise<unknown> => { const { span: found, since, until } = await runBacktest([file], { capture, rule: ['hot'], ...options }); return [found.from, found.to, since, until].map((time) => (time - at) / 1_000) }
    const iso = (seconds: number): string => new Date(at + seconds * 1_000).toISOString()
    expect(await span({})).toEqual([2_000, 2_100.001, 2_000, 2_100.002])
    expect(await span({ since: iso(610) })).toEqual([600, 700.001, 610, 700.002])
    expect(await span({ until: iso(50) })).toEqual([0, 60.001, 0, 50])
    for (const options of [{ since: iso(300) }, { since: iso(10), until: iso(2_050) }]) await expect(runBacktest([file], { capture, ...options })).rejects.toMatchObject({ code: 'BACKTEST_RANGE', message: expect.stringMatching(/records are missing in the capture: what can be replayed is .* to .*, .* to .*, .* to /) })
  })
})

it('takes half an answer of a gateway that goes away for none', async () => {
  const folder = await tempFolder()
  const file = await hallSite(folder, rules)
  const socket = path.join(folder, 'gone.sock')
  const server = createServer((request, response) => {
    if (request.url === '/history/span') { response.end(JSON.stringify({ minutes: 0, raw: 1_000, to: 9_000 })); return }
    response.writeHead(200).write(`${JSON.stringify({ tick: 1_500 })}\n{"tick":2`, () => response.destroy())
  })
  await new Promise<void>((resolve) => { server.listen(socket, resolve) })
  onTestFinished(() => { server.close() })
  await expect(runBacktest([file], { socket })).rejects.toMatchObject({ code: 'CONTROL_UNREACHABLE' })
})
