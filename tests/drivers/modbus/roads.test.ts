import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { modbusDriver } from '../../../drivers/modbus/driver.ts'
import { encodeMbap, MbapReader } from '../../../drivers/modbus/mbap.ts'
import { encodeRtu } from '../../../drivers/modbus/rtu.ts'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { freePort, listening } from '../../support/resources.ts'
import { runSession } from '../../support/sessions.ts'
import { hostileLine, registerOf } from './hostile.ts'
import { modbusConfig } from './support.ts'

const parts = { clock: systemClock, random: () => 0.5 }
const points = { t: { table: 'holding', register: 3, writable: true }, far: { table: 'holding', register: 300 } }

async function server(attend: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true }, (socket) => { sockets.add(socket); socket.on('error', () => {}); attend(socket) })
  await new Promise<void>((resolve) => { listener.listen(0, '127.0.0.1', resolve) })
  onTestFinished(() => { for (const socket of sockets) socket.destroy(); listener.close() })
  return (listener.address() as { port: number }).port
}

describe('RTU through a serial server', () => {
  it('reads and writes, and stays open when one unit is dead', async () => {
    const shape = { a: { unitId: 1, points }, b: { unitId: 2, points } }
    const config = (port: number) => modbusConfig(port, shape, { transport: 'rtu-over-tcp', timeout: '60ms' })
    const simulator = await startModbusSimulator(config(1), parts, { port: 0 })
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    simulator.set('a.t', 21)
    simulator.fault('b', 'timeout')
    const running = await runSession(modbusDriver, config(simulator.port))
    await expect.poll(() => running.last('a.t')?.raw).toBe(21)
    await expect.poll(() => running.state('b')?.state).toBe('offline')
    await running.session.write!(config(simulator.port).devices[0]!.points[0]!, 0, new AbortController().signal)
    await expect.poll(() => running.last('a.t')?.raw).toBe(0)
    expect(running.session.statistics!().reconnects).toBe(0)
    simulator.fault('b', null)
    await expect.poll(() => running.state('b')?.state, { timeout: 5_000 }).toBe('online')
  })
  it('resynchronises after a late answer without closing the line', async () => {
    const line = hostileLine({ tricks: ['late', 'late-duplicate'], share: 0.4, worstMs: 60 })
    const port = await server((socket) => socket.on('data', (chunk: Buffer) => line.hear(chunk, (bytes) => { if (socket.writable) socket.write(bytes) })))
    const running = await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, worstLatency: '70ms', maxGap: 0, points: Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`p${index}`, { table: 'holding', register: index * 200, pollMs: 20 }])) } }, { transport: 'rtu-over-tcp', timeout: '30ms' }))
    await expect.poll(() => line.played(), { timeout: 20_000 }).toBeGreaterThan(15)
    const wrong = running.intakes.flatMap(({ samples }) => samples).filter(({ pointId, raw }) => raw !== null && raw !== registerOf(1, Number(pointId.slice(3)) * 200))
    expect(wrong).toEqual([])
  })
})

