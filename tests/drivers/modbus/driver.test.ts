import { createServer, type Socket } from 'node:net'
import { ServerTCP } from 'modbus-serial'
import { describe, expect, it, onTestFinished } from 'vitest'
import { modbusDriver } from '../../../drivers/modbus/driver.ts'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { startLibmodbus } from '../../support/libmodbus.ts'
import { freePort } from '../../support/resources.ts'
import { runSession } from '../../support/sessions.ts'
import { itWith } from '../../support/tools.ts'
import { modbusConfig } from './support.ts'

const value = { quality: 'good' }
const { signal } = new AbortController()

describe('the Modbus driver against libmodbus', () => {
  const withLibmodbus = itWith('gcc')
  withLibmodbus('reads every table, width and word order', async () => {
    const { port } = await startLibmodbus()
    const running = await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, points: {
      temperature: { table: 'input', register: 1, format: 's16' }, humidity: { table: 'input', register: 2 }, volt: { table: 'input', register: 10, format: 'f32' },
      low: { table: 'input', register: 12, format: 'u32', wordOrder: 'little' }, minus: { table: 'input', register: 14, format: 's32' }, huge: { table: 'input', register: 16, format: 'u64' },
      bit: { table: 'input', register: 20, bit: 3 }, contact: { table: 'discrete', register: 3 }, open: { table: 'discrete', register: 4 },
    } } }))
    await expect.poll(() => running.last('d.open')).toMatchObject({ ...value, raw: false })
    const seen = Object.fromEntries(running.intakes.flatMap(({ samples }) => samples).map(({ pointId, raw }) => [pointId.slice(2), raw]))
    expect(seen).toEqual({ temperature: -215, humidity: 482, volt: 230.1, low: 70_000, minus: -2, huge: 2 ** 40, bit: true, contact: true, open: false })
    expect(running.state('d')).toMatchObject({ state: 'online' })
    // Nine points, two tables, one hole bridged: two requests a round.
    expect(running.session.statistics!().requests).toBeLessThanOrEqual(2 * running.intakes.filter(({ scanned }) => scanned).length + 2)
  })
  withLibmodbus('writes coils, registers, wide values and single bits, and reads them back', async () => {
    const { port } = await startLibmodbus()
    const config = modbusConfig(port, { d: { unitId: 1, points: {
      relay: { table: 'coil', register: 2, writable: true }, set: { table: 'holding', register: 5, format: 's16', writable: true }, wide: { table: 'holding', register: 6, format: 'f32', wordOrder: 'little', writable: true }, flag: { table: 'holding', register: 9, bit: 4, writable: true },
    } } })
    const running = await runSession(modbusDriver, config)
    const points = config.devices[0]!.points
    const all: [number, boolean | number][] = [[0, true], [1, -7], [2, 21.5], [3, true]]
    for (const [index, raw] of all) await running.session.write!(points[index]!, raw, signal)
    for (const [index, raw] of all) await expect.poll(() => running.last(points[index]!.id)?.raw).toBe(raw)
    await running.session.write!(points[0]!, false, signal)
    await running.session.write!(points[1]!, 0, signal)
    await expect.poll(() => [running.last('d.relay')?.raw, running.last('d.set')?.raw, running.last('d.flag')?.raw]).toEqual([false, 0, true])
  })
  withLibmodbus('asks without holes when the device refuses to read across them', async () => {
    const { port } = await startLibmodbus()
    // 512 registers: 511 is the last. The exception for a point beyond it hurts that point alone.
    const running = await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, maxGap: 20, points: { in: { table: 'input', register: 505 }, out: { table: 'input', register: 515 } } } }))
    await expect.poll(() => running.last('d.out')).toMatchObject({ raw: null, quality: 'bad', reason: 'MODBUS_ILLEGAL_ADDRESS' })
    expect(running.last('d.in')).toMatchObject({ raw: 0, quality: 'good' })
    expect(running.state('d')).toMatchObject({ state: 'degraded', reason: 'MODBUS_ILLEGAL_ADDRESS' })
  })
  withLibmodbus('throws when the server dies, so that the supervisor opens the link again', async () => {
    const server = await startLibmodbus()
    const running = await runSession(modbusDriver, modbusConfig(server.port, { d: { unitId: 1, points: { t: { table: 'input', register: 1 } } } }))
    await expect.poll(() => running.last('d.t')).toMatchObject(value)
    await server.kill()
    expect(await running.ended).toMatchObject({ code: 'MODBUS_CONNECT_FAILED' })
    expect(running.last('d.t')).toMatchObject({ quality: 'bad', raw: null })
  })
})

