import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { diagnose } from '../../../drivers/modbus/doctor.ts'
import { forecast } from '../../../drivers/modbus/forecast.ts'
import { Latency } from '../../../drivers/modbus/latency.ts'
import { identifyReply, identifyRequest, maskWriteRequest, readReply, readWriteRequest, replyLength, writeCoilsRequest, writeReply } from '../../../drivers/modbus/pdu.ts'
import { advance, Schedule, type Task } from '../../../drivers/modbus/schedule.ts'
import { modbusSchemas } from '../../../drivers/modbus/schema.ts'
import { gapBudget, readMs, wireOf } from '../../../drivers/modbus/wire.ts'
import { modbusConfig } from './support.ts'

const serial = { transport: 'rtu', baudRate: 9_600, parity: 'none', dataBits: 8, stopBits: 1 } as const

describe('the schedule of a line', () => {
  /** Runs tasks that take `costMs` each for `untilMs`; returns the moments each began. */
  function simulate(everyMs: readonly number[], costMs: number, untilMs: number): number[][] {
    const schedule = new Schedule<Task & { readonly index: number }>()
    everyMs.forEach((every, index) => schedule.add({ due: 0, everyMs: every, index }))
    const starts: number[][] = everyMs.map(() => [])
    for (let now = 0; now < untilMs;) {
      const task = schedule.take(now)
      if (!task) { now = Math.max(now + 0.01, schedule.nextDue()); continue }
      starts[task.index]!.push(now)
      advance(task, now)
      now += costMs
      schedule.add(task)
    }
    return starts
  }
  it('does not drift: the thousandth deadline is a thousand intervals after the first', () => {
    const [starts] = simulate([100, 70, 30], 3, 100_000)
    expect(starts).toHaveLength(1_000)
    expect(Math.max(...starts!.map((at, index) => at - index * 100))).toBeLessThanOrEqual(9)
  })
  it('keeps every pace that the line can carry, whatever the mixture', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 20, max: 500 }), { minLength: 1, maxLength: 12 }), (paces) => {
      const costMs = 0.7 / paces.reduce((sum, every) => sum + 1 / every, 0)
      simulate(paces, costMs, 5_000).forEach((starts, index) => {
        expect(starts.length).toBeGreaterThanOrEqual(Math.floor(5_000 / paces[index]!) - 1)
        starts.forEach((at, turn) => expect(at - turn * paces[index]!).toBeLessThan(paces[index]! + costMs))
      })
    }), { numRuns: 30 })
  })
  it('lets a fast scan go first, and starves no slow one on a line that cannot keep up', () => {
    const [fast, slow] = simulate([10, 1_000], 10, 20_000)
    expect(slow!.length).toBeGreaterThan(8)
    expect(fast!.length).toBeGreaterThan(1_900)
  })
  it('skips what was missed instead of catching up in a burst', () => {
    const task: Task = { due: 0, everyMs: 100 }
    expect(advance(task, 1_050)).toBe(10)
    expect(task.due).toBe(1_100)
  })
})

describe('wire time', () => {
  it('is that of the specification: 10 registers at 9600 8N1 take about 42 ms, one by one 229 ms', () => {
    const wire = wireOf(serial)
    expect(readMs(wire, false, 10)).toBeCloseTo(41.7, 1)
    expect(readMs(wire, false, 1) * 10).toBeCloseTo(229, 0)
    expect(wireOf({ ...serial, baudRate: 115_200, parity: 'even' })).toEqual({ charMs: 11_000 / 115_200, silenceMs: 1.75 })
  })
  it('bridges a hole only where it costs less than another request', () => {
    fc.assert(fc.property(fc.constantFrom(2_400, 9_600, 19_200, 115_200), fc.nat(100), (baudRate, turnaround) => {
      const wire = wireOf({ ...serial, baudRate })
      const { registers } = gapBudget(wire, { maxGap: undefined, turnaround })
      const another = readMs(wire, false, 0) + turnaround
      expect(registers * 2 * wire.charMs).toBeLessThanOrEqual(another)
      if (registers < 124) expect((registers + 1) * 2 * wire.charMs).toBeGreaterThan(another)
    }))
  })
  it('is told before anything is installed', () => {
    const points = { t: { table: 'input', register: 1, pollMs: 5_000 }, far: { table: 'input', register: 2_000, pollMs: 5_000 } }
    const devices = Object.fromEntries(Array.from({ length: 38 }, (_, index) => [`d${index}`, { unitId: index + 1, turnaround: '120ms', points }]))
    const config = modbusConfig(1, devices, { ...serial, host: undefined, path: '/dev/ttyUSB0' })
    expect(forecast(config)!.scanMs).toBeCloseTo(76 * (readMs(wireOf(serial), false, 1) + 120), 5)
    expect(modbusSchemas.foresee!(config).map(({ message }) => message)).toEqual([expect.stringMatching(/ttyUSB0 may be another adapter.*by-id/), expect.stringMatching(/38 devices at 9600: a full scan takes 11 s, asked for 5\.0 s/)])
    expect(modbusSchemas.foresee!(modbusConfig(502, devices))).toEqual([])
  })
})

