// What users of other gateways complain about on this side, each as a test that would fail if it happened here.
import { createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { modbusDriver } from '../../../drivers/modbus/driver.ts'
import { encodeMbap, MbapReader } from '../../../drivers/modbus/mbap.ts'
import { encodeRtu } from '../../../drivers/modbus/rtu.ts'
import type { ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import { silentLog, systemClock } from '../../../gateway/kit/index.ts'
import { Supervisor } from '../../../gateway/supervisor.ts'
import type { Intake } from '../../../gateway/contract/index.ts'
import { startLibmodbus, startLibmodbusRtu } from '../../support/libmodbus.ts'
import { freePort } from '../../support/resources.ts'
import { ptyPair, serialPeer } from '../../support/pty.ts'
import { runSession, testKit } from '../../support/sessions.ts'
import { itWith } from '../../support/tools.ts'
import { hostileLine, registerOf } from './hostile.ts'
import { modbusConfig } from './support.ts'

const { signal } = new AbortController()
const onPty = itWith('socat')
const againstLibmodbus = itWith('gcc')
const rtu = (path: string) => ({ transport: 'rtu', host: undefined, path, baudRate: 115_200 })

interface Seen { readonly unit: number; readonly pdu: Buffer }
/** Holds 7 in every register and remembers what it was asked; `attend` may do something else with a connection. */
async function device(attend: (socket: Socket) => boolean = () => true, deadUnit?: number): Promise<{ readonly port: number; readonly asked: Seen[]; readonly open: () => number }> {
  const asked: Seen[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    if (!attend(socket)) return
    const reader = new MbapReader()
    socket.on('data', (chunk: Buffer) => reader.push(chunk, (transaction, unit, pdu) => {
      asked.push({ unit, pdu: Buffer.from(pdu) })
      const count = pdu.readUInt16BE(3)
      const reply = pdu[0]! > 4 ? Buffer.from(pdu.subarray(0, 5)) : Buffer.concat([Buffer.of(pdu[0]!, count * 2), Buffer.from(Array.from({ length: count }, () => [0, 7]).flat())])
      if (unit !== deadUnit) socket.write(encodeMbap(transaction, unit, reply))
    }))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  onTestFinished(() => { for (const socket of sockets) socket.destroy(); server.close() })
  return { port: (server.address() as { port: number }).port, asked, open: () => sockets.size }
}

/** The driver under its supervisor, as the gateway runs it. */
function supervised(config: ModbusConfig): { readonly intakes: Intake[]; last(id: string): unknown; status(): string } {
  const intakes: Intake[] = []
  const stop = new AbortController()
  const supervisor = new Supervisor({ config, entry: { name: 'modbus', load: async () => modbusDriver }, kit: testKit(), clock: systemClock, random: () => 0, log: silentLog(), accept: (_, intake) => { intakes.push(intake) } })
  const running = supervisor.run(stop.signal)
  onTestFinished(async () => { stop.abort(); await running })
  return { intakes, last: (id) => intakes.flatMap(({ samples }) => samples).findLast(({ pointId }) => pointId === id), status: () => supervisor.status().state }
}

describe('complaints about other gateways', () => {
  it('"one register a request: 50 × 300 ms": fifty neighbours are one request', async () => {
    const { port, asked } = await device()
    const points = Object.fromEntries(Array.from({ length: 50 }, (_, register) => [`p${register}`, { table: 'holding', register, pollMs: 60_000 }]))
    const running = await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, points } }))
    await expect.poll(() => running.last('d.p49')?.raw).toBe(7)
    expect(asked.map(({ pdu }) => [pdu.readUInt16BE(1), pdu.readUInt16BE(3)])).toEqual([[0, 50]])
  })
  it('"about 200 requests took 4 s; filling the holes by hand 150 ms": two hundred points with holes between them are a handful of requests, by themselves', async () => {
    const { port, asked } = await device()
    const points = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`p${index}`, { table: 'input', register: index * 3, pollMs: 60_000 }]))
    const running = await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, points } }))
    await expect.poll(() => running.last('d.p199')?.raw).toBe(7)
    expect(asked).toHaveLength(5)
    expect(asked.every(({ pdu }) => pdu.readUInt16BE(3) <= 125)).toBe(true)
  })
  const points = { t: { table: 'holding', register: 1, pollMs: 40 } }
  const units = { a: { unitId: 1, points }, b: { unitId: 2, points }, c: { unitId: 3, points }, dead: { unitId: 99, timeout: '60ms', points } }
  const roads: Readonly<Record<string, () => Promise<ModbusConfig>>> = {
    // Behind one socket, as a serial server has them.
    async tcp() { return modbusConfig((await device(() => true, 99)).port, units) },
    async rtu() {
      const line = await ptyPair()
      await startLibmodbusRtu(line.device, { units: [1, 2, 3] })
      return modbusConfig(1, units, rtu(line.gateway))
    },
  }
  for (const [transport, road] of Object.entries(roads)) {
    (transport === 'rtu' ? itWith('socat', 'gcc') : it)(`"one dead slave slows, discards or stops the whole bus" (${transport}): the living keep being read, the dead is asked ever more seldom`, async () => {
      const running = await runSession(modbusDriver, await road())
      await expect.poll(() => running.state('dead')?.state, { timeout: 5_000 }).toBe('offline')
      const scans = (): number => running.intakes.filter(({ scanned }) => scanned !== undefined).length
      const [before, timeouts] = [scans(), running.session.statistics!().timeouts!]
      await expect.poll(() => scans() - before, { timeout: 8_000 }).toBeGreaterThan(60)
      expect(running.session.statistics!().timeouts! - timeouts).toBeLessThanOrEqual(3)
      for (const id of ['a', 'b', 'c']) expect(running.last(`${id}.t`)?.quality).toBe('good')
      expect(running.session.statistics!().reconnects).toBe(0)
    })
  }
  it('"a device that wants a pause between reads": it has it, and nobody else on the line waits for longer than that', async () => {
    const at: number[] = []
    const { port } = await device((socket) => { socket.on('data', () => at.push(performance.now())); return true })
    const points = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`p${index}`, { table: 'holding', register: index * 200, pollMs: 10 }]))
    await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, maxGap: 0, pauseBetweenRequests: '30ms', points } }))
    await expect.poll(() => at.length).toBeGreaterThan(12)
    expect(Math.min(...at.slice(1).map((time, index) => time - at[index]!))).toBeGreaterThanOrEqual(28)
  })
  it('"a device that allows one TCP connection": units, polls and commands share one', async () => {
    let most = 0
    const { port, open, asked } = await device(() => { most = Math.max(most, open()); return true })
    const points = { t: { table: 'holding', register: 0, pollMs: 10, writable: true } }
    const config = modbusConfig(port, { a: { unitId: 1, points }, b: { unitId: 2, points } })
    const running = await runSession(modbusDriver, config)
    await expect.poll(() => running.last('b.t')?.raw).toBe(7)
    await Promise.all(config.devices.map((each) => running.session.write!(each.points[0]!, 7, signal)))
    await expect.poll(() => asked.length).toBeGreaterThan(30)
    expect(most).toBe(1)
  })
  againstLibmodbus('"a command collides with polling": commands in a storm of polls all arrive, in order, and no poll gets their answer', async () => {
    const { port } = await startLibmodbus()
    const points = { relay: { table: 'coil', register: 2, writable: true, pollMs: 10 }, set: { table: 'holding', register: 5, writable: true, pollMs: 10 }, fixed: { table: 'input', register: 2, pollMs: 10 } }
    const config = modbusConfig(port, { d: { unitId: 1, points } })
    const running = await runSession(modbusDriver, config)
    const [relay, set] = config.devices[0]!.points
    for (let turn = 1; turn <= 30; turn++) await Promise.all([running.session.write!(relay!, turn % 2 === 0, signal), running.session.write!(set!, turn, signal)])
    await expect.poll(() => [running.last('d.relay')?.raw, running.last('d.set')?.raw]).toEqual([true, 30])
    expect(new Set(running.intakes.flatMap(({ samples }) => samples).filter(({ pointId }) => pointId === 'd.fixed').map(({ raw }) => raw))).toEqual(new Set([482]))
  })
  againstLibmodbus('"value 0 cannot be written to a coil": 0 and false are values like any other', async () => {
    const { port } = await startLibmodbus()
    const config = modbusConfig(port, { d: { unitId: 1, points: { relay: { table: 'coil', register: 2, writable: true }, set: { table: 'holding', register: 5, writable: true } } } })
    const running = await runSession(modbusDriver, config)
    const [relay, set] = config.devices[0]!.points
    for (const [on, off] of [[true, false], [1, 0]] as const) {
      await running.session.write!(relay!, on, signal)
      await running.session.write!(relay!, off, signal)
    }
    await running.session.write!(set!, 4, signal)
    await running.session.write!(set!, 0, signal)
    await expect.poll(() => [running.last('d.relay')?.raw, running.last('d.set')?.raw]).toEqual([false, 0])
  })
  againstLibmodbus('"polling dies after a long outage while the status says active": it says what is, and polls again when the device is back', async () => {
    const port = await freePort()
    const points = { t: { table: 'input', register: 2 } }
    const config = modbusConfig(port, { d: { unitId: 1, points } })
    const gateway = supervised(config)
    await expect.poll(() => gateway.intakes.filter(({ devices }) => devices?.some(({ state }) => state === 'offline')).length, { timeout: 10_000 }).toBeGreaterThan(2)
    expect(gateway.status()).not.toBe('online')
    expect(gateway.last('d.t')).toMatchObject({ raw: null, quality: 'bad', reason: 'MODBUS_CONNECT_FAILED' })
    const back = await startModbusSimulator(config, { clock: systemClock, random: () => 0.5 }, { port })
    back.set('d.t', 482)
    await expect.poll(() => gateway.last('d.t'), { timeout: 15_000 }).toMatchObject({ raw: 482, quality: 'good' })
    expect(gateway.status()).toBe('online')
    await back[Symbol.asyncDispose]()
    await expect.poll(() => gateway.last('d.t')).toMatchObject({ raw: null, quality: 'bad' })
  })
  itWith('socat', 'gcc')('"after a reboot ttyUSB numbers change and a device stops reading": the name by-id is followed to wherever it points', async () => {
    const first = await ptyPair()
    const serving = await startLibmodbusRtu(first.device, { units: [1] })
    const { symlink, unlink } = await import('node:fs/promises')
    const name = `${first.gateway}-by-id`
    await symlink(first.gateway, name)
    const gateway = supervised(modbusConfig(1, { d: { unitId: 1, points: { h: { table: 'input', register: 2 } } } }, rtu(name)))
    await expect.poll(() => gateway.last('d.h'), { timeout: 5_000 }).toMatchObject({ raw: 482 })
    first.unplug()
    await serving.kill()
    await expect.poll(() => gateway.last('d.h'), { timeout: 5_000 }).toMatchObject({ quality: 'bad' })
    const second = await ptyPair()
    await startLibmodbusRtu(second.device, { units: [1] })
    await unlink(name)
    await symlink(second.gateway, name)
    await expect.poll(() => gateway.last('d.h'), { timeout: 15_000 }).toMatchObject({ raw: 482, quality: 'good' })
  })
  onPty('"a broadcast or foreign frame on RTU drops the whole port": the port stays, the values stay right', async () => {
    const { gateway, device: end } = await ptyPair()
    const line = hostileLine({ tricks: ['broadcast'], share: 0.5, worstMs: 30 })
    const peer = await serialPeer(end, line.hear)
    const running = await runSession(modbusDriver, modbusConfig(1, { d: { unitId: 1, points: { t: { table: 'holding', register: 5, pollMs: 20 } } } }, { ...rtu(gateway), timeout: '40ms' }))
    await expect.poll(() => line.played(), { timeout: 10_000 }).toBeGreaterThan(5)
    peer.write(encodeRtu(0, Buffer.from('0600010002', 'hex')))
    await expect.poll(() => running.last('d.t'), { timeout: 5_000 }).toMatchObject({ raw: registerOf(1, 5), quality: 'good' })
    expect(running.session.statistics!().reconnects).toBe(0)
    expect(running.session.statistics!().foreignFrames).toBeGreaterThan(0)
  })
  it('"a timeout is published as 0.0": it has no value, bad quality and a reason', async () => {
    const { port } = await device((socket) => { socket.resume(); return false })
    const running = await runSession(modbusDriver, modbusConfig(port, { d: { unitId: 1, points: { v: { table: 'input', register: 0, format: 'f32' } } } }, { timeout: '30ms' }))
    await expect.poll(() => running.last('d.v')).toMatchObject({ raw: null, quality: 'bad', reason: 'MODBUS_TIMEOUT' })
    expect(running.intakes.flatMap(({ samples }) => samples).filter(({ raw }) => raw !== null)).toEqual([])
  })
})
