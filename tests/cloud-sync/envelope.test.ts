import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Reading, RecordHead } from '../../gateway/contract/index.ts'
import { DataError } from '../../gateway/kit/index.ts'
import { decodeRecord } from '../../cloud-sync/decode.ts'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { reading } from '../support/points.ts'

const options = { gateway: 'hall-1', region: '420106', gridCode: '420106001001001', maxMessageBytes: 65_536, timeQuality: () => 'synced' as const }
const head = (seq = 1, stream: RecordHead['stream'] = 'telemetry'): RecordHead => ({ stream, epoch: '00000001-a1b2c3d4', seq, prevHash: seq === 1 ? '' : 'ab'.repeat(32) })
const pack = (readings: readonly Reading[], maxMessageBytes = 65_536) => {
  const encoder = createEncoder({ ...options, maxMessageBytes })
  const records: Uint8Array[] = []
  for (let from = 0, seq = 1; from < readings.length; seq++) {
    const { bytes, next } = encoder.telemetry(readings, from, head(seq))
    expect(next).toBeGreaterThan(from)
    records.push(bytes)
    from = next
  }
  return records
}

const anyReading = fc.record({
  pointId: fc.constantFrom('hall-env.temperature', 'door-east.open', 'kiosk.text'),
  value: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)), fc.boolean(), fc.string({ unit: 'binary' }), fc.constant(null)),
  at: fc.integer({ min: 0, max: 4e12 }), late: fc.constantFrom(0, 5, 5_000),
}).map(({ pointId, value, at, late }): Reading => reading(pointId, value, at, { receivedAt: at + late, ...(value === null ? { reason: 'MODBUS_TIMEOUT' } : {}) }))

describe('the envelope', () => {
  it('is a CloudEvent that names its place in the stream', () => {
    const bytes = createEncoder(options).event({ stream: 'event', type: 'access', at: 1_767_600_000_000, subject: 'door-east', data: { result: 'granted' }, mode: 'test' }, head(7, 'event'))
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
      specversion: '1.0', id: 'hall-1/event/00000001-a1b2c3d4/7', source: '/linli/420106/hall-1', type: 'org.linli.access.v1', time: '2026-01-05T08:00:00.000Z', datacontenttype: 'application/json',
      seq: 7, epoch: '00000001-a1b2c3d4', prevhash: 'ab'.repeat(32), timequality: 'synced', gridcode: '420106001001001', subject: 'door-east', mode: 'test', data: { result: 'granted' },
    })
  })
  it('refuses an event that does not fit a message', () => {
    const encoder = createEncoder({ ...options, maxMessageBytes: 500 })
    expect(() => encoder.event({ stream: 'event', type: 'kiosk', at: 0, data: { text: 'x'.repeat(500) } }, head(1, 'event'))).toThrow(expect.objectContaining({ code: 'EVENT_TOO_LARGE' }))
  })
  it('turns a text that fits no message into a bad reading instead of half a text', () => {
    const [record] = pack([reading('kiosk.text', 'x'.repeat(5_000))], 1_000).map(decodeRecord)
    expect(record!.readings).toMatchObject([{ point: 'kiosk.text', value: null, quality: 'bad', reason: 'POINT_TOO_LARGE' }])
  })
  it('packs as many readings as asked', () => {
    const encoder = createEncoder({ ...options, maxReadings: 2 })
    expect(encoder.telemetry([1, 2, 3].map((n) => reading('a.b', n)), 0, head()).next).toBe(2)
  })
  it('law: decode(encode(x)) = x, in order, and no record is larger than allowed', () => {
    fc.assert(fc.property(fc.array(anyReading, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1_000, max: 4_000 }), (readings, max) => {
      const records = pack(readings, max)
      for (const record of records) expect(record.length).toBeLessThanOrEqual(max)
      const decoded = records.flatMap((record) => decodeRecord(record).readings)
      expect(decoded.map(({ point, value, at }) => [point, value, at])).toEqual(readings.map(({ pointId, value, at }) => [pointId, value, at]))
    }))
  })
  it('law: plain and zstd decode alike, with the hash of the plain bytes', () => {
    fc.assert(fc.property(fc.array(anyReading, { minLength: 1, maxLength: 20 }), (readings) => {
      for (const record of pack(readings)) expect(decodeRecord(zstdCompressSync(record))).toEqual(decodeRecord(record))
    }))
  })
  it('law: whatever bytes arrive, decoding gives a record or a DataError', () => {
    const sound = pack([reading('a.b', 1)])[0]!
    const decode = (bytes: Uint8Array): void => { try { decodeRecord(bytes) } catch (error) { expect(error).toBeInstanceOf(DataError) } }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), decode))
    fc.assert(fc.property(fc.jsonValue(), (value) => decode(Buffer.from(JSON.stringify(value)))))
    fc.assert(fc.property(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => { const copy = Uint8Array.from(sound); copy[at]! ^= mask; decode(copy) }))
  })
})
