import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeMbap, MbapReader } from '../../../drivers/modbus/mbap.ts'
import { readReply, readRequest } from '../../../drivers/modbus/pdu.ts'
import { planReads } from '../../../drivers/modbus/plan.ts'
import { modbusSchemas } from '../../../drivers/modbus/schema.ts'
import { widthOf } from '../../../drivers/modbus/registers.ts'
import type { ModbusAddress, ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { decodePoint, encodeRegisters } from '../../../drivers/modbus/values.ts'
import { DriverError } from '../../../gateway/kit/index.ts'
import { modbusConfig, modbusPoint } from './support.ts'

const address = (keys: object): ModbusAddress => modbusSchemas.point.parse({ table: 'holding', register: 0, ...keys }) as ModbusAddress
const order = fc.record({ wordOrder: fc.constantFrom('big', 'little'), byteSwap: fc.boolean() })
const values = {
  u16: fc.integer({ min: 0, max: 0xffff }), s16: fc.integer({ min: -0x8000, max: 0x7fff }), u32: fc.integer({ min: 0, max: 0xffffffff }), s32: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  u64: fc.maxSafeNat(), s64: fc.maxSafeInteger(), f32: fc.float({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)), f64: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
}

describe('laws of the Modbus codec', () => {
  for (const [format, value] of Object.entries(values)) {
    it(`${format}: decode(encode(x)) = x in every word and byte order`, () => {
      fc.assert(fc.property(value, order, (number, keys) => {
        const decoded = decodePoint(address({ format, ...keys }), encodeRegisters(address({ format, ...keys }), number), 0)
        // A 32-bit float is given as the shortest decimal that is that float.
        expect('value' in decoded && (format === 'f32' ? Math.fround(decoded.value as number) : decoded.value)).toBe(number)
      }))
    })
  }
  it('strings come back without their padding', () => {
    fc.assert(fc.property(fc.stringMatching(/^[!-~]{0,10}$/), order, (text, keys) => {
      const at = address({ format: 'string', length: 5, ...keys })
      expect(decodePoint(at, encodeRegisters(at, text), 0)).toEqual({ value: text })
    }))
  })
  it('gives no number where there is none, or not an exact one', () => {
    expect(decodePoint(address({ format: 'f32' }), Buffer.from('7fc00000', 'hex'), 0)).toEqual({ reason: 'POINT_NOT_FINITE' })
    expect(decodePoint(address({ format: 'u64' }), Buffer.from('ffffffffffffffff', 'hex'), 0)).toEqual({ reason: 'POINT_PRECISION' })
    expect(() => encodeRegisters(address({ format: 'u16' }), 65_536)).toThrow(expect.objectContaining({ code: 'POINT_VALUE' }))
  })
  it('reads a float as people write it', () => {
    expect(decodePoint(address({ format: 'f32' }), Buffer.from('4366199a', 'hex'), 0)).toEqual({ value: 230.1 })
  })
  it('frames survive any cutting of the stream', () => {
    fc.assert(fc.property(fc.array(fc.record({ transaction: fc.nat(65_535), unit: fc.nat(255), pdu: fc.uint8Array({ minLength: 1, maxLength: 253 }) }), { maxLength: 5 }), fc.array(fc.nat(2_000), { maxLength: 8 }), (frames, cuts) => {
      const stream = Buffer.concat(frames.map((frame) => encodeMbap(frame.transaction, frame.unit, Buffer.from(frame.pdu))))
      const places = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).toSorted((a, b) => a - b), stream.length]
      const reader = new MbapReader()
      const seen: unknown[] = []
      places.slice(1).forEach((end, index) => reader.push(stream.subarray(places[index], end), (transaction, unit, pdu) => seen.push([transaction, unit, pdu.toString('hex')])))
      expect(seen).toEqual(frames.map(({ transaction, unit, pdu }) => [transaction, unit, Buffer.from(pdu).toString('hex')]))
    }))
  })
  it('any bytes give frames or a DriverError, any reply its data or a DriverError', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), fc.uint8Array({ maxLength: 260 }), (chunks, reply) => {
      const guard = (task: () => unknown): void => { try { task() } catch (error) { expect(error).toBeInstanceOf(DriverError) } }
      const reader = new MbapReader()
      guard(() => { for (const chunk of chunks) reader.push(Buffer.from(chunk), () => {}) })
      guard(() => expect(readReply(readRequest('holding', 0, 3), Buffer.from(reply))).toHaveLength(6))
    }))
  })
})