describe('a modem that dials in', () => {
  const dtu = (port: number, registration: string, more: object = {}) => modbusConfig(1, { a: { unitId: 1, points } }, { transport: 'dtu', host: undefined, listen: { host: '127.0.0.1', port }, registration, timeout: '100ms', ...more })
  it('is known by its registration, shares the port with another, and its heartbeats are not data', async () => {
    const port = await freePort()
    const one = runSession(modbusDriver, dtu(port, 'DTU-0001', { heartbeat: 'hex:fe fe', timeout: '2s' }))
    const two = runSession(modbusDriver, dtu(port, 'hex:aa 01 02'))
    await listening(port)
    for (const [hello, base] of [[Buffer.of(0xaa, 1, 2), 5_000], [Buffer.from('DTU-0001'), 7_000]] as const) {
      const modem = connect(port, '127.0.0.1')
      onTestFinished(() => { modem.destroy() })
      modem.write(hello)
      modem.on('data', (request: Buffer) => {
        if (base === 7_000) modem.write(Buffer.of(0xfe, 0xfe))
        // Each register its own: the same bytes for two reads would be taken for a repeated answer.
        const value = request.readUInt16BE(2) === points.t.register ? base : base + 1
        modem.write(encodeRtu(request[0]!, Buffer.of(3, 2, value >> 8, value & 0xff)))
      })
      const beat = setInterval(() => { if (base === 7_000) modem.write(Buffer.of(0xfe, 0xfe)) }, 30)
      onTestFinished(() => clearInterval(beat))
    }
    const running = await Promise.all([one, two])
    await expect.poll(() => running.map((each) => each.last('a.t')?.raw)).toEqual([7_000, 5_000])
    expect(running[0]!.session.statistics!()).toMatchObject({ timeouts: 0, framingErrors: 0, crcErrors: 0 })
  })
  it('is alive before a device that is not: its heartbeats make no damaged frames of silence', async () => {
    const port = await freePort()
    const one = runSession(modbusDriver, dtu(port, 'DTU-0002', { heartbeat: 'hex:fe fe' }))
    await listening(port)
    const modem = connect(port, '127.0.0.1')
    const beat = setInterval(() => { modem.write(Buffer.of(0xfe, 0xfe)) }, 20)
    onTestFinished(() => { clearInterval(beat); modem.destroy() })
    modem.write('DTU-0002')
    const running = await one
    await expect.poll(() => running.state('a')?.reason).toBe('MODBUS_TIMEOUT')
    expect(running.session.statistics!()).toMatchObject({ framingErrors: 0, crcErrors: 0, noiseBytes: 0 })
  })
  it('may say its heartbeat several times at once: none is noise, and the line is not silent for it', async () => {
    const port = await freePort()
    const running = runSession(modbusDriver, dtu(port, 'DTU-0003', { heartbeat: 'hex:fe fe' }))
    await listening(port)
    const modem = connect({ port, host: '127.0.0.1', noDelay: true })
    const beat = setInterval(() => { modem.write(Buffer.of(0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe)) }, 5)
    onTestFinished(() => { clearInterval(beat); modem.destroy() })
    modem.write('DTU-0003')
    modem.on('data', (request: Buffer) => { modem.write(encodeRtu(request[0]!, Buffer.of(3, 2, request[2]!, request[3]!))) })
    await expect.poll(async () => (await running).last('a.far')?.raw).toBe(300)
    await expect.poll(async () => (await running).session.statistics!()['requests']).toBeGreaterThan(16)
    expect((await running).session.statistics!()).toMatchObject({ resyncs: 0, framingErrors: 0, noiseBytes: 0, timeouts: 0 })
  })
  it('that calls again takes over from its dead connection', async () => {
    const port = await freePort()
    const simulator = await startModbusSimulator(dtu(port, 'DTU-7'), parts)
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    simulator.set('a.t', 5)
    const running = await runSession(modbusDriver, dtu(port, 'DTU-7'))
    await expect.poll(() => running.last('a.t')?.raw).toBe(5)
    const second = connect(port, '127.0.0.1', () => second.write('DTU-7'))
    onTestFinished(() => { second.destroy() })
    expect(await running.ended).toMatchObject({ code: 'MODBUS_CLOSED', message: expect.stringContaining('DTU-7') })
  })
  it('that has no registration packet is known by its heartbeat, and forty that say nothing do not keep it out', async () => {
    const port = await freePort()
    const running = runSession(modbusDriver, dtu(port, 'hex:7b 01 7d'))
    await listening(port)
    const silent = Array.from({ length: 40 }, () => connect(port, '127.0.0.1'))
    onTestFinished(() => { for (const socket of silent) socket.destroy() })
    await Promise.all(silent.slice(0, 8).map((socket) => new Promise((resolve) => socket.on('error', () => {}).once('close', resolve))))
    const modem = connect(port, '127.0.0.1')
    onTestFinished(() => { modem.destroy() })
    modem.on('data', (request: Buffer) => { modem.write(encodeRtu(request[0]!, Buffer.of(3, 2, request[2]!, request[3]!))) })
    modem.write(Buffer.of(0x7b, 1, 0x7d))
    const beat = setInterval(() => modem.write(Buffer.of(0x7b, 1, 0x7d)), 40)
    onTestFinished(() => clearInterval(beat))
    await expect.poll(async () => (await running).last('a.far')?.raw).toBe(300)
    expect((await running).session.statistics!()).toMatchObject({ framingErrors: 0, crcErrors: 0 })
  })
  it('that nobody knows, says too much or says nothing is not let in', async () => {
    const port = await freePort()
    const running = runSession(modbusDriver, dtu(port, 'DTU-1'))
    await listening(port)
    const stranger = connect(port, '127.0.0.1', () => stranger.write('x'.repeat(200)))
    await new Promise((resolve) => stranger.once('close', resolve))
    const simulator = await startModbusSimulator(dtu(port, 'DTU-1'), parts)
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    await expect.poll(async () => (await running).last('a.t')?.raw).toBe(0)
  })
})

