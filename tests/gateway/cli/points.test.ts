import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { valueOf } from '../../../gateway/cli/points.ts'
import { toRaw } from '../../../gateway/normalise.ts'
import { point } from '../../support/points.ts'

const setpoint = point({ id: 'ac.setpoint', unit: 'Cel', scale: 0.5, min: 16, max: 30, writable: true, address: { table: 'holding', register: 0, format: 'u16' } })
const relay = point({ id: 'r.one', type: 'boolean', writable: true })
const refused = (config: typeof setpoint, text: string): string => { try { return `accepted ${String(valueOf(config, text))}` } catch (error) { return `${(error as { code: string }).code} ${(error as Error).message}` } }

describe('a value on the command line', () => {
  it('is a number in the point\'s unit, on or off, or a text', () => {
    expect([valueOf(setpoint, '21.5'), valueOf(relay, 'ON'), valueOf(relay, '0'), valueOf(point({ id: 't.t', type: 'string', writable: true }), ' 你好 ')]).toEqual([21.5, true, false, ' 你好 '])
  })
  it('is refused before it is sent when it is none, not finite, out of range, between two steps, or more than the register holds', () => {
    for (const text of ['', ' ', 'warm', 'NaN', 'Infinity', '-Infinity', '1e999']) expect(refused(setpoint, text)).toMatch(/^POINT_VALUE .*cannot be written to ac\.setpoint: write a number in Cel/)
    expect(refused(setpoint, '31')).toBe('POINT_VALUE "31" cannot be written to ac.setpoint: allowed is 16 to 30 Cel')
    expect(refused(setpoint, '20.3')).toBe('POINT_VALUE "20.3" cannot be written to ac.setpoint: the device knows steps of 0.5 Cel; write a multiple')
    expect(refused({ ...setpoint, min: undefined, max: undefined } as never, '-1')).toMatch(/the device holds 0 to 32767\.5 Cel \(format u16\)/)
    expect(refused(relay, 'maybe')).toMatch(/^POINT_VALUE .*write on or off/)
    expect(refused({ ...setpoint, writable: false }, '20')).toMatch(/^POINT_NOT_WRITABLE ac\.setpoint is read-only/)
  })
  it('law: what is accepted is a whole raw value that the register holds', () => {
    fc.assert(fc.property(fc.oneof(fc.double().map(String), fc.integer({ min: -70_000, max: 70_000 }).map((raw) => String(raw / 10)), fc.string()), fc.constantFrom('u16', 's16', 'u32'), (text, format) => {
      const config = { ...setpoint, scale: 0.1, min: -1e9, max: 1e9, address: { table: 'holding', register: 0, format } }
      if (!refused(config, text).startsWith('accepted')) return
      const raw = toRaw(valueOf(config, text), config) as number
      expect(Number.isInteger(raw) && raw >= (format === 's16' ? -32_768 : 0) && raw <= ({ u16: 65_535, s16: 32_767, u32: 2 ** 32 - 1 })[format]!).toBe(true)
    }))
  })
})
