import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beyondLimits, jsonLimits, numberOf, parsePayload } from '../../../drivers/mqtt/payload.ts'
import { stampOf } from '../../../drivers/mqtt/stamps.ts'

const bytes = (text: string): Buffer => Buffer.from(text)
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
const depthOf = (value: unknown): number => (value !== null && typeof value === 'object' ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0)

describe('the limits before JSON is parsed', () => {
  it('stops what is nested deeper than 32 and what has more than 10,000 elements, and says so', () => {
    expect(parsePayload(bytes(nested(32)), true)).toHaveProperty('document')
    expect(parsePayload(bytes(nested(33)), true)).toEqual({ malformed: 'nested deeper than 32' })
    expect(parsePayload(bytes('['.repeat(60_000)), true)).toEqual({ malformed: 'nested deeper than 32' })
    expect(parsePayload(bytes(`[${'1,'.repeat(10_001)}1]`), true)).toEqual({ malformed: 'more than 10000 keys and elements' })
  })
  it('does not count brackets and commas within texts', () => {
    expect(parsePayload(bytes(JSON.stringify({ text: `\\"${'[{,'.repeat(20_000)}` })), true)).toHaveProperty('document')
  })
  it('law: no JSON within the limits is stopped, and none beyond the depth passes', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 1, max: 8 }), (value, depth) => {
      expect(beyondLimits(bytes(JSON.stringify(value)), { depth, items: jsonLimits.items }) === null).toBe(depthOf(value) <= depth)
    }))
  })
})

describe('numbers as text', () => {
  it('are taken where they are plain, and nothing is guessed', () => {
    expect(['23.5', ' -4 ', '+1e3', '.5', '7.'].map(numberOf)).toEqual([23.5, -4, 1_000, 0.5, 7])
    for (const text of ['23,5', '1,000', '0x1A', '', ' ', '23.5 °C', '--1', '1e999', 'NaN', 'Infinity', '１２']) expect(numberOf(text), text).toBeNull()
  })
})

describe('a device\'s own time', () => {
  const now = Date.UTC(2026, 0, 5, 8)
  it('is read as ISO 8601 with its zone, milliseconds, or seconds where the profile says so', () => {
    expect(stampOf('2026-01-05T15:59:00+08:00', 'auto', now)).toEqual({ at: now - 60_000 })
    expect(stampOf('2026-01-05 07:59:00,5Z', 'iso', now)).toEqual({ at: now - 59_500 })
    expect(stampOf(now - 7, 'auto', now)).toEqual({ at: now - 7 })
    expect(stampOf((now - 500) / 1_000, 's', now)).toEqual({ at: now - 500 })
  })
  it('is replaced by the time of arrival, and that is told, when it cannot be believed', () => {
    expect(stampOf('2026-01-05T08:00:00', 'auto', now)).toEqual({ at: now, replaced: 'none' })
    expect(stampOf(now / 1_000, 'auto', now)).toEqual({ at: now, replaced: 'behind' })
    expect(stampOf(now, 's', now)).toEqual({ at: now, replaced: 'ahead' })
    for (const odd of ['yesterday', true, {}, [], '']) expect(stampOf(odd, 'auto', now)).toEqual({ at: now, replaced: 'none' })
  })
  it('is not missed where the device gives none', () => { for (const none of [undefined, null]) expect(stampOf(none, 'auto', now)).toEqual({ at: now }) })
  it('law: whatever it says, the time that stands is within five minutes ahead and a month behind', () => {
    fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.double(), fc.date().map(String)), fc.constantFrom('auto', 'iso', 'ms', 's'), (value, format) => {
      const { at } = stampOf(value as never, format as 'auto', now)
      expect(at <= now + 300_000 && at >= now - 31 * 86_400_000 && Number.isSafeInteger(at)).toBe(true)
    }))
  })
})