describe('Modbus TCP', () => {
  /** Answers each request after `delayMs(n)`; registers hold what no other register holds. */
  const tcpServer = (delayMs: (n: number) => number, cut?: (frame: Buffer) => readonly Buffer[]) => server((socket) => {
    const reader = new MbapReader()
    let n = 0
    socket.on('data', (chunk: Buffer) => reader.push(chunk, (transaction, unit, pdu) => {
      const [start, count] = [pdu.readUInt16BE(1), pdu.readUInt16BE(3)]
      const reply = Buffer.alloc(2 + count * 2)
      reply[0] = pdu[0]!
      reply[1] = count * 2
      for (let index = 0; index < count; index++) reply.writeUInt16BE(registerOf(unit, start + index), 2 + index * 2)
      const frame = encodeMbap(transaction, unit, reply)
      setTimeout(() => { for (const piece of cut?.(frame) ?? [frame]) if (socket.writable) socket.write(piece) }, delayMs(n++))
    }))
  })
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`p${index}`, { table: 'holding', register: index * 200, pollMs: 10 }]))
  const right = (running: Awaited<ReturnType<typeof runSession>>) => running.intakes.flatMap(({ samples }) => samples).filter(({ pointId, raw }) => raw !== null && raw !== registerOf(1, Number(pointId.slice(3)) * 200))

  it('keeps one request in the air, or as many as the device is said to stand', async () => {
    for (const [pipeline, expected] of [[1, 1], [4, 4]] as const) {
      let open = 0
      let most = 0
      const port = await server((socket) => {
        const reader = new MbapReader()
        socket.on('data', (chunk: Buffer) => reader.push(chunk, (transaction, unit) => { most = Math.max(most, ++open); setTimeout(() => { open--; if (socket.writable) socket.write(encodeMbap(transaction, unit, Buffer.of(3, 2, 0, 7))) }, 10) }))
      })
      const running = await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, pipeline, maxGap: 0, points: many } }))
      await expect.poll(() => running.last('a.p9')?.raw).toBe(7)
      expect(most).toBe(expected)
      await running.stop()
    }
  })
  it('knows an answer that comes after its time-out for what it is, with several in the air too, and keeps the connection', async () => {
    // One late answer at a time: several in a row would look like a peer that is gone.
    let lateUntil = 0
    const port = await tcpServer((n) => {
      if (n % 5 !== 4 || performance.now() < lateUntil) return 0
      lateUntil = performance.now() + 400
      return 300
    })
    const running = await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, pipeline: 3, maxGap: 0, points: many } }, { timeout: '150ms' }))
    await expect.poll(() => Number(running.session.statistics!().lateReplies), { timeout: 10_000 }).toBeGreaterThan(5)
    expect(right(running)).toEqual([])
    expect(running.session.statistics!().reconnects).toBe(0)
  })
  it('reads answers that are split into single bytes and answers that come glued together', async () => {
    const port = await tcpServer(() => 0, (frame) => [...frame].map((byte) => Buffer.of(byte)))
    const running = await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, pipeline: 3, maxGap: 0, points: many } }))
    await expect.poll(() => running.last('a.p9')?.raw).toBe(registerOf(1, 1_800))
    expect(right(running)).toEqual([])
  })
  it('drops an answer that is 256 requests late: transactions are told apart over all 65,536', async () => {
    let first: Buffer | null = null
    let count = 0
    const port = await server((socket) => {
      const reader = new MbapReader()
      socket.on('data', (chunk: Buffer) => reader.push(chunk, (transaction, unit) => {
        count++
        if (count === 1) { first = encodeMbap(transaction, unit, Buffer.of(3, 2, 0xde, 0xad)); return }
        if (count === 257) socket.write(first!)
        socket.write(encodeMbap(transaction, unit, Buffer.of(3, 2, 0, 7)))
      }))
    })
    const running = await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, points: { x: { table: 'holding', register: 0, pollMs: 0 } } } }, { timeout: '500ms' }))
    await expect.poll(() => count, { timeout: 10_000 }).toBeGreaterThan(300)
    expect(running.session.statistics!().lateReplies).toBe(1)
    expect(running.intakes.flatMap(({ samples }) => samples).map(({ raw }) => raw)).not.toContain(0xdead)
  })
  for (const [name, end] of [['FIN', (socket: Socket, frame: Buffer) => socket.end(frame.subarray(0, 8))], ['RST', (socket: Socket, frame: Buffer) => { socket.write(frame.subarray(0, 8)); socket.resetAndDestroy() }]] as const) {
    it(`opens the connection again at once after a ${name} in mid-reply`, async () => {
      let calls = 0
      const port = await server((socket) => {
        calls++
        const call = calls
        const reader = new MbapReader()
        socket.on('data', (chunk: Buffer) => reader.push(chunk, (transaction, unit) => { const frame = encodeMbap(transaction, unit, Buffer.of(3, 2, 0, 7)); if (call === 1) end(socket, frame); else socket.write(frame) }))
      })
      const running = await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, points: { x: { table: 'holding', register: 0 } } } }, { timeout: '5s' }))
      await expect.poll(() => running.last('a.x'), { timeout: 1_000 }).toMatchObject({ raw: 7, quality: 'good' })
      expect(calls).toBe(2)
    })
  }
  it('waits as long as a device wants to be left alone', async () => {
    const at: number[] = []
    const port = await server((socket) => {
      at.push(performance.now())
      const reader = new MbapReader()
      socket.on('data', (chunk: Buffer) => reader.push(chunk, (transaction, unit) => { at.push(performance.now()); socket.write(encodeMbap(transaction, unit, Buffer.of(3, 2, 0, 7))) }))
    })
    await runSession(modbusDriver, modbusConfig(port, { a: { unitId: 1, maxGap: 0, points: many } }, { pauseAfterConnect: '80ms', pauseBetweenRequests: '25ms' }))
    await expect.poll(() => at.length).toBeGreaterThan(5)
    const gaps = at.slice(1).map((time, index) => time - at[index]!)
    expect(gaps[0]).toBeGreaterThanOrEqual(75)
    expect(Math.min(...gaps.slice(1))).toBeGreaterThanOrEqual(23)
  })
  it('gives a command its deadline: what waited too long is not sent any more', async () => {
    let written = 0
    const port = await server((socket) => {
      const reader = new MbapReader()
      socket.on('data', (chunk: Buffer) => reader.push(chunk, (transaction, unit, pdu) => { if (pdu[0] === 6) written++; else setTimeout(() => { if (socket.writable) socket.write(encodeMbap(transaction, unit, Buffer.of(3, 2, 0, 7))) }, 150) }))
    })
    const config = modbusConfig(port, { a: { unitId: 1, points: { x: { table: 'holding', register: 0, writable: true } } } }, { timeout: '1s' })
    const running = await runSession(modbusDriver, config)
    await expect.poll(() => running.intakes.length).toBeGreaterThan(0)
    await expect(running.session.write!(config.devices[0]!.points[0]!, 3, AbortSignal.timeout(20))).rejects.toMatchObject({ code: 'WRITE_EXPIRED' })
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(written).toBe(0)
  })
})