describe('the Modbus driver against modbus-serial', () => {
  it('reads what that server serves, for each unit its own', async () => {
    const port = await freePort()
    const server = new ServerTCP({ getHoldingRegister: (register: number, unit: number) => register + unit * 1_000, getCoil: (register: number) => register % 2 === 1 }, { host: '127.0.0.1', port, unitID: 255 })
    await new Promise((resolve) => server.once('initialized', resolve))
    onTestFinished(() => new Promise<void>((resolve) => { server.close(() => resolve()) }))
    const points = { five: { table: 'holding', register: 5 }, odd: { table: 'coil', register: 3 } }
    const running = await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, points }, b: { unitId: 2, points } }))
    await expect.poll(() => [running.last('a.five')?.raw, running.last('b.five')?.raw, running.last('b.odd')?.raw]).toEqual([1_005, 2_005, true])
  })
})

type Reply = (request: Buffer, socket: Socket, count: number) => void
/** A server that answers as the test wants; `honest` is what a right one would say (register value 7). */
const honest = (request: Buffer): Buffer => Buffer.concat([request.subarray(0, 4), Buffer.of(0, 5, request[6]!, request[7]!, 2, 0, 7)])
async function hostile(reply: Reply): Promise<number> {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => reply(chunk, socket, count++))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  onTestFinished(() => { for (const socket of sockets) socket.destroy(); server.close() })
  return (server.address() as { port: number }).port
}

