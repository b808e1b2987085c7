import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DriverError, systemClock } from '../../../gateway/kit/index.ts'
import type { PointWriter, Rule, WritePoint } from '../../../gateway/contract/index.ts'
import { startModbusSimulator, type ModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import { contentOf } from '../../support/journals.ts'
import { root } from '../../support/architecture.ts'
import { child, tempFolder } from '../../support/resources.ts'
import { building, follow, openLine, type Line, type LineOptions } from './line.ts'

async function simulator(): Promise<ModbusSimulator> {
  const started = await startModbusSimulator(building(1), { clock: systemClock, random: () => 0.5 }, { port: 0 })
  onTestFinished(() => started[Symbol.asyncDispose]())
  return started
}
async function lineOf(port: number, rules: readonly Rule[], options: Partial<LineOptions> = {}): Promise<Line> {
  const line = await openLine({ folder: path.join(await tempFolder(), 'journal'), connection: building(port), rules, ...options })
  onTestFinished(() => line[Symbol.asyncDispose]())
  await expect.poll(() => line.live.read('hall.contact')?.quality === 'good' && line.live.read('alarm.light')?.quality === 'good', { interval: 5, timeout: 10_000 }).toBe(true)
  return line
}
async function commands(line: Line): Promise<any[]> {
  const records = await line.reader.take('event', 1_000)
  return records.map(contentOf).filter(({ type }) => type === 'command').map(({ data }) => data)
}
const conditions = (line: Line) => line.desk.open().filter(({ key }) => key.startsWith('gateway/write')).map(({ data, condition }) => [data.code, condition])
const order = (line: Line, n: number, more: Partial<WritePoint> = {}) => line.actions.take({ kind: 'write', ruleId: 'rule', at: Date.now(), point: 'alarm.light', value: n % 2 === 1, deadlineMs: 5_000, ...more })

describe('what a rule writes', () => {
  it('reaches the device, and its end is a command of the rule', async () => {
    const device = await simulator()
    const line = await lineOf(device.port, [follow()])
    device.set('hall.contact', true)
    await expect.poll(() => device.get('alarm.horn'), { interval: 2 }).toBe(true)
    await expect.poll(() => commands(line)).toMatchObject([{ state: 'done', actor: 'rule:follow', origin: 'rule', point: 'alarm.horn', value: true, id: expect.stringMatching(/^[0-9a-f]{16}$/) }])
    await expect.poll(() => line.journal.state.entries('write/')).toEqual([])
    expect(line.actions.statistics()).toMatchObject({ written: 1, failed: 0, underWay: 0 })
    expect(line.desk.open()).toEqual([])
  })
  it('runs ahead of a disk that takes nothing', async () => {
    const device = await simulator()
    const line = await lineOf(device.port, [follow()])
    // No commit comes back any more, as under a frozen disk.
    Object.assign(line.journal, { commit: () => new Promise<void>(() => {}) })
    device.set('hall.contact', true)
    await expect.poll(() => device.get('alarm.horn'), { interval: 2 }).toBe(true)
    // However many there are.
    for (let n = 0; n < 300; n++) { order(line, n, { ruleId: `rule-${n}` }); await expect.poll(() => line.actions.statistics().underWay, { interval: 1 }).toBe(0) }
    expect(line.actions.statistics()).toMatchObject({ written: 301, refused: 0 })
    Reflect.deleteProperty(line.journal, 'commit')
  })
  it('is told when it fails, as an alert that the next success clears', async () => {
    const device = await simulator()
    const line = await lineOf(device.port, [follow()])
    device.fault('alarm', 'timeout')
    device.set('hall.contact', true)
    await expect.poll(() => commands(line), { timeout: 5_000 }).toMatchObject([{ state: 'failed', code: expect.stringMatching(/^(MODBUS_TIMEOUT|WRITE_TIMEOUT)$/), detail: expect.stringContaining('alarm') }])
    expect(line.desk.open()).toMatchObject([{ key: 'gateway/write/alarm.horn/failed', ruleId: 'gateway', severity: 3, data: { point: 'alarm.horn', by: 'follow' } }])
    device.fault('alarm', null)
    device.set('hall.contact', false)
    await expect.poll(() => commands(line), { timeout: 5_000 }).toMatchObject([{ state: 'failed' }, { state: 'done', value: false }])
    await expect.poll(() => conditions(line).filter(([, condition]) => condition === 'active')).toEqual([])
  })
  it('is refused without an alert where the site file wants it so, and with one where the rule is wrong', async () => {
    const device = await simulator()
    const guarded = (code: string) => (writer: PointWriter): PointWriter => ({ write: async (...args) => { if (args[0] === 'alarm.horn') throw new DriverError(code, 'not now'); await writer.write(...args) } })
    const line = await lineOf(device.port, [follow()], { wrap: guarded('DOOR_FIRE') })
    device.set('hall.contact', true)
    await expect.poll(() => commands(line)).toMatchObject([{ state: 'rejected', code: 'DOOR_FIRE' }])
    expect(line.desk.open()).toEqual([])
    const wrong = await lineOf(device.port, [follow({ point: 'hall.contact' })])
    device.set('hall.contact', false)
    await expect.poll(() => commands(wrong)).toMatchObject([{ state: 'rejected', code: 'POINT_NOT_WRITABLE' }])
    expect(conditions(wrong)).toEqual([['POINT_NOT_WRITABLE', 'active']])
  })
  it('is not begun after its deadline', async () => {
    const device = await simulator()
    const line = await lineOf(device.port, [])
    order(line, 1, { at: Date.now() - 6_000 })
    order(line, 1, { deadlineMs: Number.NaN })
    await expect.poll(() => commands(line)).toMatchObject([{ state: 'expired', code: 'WRITE_NOT_BEGUN' }, { state: 'expired', code: 'WRITE_NOT_BEGUN' }])
    expect(device.get('alarm.light')).toBe(false)
  })
  it('waits for a connection that is not up yet, as far as its deadline allows', async () => {
    const device = await startModbusSimulator(building(1), { clock: systemClock, random: () => 0.5 }, { port: 0 })
    const { port } = device
    await device[Symbol.asyncDispose]()
    const line = await openLine({ folder: path.join(await tempFolder(), 'journal'), connection: building(port), rules: [] })
    onTestFinished(() => line[Symbol.asyncDispose]())
    order(line, 1, { deadlineMs: 50, point: 'alarm.horn' })
    order(line, 1, { deadlineMs: 10_000 })
    await expect.poll(() => commands(line)).toMatchObject([{ state: 'failed', code: 'DEVICE_OFFLINE', point: 'alarm.horn' }])
    const back = await startModbusSimulator(building(1), { clock: systemClock, random: () => 0.5 }, { port })
    onTestFinished(() => back[Symbol.asyncDispose]())
    await expect.poll(() => back.get('alarm.light'), { timeout: 10_000 }).toBe(true)
    await expect.poll(() => commands(line)).toMatchObject([{ state: 'failed' }, { state: 'done', point: 'alarm.light' }])
  })
  it('keeps its order, and what waits too long for those before it is not begun', async () => {
    const device = await simulator()
    const begun: unknown[] = []
    let release = (): void => {}
    const slow = (writer: PointWriter): PointWriter => ({ write: async (...args) => { begun.push(args[1]); if (begun.length === 1) await new Promise<void>((resolve) => { release = resolve }); await writer.write(...args) } })
    const line = await lineOf(device.port, [], { wrap: slow })
    order(line, 1)
    order(line, 2, { deadlineMs: 30 })
    order(line, 3)
    await expect.poll(() => commands(line)).toMatchObject([{ state: 'expired', value: false }])
    expect(begun).toEqual([true])
    release()
    await expect.poll(() => commands(line)).toMatchObject([{ state: 'expired' }, { state: 'done', value: true }, { state: 'done', value: true }])
  })
  it('is limited for each rule and point: what is beyond is counted and told once', async () => {
    const device = await simulator()
    const line = await lineOf(device.port, [])
    for (let n = 0; n < 50; n++) { const { events } = order(line, n); if (events.length > 0) await line.pipeline.record(events, []) }
    await expect.poll(async () => (await commands(line)).map(({ state, code }) => code ?? state).toSorted()).toEqual(['WRITE_RATE', 'done', 'done', 'done', 'done', 'done'])
    order(line, 1, { ruleId: 'another' })
    await expect.poll(() => line.actions.statistics()).toMatchObject({ written: 6, limited: 45, refused: 1 })
  })
  it('is bounded in number, however slowly devices answer', async () => {
    const device = await simulator()
    const line = await lineOf(device.port, [], { wrap: () => ({ write: (_point, _value, signal) => new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(new DriverError('WRITE_EXPIRED', 'given up')), { once: true }) }) }) })
    const refused = Array.from({ length: 40 }, (_, n) => order(line, n, { ruleId: `rule-${n}` })).filter(({ events }) => events.length > 0)
    expect(refused).toHaveLength(40 - 16)
    expect(refused[0]!.events[0]!.data).toMatchObject({ state: 'rejected', code: 'WRITE_QUEUE_FULL' })
    // A clean stop calls off what is under way, and waits for its end.
    await line.actions[Symbol.asyncDispose]()
    expect(line.actions.statistics()).toMatchObject({ failed: 1, expired: 15, underWay: 0 })
  })
})

