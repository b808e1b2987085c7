import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Reading, RuleInput } from '../../../gateway/contract/index.ts'
import { decodeRaw, maxEntries, RawBlock } from '../../../gateway/history/raw-block.ts'
import { reading } from '../../support/points.ts'

const time = fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.double({ min: 0, max: 4e12, noNaN: true }))
const readings: fc.Arbitrary<Reading> = fc.record({
  pointId: fc.constantFrom('hall.t', 'kiosk.paper', 'm1.energy'), value: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.string({ unit: 'grapheme' }), fc.constant(null)),
  at: time, receivedAt: time, quality: fc.constantFrom('good' as const, 'uncertain' as const, 'bad' as const),
  reason: fc.constantFrom('MODBUS_TIMEOUT', 'POINT_SENTINEL'), redelivered: fc.constant(true as const),
}, { requiredKeys: ['pointId', 'value', 'at', 'receivedAt', 'quality'] })
const inputs = fc.array(fc.oneof(readings.map((one): RuleInput => ({ reading: one })), time.map((tick): RuleInput => ({ tick }))), { maxLength: 600 })

function put(block: RawBlock, list: readonly RuleInput[]): void {
  for (const input of list) { if ('reading' in input) block.add(input.reading); else if ('tick' in input) block.tick(input.tick) }
}

it('gives back what was put in, in order, block after block', () => {
  const block = new RawBlock()
  fc.assert(fc.property(inputs, (list) => {
    put(block, list)
    expect(decodeRaw(block.encode())).toEqual(list)
    block.clear()
  }))
})
it('knows when it is full, by entries or by text', () => {
  const block = new RawBlock()
  for (let n = 0; n < maxEntries; n++) { expect(block.full).toBe(false); block.add(reading('a.b', n, n)) }
  expect(block.full).toBe(true)
  block.clear()
  for (let n = 0; n < 5; n++) block.add(reading('a.b', 'x'.repeat(60_000), n))
  expect(block.full).toBe(true)
  expect([block.from, block.to]).toEqual([0, 4])
})
it('refuses bytes that are no block', () => {
  expect(() => decodeRaw(Buffer.from('nonsense'))).toThrow()
})
it('needs a few bytes a reading', () => {
  const block = new RawBlock()
  for (let n = 0; n < 4_000; n++) block.add(reading(`meter-${n % 200}.power`, Math.round(2_300 + 40 * Math.sin(n / 50)) / 10, 1.7e12 + n * 2))
  expect(block.encode().length / 4_000).toBeLessThan(6)
})
