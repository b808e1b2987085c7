import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startModbusSimulator, type ModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { Heartbeat } from '../../gateway/heartbeat.ts'
import { DriverError, FakeClock, silentLog, systemClock } from '../../gateway/kit/index.ts'
import { reviewHeartbeat } from '../../rules/heartbeat/review.ts'
import { heartbeatSchema } from '../../rules/heartbeat/schema.ts'
import { modbusConfig } from '../drivers/modbus/support.ts'
import { linli } from '../support/command-line.ts'
import { facilityOf } from '../support/facility.ts'
import { runGateway, siteFile } from '../support/gateways.ts'
import { tempFolder } from '../support/resources.ts'

async function relayBoard(): Promise<ModbusSimulator> {
  const started = await startModbusSimulator(modbusConfig(1, { board: { unitId: 1, points: { beat: { table: 'coil', register: 0, writable: true } } } }), { clock: systemClock, random: () => 0.5 }, { port: 0 })
  onTestFinished(() => started[Symbol.asyncDispose]())
  return started
}
const site = (port: number): readonly string[] => [
  'connections:', `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${port} }`,
  'devices:', '  - { id: board, name: { zh: 板, en: board }, connection: line, unitId: 1, place: cupboard, points: { beat: { name: { zh: 心跳, en: beat }, type: boolean, table: coil, register: 0, writable: true } } }',
  'heartbeat: { point: board.beat }',
]
const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })
/** How often the output changes in a time. */
async function edges(board: ModbusSimulator, ms: number): Promise<number> {
  let [count, last] = [0, board.get('board.beat')]
  for (const end = performance.now() + ms; performance.now() < end; await wait(10)) { const now = board.get('board.beat'); if (now !== last) [count, last] = [count + 1, now] }
  return count
}

