import { describe, expect, it } from 'vitest'
import { checkDecoding, type Look } from '../../../drivers/modbus/scan/decode-check.ts'
import type { ModbusPoint } from '../../../drivers/modbus/plan.ts'
import { encodeRegisters } from '../../../drivers/modbus/values.ts'
import { decodes } from '../../bench/decode.ts'
import { modbusPoint } from './support.ts'

const f32 = { table: 'input', format: 'f32' }
const meter = (change: Readonly<Record<string, object>> = {}): readonly ModbusPoint[] => [
  ['voltage', { ...f32, register: 0, unit: 'V' }], ['current', { ...f32, register: 6, unit: 'A' }], ['power', { ...f32, register: 12, unit: 'W' }], ['power-factor', { ...f32, register: 30, unit: '1' }],
  ['frequency', { ...f32, register: 70, unit: 'Hz' }], ['energy', { ...f32, register: 72, unit: 'kW.h' }],
].map(([name, keys]) => modbusPoint(`m.${name as string}`, { ...keys as object, ...change[name as string] }))

/** Always held as the right map says. */
const look = (atMs: number, values: readonly number[]): Look => ({ atMs, registers: new Map(meter().map((point, index) => [point.id, encodeRegisters(point.address, values[index]!)])) })
const now = look(0, [230.1, 3.2, 699, 0.95, 49.98, 120.5])
const later = look(600_000, [230.4, 3.3, 722, 0.95, 50.01, 120.62])

describe('the check of a meter\'s map', () => {
  it('says nothing of a right one, nor of one without load', () => {
    expect(checkDecoding(meter(), [now, later])).toBeNull()
    expect(checkDecoding(meter(), [look(0, [230, 0, 0, 0, 50, 0])])).toBeNull()
    // A fridge that stands still: noise of the meter, and a power factor of nothing.
    expect(checkDecoding(meter(), [look(0, [230, 0.012, 0.06, 0.02, 50, 3.1])])).toBeNull()
    expect(checkDecoding([modbusPoint('t.temperature', { table: 'input', register: 0, unit: 'Cel' })], [now])).toBeNull()
  })
  it('names the word order, of one point or of all', () => {
    expect(checkDecoding(meter({ frequency: { wordOrder: 'little' } }), [now])).toMatchObject({ code: 'DECODE_WORD_ORDER', deviceId: 'm', remedies: [{ points: ['m.frequency'], wordOrder: 'big' }] })
    const all = Object.fromEntries(meter().map(({ id }) => [id.slice(2), { wordOrder: 'little' }]))
    expect(checkDecoding(meter(all), [now])).toMatchObject({ code: 'DECODE_WORD_ORDER', remedies: [{ wordOrder: 'big', points: expect.arrayContaining(['m.voltage', 'm.energy']) }] })
  })
  it('names the scale, and where one look cannot tell which of two it is, says both; the energy of a second look decides', () => {
    expect(checkDecoding(meter({ voltage: { scale: 0.1 } }), [now])).toMatchObject({ code: 'DECODE_SCALE', text: expect.stringContaining('scale: 1 for m.voltage') })
    const wrong = meter({ power: { scale: 10 } })
    expect(checkDecoding(wrong, [now])!.remedies.map(({ points }) => points[0]).toSorted()).toEqual(['m.current', 'm.power'])
    expect(checkDecoding(wrong, [now, later])!.remedies).toEqual([{ points: ['m.power'], scale: new Map([['m.power', 1]]) }])
  })
  it('does not take a load that came and went for a wrong scale, and sees energy that falls', () => {
    expect(checkDecoding(meter(), [now, look(600_000, [230.4, 3.3, 722, 0.95, 50.01, 121.1])])).toBeNull()
    expect(checkDecoding(meter(), [now, look(600_000, [230.4, 3.3, 722, 0.95, 50.01, 60])])).toMatchObject({ broken: ['energy only rises'], remedies: [] })
  })
  it('tells nearly every mistake in the library\'s meters, and never one that is none', async () => {
    const { corrupted, told, named, falselyTold, missed } = await decodes(40)
    expect(falselyTold).toBe(0)
    expect(named).toBe(told)
    expect(told / corrupted, missed.join('; ')).toBeGreaterThanOrEqual(0.9)
  })
})
