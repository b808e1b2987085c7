import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JsonObject, Reading, RuleInput } from '../../../gateway/contract/index.ts'
import { decodeRaw, maxEntries, RawBlock } from '../../../gateway/history/raw-block.ts'
import { reading } from '../../support/points.ts'

const time = fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.double({ min: 0, max: 4e12, noNaN: true }))
const readings: fc.Arbitrary<Reading> = fc.record({
  pointId: fc.constantFrom('hall.t', 'kiosk.paper', 'm1.energy'), value: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.string({ unit: 'grapheme' }), fc.constant(null)),
  at: time, receivedAt: time, quality: fc.constantFrom('good' as const, 'uncertain' as const, 'bad' as const),
  reason: fc.constantFrom('MODBUS_TIMEOUT', 'POINT_SENTINEL'), redelivered: fc.constant(true as const),
}, { requiredKeys: ['pointId', 'value', 'at', 'receivedAt', 'quality'] })
const data = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()).map((any) => JSON.parse(JSON.stringify(any)) as JsonObject)
const occurrences = fc.record({ deviceId: fc.constantFrom('kiosk', 'hall-door'), type: fc.constantFrom('access' as const, 'kiosk' as const), at: time, data, sourceId: fc.string() }, { requiredKeys: ['deviceId', 'type', 'at', 'data'] })
const statuses = fc.record({ deviceId: fc.constantFrom('kiosk', 'hall-door'), state: fc.constantFrom('online' as const, 'offline' as const, 'flapping' as const), at: time, reason: fc.constant('MQTT_SILENT'), detail: fc.string() }, { requiredKeys: ['deviceId', 'state', 'at'] })
const inputs = fc.array(fc.oneof(
  readings.map((one): RuleInput => ({ reading: one })), time.map((tick): RuleInput => ({ tick })), statuses.map((device): RuleInput => ({ device })),
  fc.tuple(occurrences, time).map(([occurrence, receivedAt]): RuleInput => ({ occurrence, receivedAt })),
), { maxLength: 600 })

function put(block: RawBlock, list: readonly RuleInput[]): void {
  for (const input of list) {
    if ('reading' in input) block.add(input.reading)
    else if ('tick' in input) block.tick(input.tick)
    else if ('occurrence' in input) block.occurrence(input.occurrence, input.receivedAt)
    else if ('device' in input) block.device(input.device)
  }
}

it('gives back what was put in, in order, block after block', () => {
  const block = new RawBlock()
  fc.assert(fc.property(inputs, (list) => {
    put(block, list)
    expect(decodeRaw(block.encode())).toEqual(list)
    block.clear()
  }))
})
it('reads a block that was written before there were occurrences in it', () => {
  // Two readings and a tick, from the code as it was then.
  const old = Buffer.from('KLUv/SCjRQMAggUVIaCnGQP//4/9/79mt3xciJzZWIg4J8xf+0X3shhU4y/YKa8v+GRVAoJEVcc/3vDJ5Q2gNNq+tJxyu8iD4oJ5ULpddRIGGEuIPAzywZZYRTL+wm8CBgCDJ+BkhCmgS26hmodYcQI=', 'base64')
  expect(decodeRaw(old)).toEqual([{ reading: reading('hall.t', 21.5, 1_700_000_000_000) }, { tick: 1_700_000_000_500 }, { reading: reading('hall.door', true, 1_700_000_001_000) }])
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