describe('the heartbeat output', () => {
  it('goes on and off while the gateway lives, stands still while it hangs, goes on after, and stands still when it is killed', { timeout: 40_000 }, async () => {
    const board = await relayBoard()
    const gateway = await runGateway(await siteFile(await tempFolder(), site(board.port)))
    await expect.poll(() => board.get('board.beat'), { timeout: 10_000 }).toBe(true)
    expect(await edges(board, 3_500)).toBeGreaterThanOrEqual(2)
    gateway.process.kill('SIGSTOP')
    await wait(200)
    expect(await edges(board, 3_000)).toBe(0)
    gateway.process.kill('SIGCONT')
    await expect.poll(() => edges(board, 1_500), { timeout: 10_000 }).toBeGreaterThan(0)
    gateway.process.kill('SIGKILL')
    await gateway.exited
    await wait(200)
    expect(await edges(board, 3_000)).toBe(0)
  })
  it('is off after a clean stop', { timeout: 30_000 }, async () => {
    const board = await relayBoard()
    const folder = await tempFolder()
    const gateway = await runGateway(await siteFile(folder, [...site(board.port).slice(0, -1), 'heartbeat: { point: board.beat, signal: hold }']))
    await expect.poll(() => board.get('board.beat'), { timeout: 10_000 }).toBe(true)
    expect(await edges(board, 2_500)).toBe(0)
    // While it runs: what is worked on, over the same socket.
    const socket = path.join(folder, 'data/linli.sock')
    expect((await linli('maintenance', 'begin', '--socket', socket, '--place', 'cupboard', '--for', '2h', '--reason', 'wiring', '--by', 'wang')).stdout).toMatch(/place cupboard is in maintenance until/)
    const [entry] = await controlClient(socket).maintenance()
    expect(entry).toMatchObject({ place: 'cupboard', by: 'wang', reason: 'wiring' })
    expect((await linli('maintenance', '--socket', socket)).stdout).toMatch(/place cupboard +1 h 59 min +wang +wiring/)
    expect(await linli('maintenance', 'begin', '--socket', socket, '--device', 'bord', '--for', '2h', '--reason', 'x', '--by', 'wang')).toMatchObject({ code: 1, stderr: expect.stringMatching(/MAINTENANCE_INVALID.*did you mean "board"/) })
    expect((await linli('maintenance', 'end', entry!.id, '--socket', socket)).stdout).toMatch(/ended/)
    expect(await linli('maintenance', 'end', entry!.id, '--socket', socket)).toMatchObject({ code: 1 })
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(board.get('board.beat')).toBe(false)
  })
  it('follows ticks alone, writes one at a time, and says so when its output cannot be written', async () => {
    const clock = new FakeClock()
    const written: unknown[] = []
    const told: string[] = []
    let fails = false
    const heartbeat = new Heartbeat({
      config: { point: 'board.beat', every: 2_000, signal: 'toggle' }, clock, log: silentLog(),
      writer: { write: async (_point, value, _signal, by) => { written.push(value); expect(by).toEqual({ actor: 'heartbeat', origin: 'rule' }); if (fails) throw new DriverError('DEVICE_OFFLINE', 'off') } },
      conditions: { raise: ({ key }) => { told.push(key) }, clear: (key) => { told.push(`-${key}`) } },
    })
    const tick = async (times: number): Promise<void> => { for (let n = 0; n < times; n++) { await clock.advance(1_000); heartbeat.beat() } await clock.advance(0) }
    await clock.advance(10_000)
    expect(written).toEqual([])
    await tick(8)
    expect(written).toEqual([true, false, true, false])
    fails = true
    await tick(8)
    // The edge that failed is tried again.
    expect(written.slice(4)).toEqual([true, true, true, true])
    expect(told).toEqual(['heartbeat/failing'])
    fails = false
    await tick(2)
    expect(told).toEqual(['heartbeat/failing', '-heartbeat/failing'])
    await heartbeat[Symbol.asyncDispose]()
    expect(written.at(-1)).toBe(false)
    await tick(4)
    expect(written.at(-1)).toBe(false)
  })
  it('gives up a write that hangs, and ends', async () => {
    const clock = new FakeClock()
    let writes = 0
    const heartbeat = new Heartbeat({ config: { point: 'board.beat', every: 1_000, signal: 'toggle' }, clock, log: silentLog(), writer: { write: () => { writes++; return new Promise(() => {}) } }, conditions: { raise() {}, clear() {} } })
    for (let n = 0; n < 5; n++) { heartbeat.beat(); await clock.advance(1_000) }
    expect(writes).toBe(5)
    const ended = heartbeat[Symbol.asyncDispose]()
    await clock.advance(0)
    await clock.advance(5_000)
    await ended
  })
  it('needs an output of its own', () => {
    const facility = facilityOf({ 'board.beat': { type: 'boolean', writable: true }, 'board.lock': { type: 'boolean', writable: true }, 'board.input': { type: 'boolean', writable: false }, 'board.level': { type: 'number', writable: true } })
    const review = (point: string) => reviewHeartbeat({ heartbeat: heartbeatSchema.parse({ point })!, doors: [{ id: 'main', lock: { point: 'board.lock' } }], sounders: [] }, facility).map(({ message }) => message)
    expect(review('board.beat')).toEqual([])
    expect([review('board.bet'), review('board.lock'), review('board.input'), review('board.level')].flat()).toEqual([expect.stringContaining('did you mean "board.beat"'), expect.stringContaining('door "main"'), expect.stringContaining('read-only'), expect.stringContaining('number')])
    expect(heartbeatSchema.safeParse({ point: 'a.b', every: '500ms' }).success).toBe(false)
  })
})

it('is part of the site file, checked with its place', async () => {
  const folder = await tempFolder()
  const file = await siteFile(folder, [...site(5_502).slice(0, -1), 'heartbeat: { point: board.bet }'])
  await expect(readSite(file)).rejects.toMatchObject({ problems: [expect.objectContaining({ text: expect.stringMatching(/site\.yaml:\d+:\d+.*did you mean "board\.beat"/) })] })
})
