import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sample } from '../../gateway/contract/index.ts'
import { normalise, toRaw } from '../../gateway/normalise.ts'
import { point } from '../support/points.ts'

const temperature = point({ id: 'hall.temperature', unit: 'Cel', scale: 0.1, sentinels: [0x7fff], min: -40, max: 80 })
const sample = (raw: Sample['raw'], overrides: Partial<Sample> = {}): Sample => ({ pointId: 'hall.temperature', raw, at: 5, quality: raw === null ? 'bad' : 'good', ...overrides })

describe('normalise', () => {
  it('scales by division, so that 3 tenths is 0.3', () => {
    expect(normalise(sample(3), temperature, 9)).toEqual({ pointId: 'hall.temperature', value: 0.3, at: 5, receivedAt: 9, quality: 'good' })
  })
  it('turns a sentinel into bad and never into a number', () => {
    expect(normalise(sample(0x7fff), temperature, 9)).toMatchObject({ value: null, quality: 'bad', reason: 'POINT_SENTINEL' })
  })
  it('keeps a value outside the range but calls it uncertain', () => {
    expect(normalise(sample(2_000), temperature, 9)).toMatchObject({ value: 200, quality: 'uncertain', reason: 'POINT_OUT_OF_RANGE' })
  })
  it('gives null for every sample that is bad, with the reason of the driver', () => {
    expect(normalise(sample(null, { reason: 'MODBUS_TIMEOUT' }), temperature, 9)).toMatchObject({ value: null, quality: 'bad', reason: 'MODBUS_TIMEOUT' })
    expect(normalise(sample(12, { quality: 'bad' }), temperature, 9)).toMatchObject({ value: null, quality: 'bad' })
  })
  it('refuses text, NaN and infinity where a number belongs', () => {
    for (const raw of ['21.5', Number.NaN, Number.POSITIVE_INFINITY, true]) {
      expect(normalise(sample(raw), temperature, 9)).toMatchObject({ value: null, quality: 'bad', reason: 'POINT_TYPE' })
    }
  })
  it('reads an inverted contact the other way round and refuses a 7', () => {
    const contact = point({ id: 'door.contact', type: 'boolean', invert: true })
    expect(normalise(sample(true), contact, 9).value).toBe(false)
    expect(normalise(sample(0), contact, 9).value).toBe(true)
    expect(normalise(sample(7), contact, 9)).toMatchObject({ value: null, reason: 'POINT_TYPE' })
  })
  it('takes a cut or shorted line of a supervised contact for a fault, neither for normal nor for alarm', () => {
    const smoke = point({ id: 'loop.smoke', type: 'boolean', sentinels: [2, 3] })
    expect([0, 1, 2, 3, 9].map((raw) => normalise(sample(raw), smoke, 9)).map(({ value, quality, reason }) => [value, quality, reason])).toEqual([
      [false, 'good', undefined], [true, 'good', undefined], [null, 'bad', 'POINT_SENTINEL'], [null, 'bad', 'POINT_SENTINEL'], [null, 'bad', 'POINT_TYPE'],
    ])
  })
  it('undoes itself: toRaw(normalise(raw)) is raw for every scale a profile uses', () => {
    fc.assert(fc.property(fc.integer({ min: -32768, max: 65535 }), fc.constantFrom(1, 0.1, 0.01, 0.001, 10, 0.5), fc.integer({ min: -50, max: 50 }), (raw, scale, offset) => {
      const any = point({ id: 'a.b', scale, offset })
      const { value } = normalise({ pointId: 'a.b', raw, at: 0, quality: 'good' }, any, 0)
      expect(toRaw(value!, any)).toBe(raw)
    }))
  })
  it('takes for whole only what is so as far as the number is known: tiny floats stay, and large ones find back', () => {
    expect(toRaw(4e-10, point({ id: 'a.b' }))).toBe(4e-10)
    expect(toRaw(1.0000001, point({ id: 'a.b', scale: 1e3 }))).toBe(1.0000001e-3)
    expect(toRaw(429_496_729.5, point({ id: 'a.b', scale: 0.1 }))).toBe(4_294_967_295)
    expect(toRaw(1_000_000.1, point({ id: 'a.b', scale: 0.1, offset: 1_000_000 }))).toBe(1)
    expect(toRaw(123_456_789.25, point({ id: 'a.b', scale: 0.1 }))).toBeCloseTo(1_234_567_892.5, 5)
  })
})