describe('a gateway that is killed while a rule writes', () => {
  it('tells in its next life that the outcome is unknown, and never writes it again', { timeout: 60_000 }, async () => {
    const device = await simulator()
    const folder = path.join(await tempFolder(), 'journal')
    const killed = child(process.execPath, [path.join(root, 'tests/gateway/actions/killed-child.ts'), folder, `${device.port}`])
    const errors: string[] = []
    killed.stderr!.on('data', (chunk) => errors.push(String(chunk)))
    for await (const word of createInterface({ input: killed.stdout! })) {
      if (word === 'pending') break
      // The relay hears nothing any more, so that the write has no end.
      device.fault('alarm', 'timeout')
      device.set('hall.contact', true)
    }
    killed.kill('SIGKILL')
    await new Promise((resolve) => { killed.once('exit', resolve) })
    expect(errors.join('')).toBe('')
    device.fault('alarm', null)

    const line = await openLine({ folder, connection: building(device.port), rules: [follow()] })
    onTestFinished(() => line[Symbol.asyncDispose]())
    expect(await commands(line)).toMatchObject([{ state: 'failed', code: 'WRITE_OUTCOME_UNKNOWN', actor: 'rule:follow', point: 'alarm.horn', value: true }])
    expect(conditions(line)).toEqual([['WRITE_OUTCOME_UNKNOWN', 'active']])
    expect(await line.journal.state.entries('write/')).toEqual([])
    await expect.poll(() => line.live.read('hall.contact'), { timeout: 10_000 }).toMatchObject({ value: true, quality: 'good' })
    device.set('hall.contact', false)
    await expect.poll(() => commands(line), { timeout: 10_000 }).toMatchObject([{ code: 'WRITE_OUTCOME_UNKNOWN' }, { state: 'done', value: false }])
    expect(device.served('alarm.horn')).not.toContain(true)
  })
})