describe('the other functions', () => {
  it('15 packs coils, 22 masks, 23 reads what it wrote before', () => {
    expect(writeCoilsRequest(19, [true, false, true, true, false, false, true, true, true, false]).toString('hex')).toBe('0f0013000a02cd01')
    expect(maskWriteRequest(4, 0xf2, 0x25).toString('hex')).toBe('16000400f20025')
    writeReply(maskWriteRequest(4, 0xf2, 0x25), maskWriteRequest(4, 0xf2, 0x25))
    const request = readWriteRequest(3, 6, 14, Buffer.from('00ff00ff00ff', 'hex'))
    expect(request.toString('hex')).toBe('1700030006000e00030600ff00ff00ff')
    expect(readReply(request, Buffer.from('170c00fe0acd00010003000d00ff', 'hex'))).toHaveLength(12)
  })
  it('43/14 tells who a device is, in parts', () => {
    const reply = Buffer.concat([Buffer.from('2b0e0101ff0202', 'hex'), Buffer.of(0, 3), Buffer.from('ABC'), Buffer.of(1, 2), Buffer.from('\u0001x')])
    const { objects, next } = identifyReply(identifyRequest(1, 0), reply)
    expect([...objects]).toEqual([[0, 'ABC'], [1, '?x']])
    expect(next).toBe(2)
    for (let cut = 1; cut < reply.length; cut++) expect(replyLength(identifyRequest(1, 0), reply.subarray(0, cut))).not.toBe(cut)
  })
  it('any bytes: a length or none, never an exception', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 260 }), fc.constantFrom(identifyRequest(1, 0), readWriteRequest(0, 1, 0, Buffer.of(0, 1)), maskWriteRequest(0, 0, 0)), (bytes, request) => { expect(replyLength(request, Buffer.from(bytes))).toBeLessThanOrEqual(253) }))
  })
})

describe('percentiles of the turnaround', () => {
  it('are within 10 % of the true ones', () => {
    const latency = new Latency()
    for (let ms = 1; ms <= 1_000; ms++) latency.add(ms)
    expect(latency.percentile(0.5)).toBeGreaterThan(450)
    expect(latency.percentile(0.5)).toBeLessThan(550)
    expect(latency.percentile(0.95)).toBeGreaterThan(855)
    expect(new Latency().percentile(0.5)).toBe(0)
  })
})

describe('the bus doctor', () => {
  const config = modbusConfig(1, { a: { unitId: 1, points: {} }, b: { unitId: 2, points: {} } }, { ...serial, host: undefined, path: '/dev/serial/by-id/x' })
  const codes = (line: object, devices: Record<string, object>) => diagnose(config, { line: { requests: 200, ...line }, devices: { a: { requests: 100, ...devices.a }, b: { requests: 100, ...devices.b } } as never, offline: [] }).map(({ code, text }) => [code, text])
  it('says nothing of a healthy line, or of one it has hardly heard', () => {
    expect(codes({}, {})).toEqual([])
    expect(diagnose(config, { line: { requests: 3, timeouts: 3 }, devices: {}, offline: [] })).toEqual([])
  })
  it('tells wrong parity, a silent line, a duplicate address, missing termination, another master, and too many points apart', () => {
    const dead = { timeouts: 100 }
    expect(codes({ timeouts: 200, noiseBytes: 90 }, { a: dead, b: dead })).toEqual([['BUS_WRONG_PARAMETERS', expect.stringContaining('9600 8N1')]])
    expect(codes({ timeouts: 200 }, { a: dead, b: dead })).toEqual([['BUS_SILENT', expect.stringContaining('A and B')]])
    expect(codes({ crcErrors: 50 }, { a: { crcErrors: 50 } })).toEqual([['BUS_DUPLICATE_ADDRESS', expect.stringMatching(/^a: 50 % .*unit id 1/)]])
    expect(codes({ crcErrors: 20 }, { a: { crcErrors: 10 }, b: { crcErrors: 10 } })).toEqual([['BUS_NOISE', expect.stringContaining('termination')]])
    expect(codes({ foreignFrames: 9 }, {})).toEqual([['BUS_OTHER_MASTER', expect.stringContaining('9 frames')]])
    expect(codes({ timeouts: 20 }, { a: { timeouts: 20, turnaroundP50: 12 } })).toEqual([['BUS_SLOW_DEVICE', expect.stringContaining('timeout')]])
    expect(codes({ loadPercent: 98, skippedPolls: 40 }, {})).toEqual([['BUS_OVERLOADED', expect.stringContaining('40 polls were skipped')]])
  })
})