describe('a device that answers wrongly', () => {
  const wrong: Readonly<Record<string, readonly [reason: string, reply: (request: Buffer, socket: Socket) => void]>> = {
    'garbage': ['MODBUS_FRAME', (_, socket) => socket.write(Buffer.alloc(20, 0xa5))],
    'a length of zero': ['MODBUS_FRAME', (request, socket) => socket.write(Buffer.concat([request.subarray(0, 4), Buffer.of(0, 0, 1, 3, 2, 0, 9)]))],
    'a foreign protocol id': ['MODBUS_FRAME', (request, socket) => { const reply = honest(request); reply[3] = 1; socket.write(reply) }],
    'the address of another unit': ['MODBUS_FRAME', (request, socket) => { const reply = honest(request); reply[6] = 9; socket.write(reply) }],
    'another function': ['MODBUS_FRAME', (request, socket) => { const reply = honest(request); reply[7] = 3; socket.write(reply) }],
    'a byte count that lies': ['MODBUS_FRAME', (request, socket) => { const reply = honest(request); reply[8] = 4; socket.write(reply) }],
    'an old transaction id': ['MODBUS_FRAME', (request, socket) => { const reply = honest(request); reply[1] = reply[1]! - 1; socket.write(reply) }],
    'an end in mid-reply': ['MODBUS_CLOSED', (request, socket) => socket.end(honest(request).subarray(0, 9))],
    'silence': ['MODBUS_TIMEOUT', () => {}],
    'device busy': ['MODBUS_DEVICE_BUSY', (request, socket) => socket.write(Buffer.concat([request.subarray(0, 4), Buffer.of(0, 3, request[6]!, request[7]! | 0x80, 6)]))],
    'an unknown exception': ['MODBUS_EXCEPTION', (request, socket) => socket.write(Buffer.concat([request.subarray(0, 4), Buffer.of(0, 3, request[6]!, request[7]! | 0x80, 99)]))],
  }
  for (const [name, [reason, reply]] of Object.entries(wrong)) {
    it(`(${name}) has no value but a reason, and its neighbour is not touched`, async () => {
      let healed = false
      const port = await hostile((request, socket) => { if (request[6] === 1 && !healed) reply(request, socket); else socket.write(honest(request)) })
      const points = { x: { table: 'input', register: 0 } }
      const running = await runSession(modbusDriver, modbusConfig(port, { bad: { unitId: 1, points }, good: { unitId: 2, points } }, { timeout: '250ms' }))
      await expect.poll(() => running.last('bad.x')).toMatchObject({ raw: null, quality: 'bad', reason })
      await expect.poll(() => running.last('good.x')).toMatchObject({ raw: 7, quality: 'good' })
      expect(running.intakes.flatMap(({ samples }) => samples).filter(({ pointId, raw }) => pointId === 'bad.x' && raw !== null)).toEqual([])
      healed = true
      await expect.poll(() => running.last('bad.x'), { timeout: 5_000 }).toMatchObject({ raw: 7, quality: 'good' })
      await expect.poll(() => running.state('bad')).toMatchObject({ state: 'online' })
      expect(running.intakes.flatMap(({ samples }) => samples).filter(({ pointId }) => pointId === 'good.x')).toHaveLength(1)
    })
  }
  it('never takes a late answer for the next question', async () => {
    let late: (() => void) | null = null
    const port = await hostile((request, socket, count) => {
      if (count === 0) { const reply = honest(request); reply[10] = 99; late = () => socket.write(reply) } else { late?.(); socket.write(honest(request)) }
    })
    const running = await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, points: { x: { table: 'input', register: 0 } } } }, { timeout: '60ms' }))
    await expect.poll(() => running.last('d.x')).toMatchObject({ raw: 7 })
    expect(running.intakes.flatMap(({ samples }) => samples).map(({ raw }) => raw)).not.toContain(99)
  })
  it('that answers twice is not believed the second time', async () => {
    const port = await hostile((request, socket) => { const other = honest(request); other[10] = 99; socket.write(Buffer.concat([honest(request), other])) })
    const running = await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, points: { x: { table: 'input', register: 0 } } } }))
    await expect.poll(() => Number(running.session.statistics!().framingErrors)).toBeGreaterThan(2)
    expect(running.intakes.flatMap(({ samples }) => samples).map(({ raw }) => raw)).not.toContain(99)
  })
  it('that takes a write and keeps its old value is told apart from one that obeys', async () => {
    const port = await hostile((request, socket) => socket.write(request[7] === 6 ? request : honest(request)))
    const config = modbusConfig(port, { d: { unitId: 1, points: { x: { table: 'holding', register: 0, writable: true } } } })
    const running = await runSession(modbusDriver, config)
    await expect(running.session.write!(config.devices[0]!.points[0]!, 8, signal)).rejects.toMatchObject({ code: 'WRITE_NOT_CONFIRMED' })
    await running.session.write!(config.devices[0]!.points[0]!, 7, signal)
  })
})

describe('a dead device on a shared line', () => {
  it('backs off by itself, and comes back online when it answers', async () => {
    const points = { x: { table: 'input', register: 0, unit: 'V', format: 'f32' } }
    const shape = { dead: { unitId: 1, points }, alive: { unitId: 2, points } }
    const simulator = await startModbusSimulator(modbusConfig(1, shape), { clock: systemClock, random: () => 0.5 }, { port: 0 })
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    simulator.fault('dead', 'timeout')
    const running = await runSession(modbusDriver, modbusConfig(simulator.port, shape, { timeout: '40ms' }))
    await expect.poll(() => running.state('dead')).toMatchObject({ state: 'offline', reason: 'MODBUS_TIMEOUT', detail: expect.stringContaining('unit 1') })
    const before = running.intakes.length
    await expect.poll(() => running.intakes.length - before, { timeout: 3_000 }).toBeGreaterThan(10)
    // Ten further rounds of the living cost at most one more try of the dead.
    expect(running.session.statistics!().timeouts).toBeLessThanOrEqual(4)
    simulator.fault('dead', null)
    await expect.poll(() => running.state('dead'), { timeout: 5_000 }).toMatchObject({ state: 'online' })
    expect(simulator.served('alive.x').length).toBeGreaterThan(0)
  })
})