describe('laws of the read planner', () => {
  const points = fc.array(fc.record({
    table: fc.constantFrom('coil', 'discrete', 'holding', 'input'), register: fc.nat(400), format: fc.constantFrom('u16', 'f32', 'u64'), pollMs: fc.constantFrom(1_000, 5_000),
  }), { minLength: 1, maxLength: 60 }).map((list) => list.map(({ format, ...keys }, index) => modbusPoint(`d.p${index}`, { ...keys, ...(keys.table === 'holding' || keys.table === 'input' ? { format } : {}) })))
  const limits = fc.record({ maxRegisters: fc.integer({ min: 4, max: 125 }), maxBits: fc.integer({ min: 1, max: 2_000 }), gap: fc.nat(40).map((widest) => ({ registers: widest, bits: widest })) })

  it('each point is read exactly once, whole, within the limits, and no read begins or ends with a hole', () => {
    fc.assert(fc.property(points, limits, (list, limit) => {
      const reads = planReads(list, limit)
      expect(reads.flatMap((read) => read.points.map(({ id }) => id)).toSorted()).toEqual(list.map(({ id }) => id).toSorted())
      for (const { table, start, count, pollMs, points: some } of reads) {
        expect(count).toBeLessThanOrEqual(table === 'coil' || table === 'discrete' ? limit.maxBits : limit.maxRegisters)
        const covered = new Set<number>()
        for (const { address: at, pollMs: pace } of some) {
          expect([at.table, pace]).toEqual([table, pollMs])
          for (let register = at.register; register < at.register + widthOf(at); register++) covered.add(register)
        }
        const registers = [...covered].toSorted((a, b) => a - b)
        expect([registers[0], registers.at(-1)]).toEqual([start, start + count - 1])
        registers.forEach((register, index) => expect(register - (registers[index - 1] ?? register)).toBeLessThanOrEqual(limit.gap.registers + 1))
      }
    }))
  })
  it('reads an SDM630 in a handful of requests instead of one for each point', () => {
    const registers = [0x00, 0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x34, 0x3e, 0x46, 0x48, 0x4a, 0x156]
    const list = registers.map((register, index) => modbusPoint(`m.p${index}`, { table: 'input', register, format: 'f32' }))
    expect(planReads(list, { maxRegisters: 80, maxBits: 2_000, gap: { registers: 16, bits: 16 } }).length).toBe(3)
  })
})

describe('the Modbus section of a site file', () => {
  const review = (devices: Parameters<typeof modbusConfig>[1]) => modbusSchemas.review!(modbusConfig(502, devices) as ModbusConfig)
  it('refuses two devices with one unit id', () => {
    expect(review({ a: { unitId: 1, points: {} }, b: { unitId: 1, points: {} } })).toMatchObject([{ deviceId: 'b', path: ['unitId'], message: expect.stringContaining('"a"') }])
  })
  it('refuses what a table cannot hold, and writing what cannot be written', () => {
    const found = review({ a: { unitId: 1, points: {
      one: { table: 'coil', register: 0, format: 'u16' }, two: { table: 'input', register: 0, writable: true }, three: { table: 'holding', register: 65_535, format: 'u32' }, four: { table: 'holding', register: 1, format: 'bool', type: 'boolean' },
    } } })
    expect(found.map(({ path }) => path.join('.'))).toEqual(['points.one.format', 'points.two.writable', 'points.three.register', 'points.four.bit'])
  })
})
