import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { lintProfile } from '../../firmware-config/site/index.ts'
import { roomSchemas } from '../../gateway/cli/rooms.ts'
import { tempFolder } from '../support/resources.ts'

const head = 'profile: mine\nname: { zh: 温度计, en: thermometer }\ndriver: modbus\nsource: ["maker\'s manual v1.2, p. 7"]\nverified: manual\n'
const good = 't: { name: { zh: 温度, en: temperature }, type: number, unit: Cel, table: input, register: 1, format: s16, scale: 0.1, sentinels: [0x7FFF], min: -40, max: 80, deadband: 0.2 }'

async function lint(points: string, top = head): Promise<string[]> {
  const file = path.join(await tempFolder(), 'mine.yaml')
  await writeFile(file, `${top}points:\n  ${points}\n`)
  return (await lintProfile(file, roomSchemas.drivers)).problems.map(({ text }) => text.replace(/^.*mine\.yaml:\d+:\d+ /, ''))
}
const change = (from: string | RegExp, to: string): string => { const changed = good.replace(from, to); expect(changed).not.toBe(good); return changed }

describe('the linter of profiles', () => {
  it('has nothing to say of a good one', async () => { expect(await lint(good)).toEqual([]) })
  const cases: readonly (readonly [name: string, points: string, expected: RegExp, top?: string])[] = [
    ['a place told twice', `${good}\n  u: { name: { zh: 温, en: warm }, type: number, unit: Cel, table: input, register: 1, format: s16, deadband: 1 }`, /points\.u: reads the same place as point "t"/],
    ['a register inside another point', `${change('format: s16', 'format: f32').replace('sentinels: [0x7FFF], ', '')}\n  u: { name: { zh: 湿度, en: humidity }, type: number, unit: "%", table: input, register: 2, deadband: 1 }`, /points\.u\.register: register 2 is already inside point "t" \(f32 at 1 takes 2\)/],
    ['no deadband on a measurement', change(', deadband: 0.2', ''), /points\.t: a measured value without a deadband floods the city/],
    ['a deadband on a counter', 'energy: { name: { zh: 电能, en: energy }, type: number, unit: kW.h, table: input, register: 1, deadband: 1 }', /points\.energy\.deadband: a counter that only rises/],
    ['a deadband below one step', change('deadband: 0.2', 'deadband: 0.05'), /points\.t\.deadband: 0\.05 is less than one step of the device \(0\.1\)/],
    ['a deadband that hides everything', change('deadband: 0.2', 'deadband: 70'), /points\.t\.deadband: a change of 70 hardly fits/],
    ['no unit', change('unit: Cel, ', ''), /points\.t: a number needs a unit/],
    ['a unit nobody knows', change('unit: Cel', 'unit: cel'), /points\.t\.unit: "cel" is no UCUM code we know; did you mean "Cel"\?/],
    ['a unit of a boolean', 'p: { name: { zh: 有人, en: presence }, type: boolean, unit: "1", table: coil, register: 1 }', /points\.p\.unit: a boolean has no unit/],
    ['a range nothing has', change('max: 80', 'max: 8000'), /points\.t\.max: 8000 Cel does not exist in a building/],
    ['a range the register never reaches', change(/min: -40, max: 80/, 'min: 4000').replace('unit: Cel', 'unit: lx'), /points\.t\.min: the device can send no more than 3276\.7/],
    ['a minimum below zero of an unsigned number', change('s16', 'u16'), /points\.t\.min: format u16 never gives a negative value; is it a signed number \(s16\)/],
    ['min above max', change('min: -40', 'min: 90'), /points\.t\.(min|max): min 90 is above max 80/],
    ['min and max the same', change('min: -40', 'min: 80'), /points\.t\.max: min and max are the same/],
    ['a sentinel that is never read', change('0x7FFF', '0xFFFF'), /points\.t\.sentinels\[0\]: 65535 is never read: format s16 holds -32768 to 32767; write -1, the same bits/],
    ['a sentinel of another type', change('0x7FFF', 'none'), /points\.t\.sentinels\[0\]: "none" is no number/],
    ['urgent and slow', 'p: { name: { zh: 烟感, en: smoke }, type: boolean, table: discrete, register: 1, urgent: true, poll: 10s }', /points\.p\.poll: urgent, and asked only every 10000 ms/],
    ['a heartbeat faster than its poll', change('deadband: 0.2', 'deadband: 0.2, poll: 5m, heartbeat: 1m'), /points\.t\.heartbeat: the heartbeat repeats a value more often/],
    ['an input that is written', change('deadband: 0.2', 'deadband: 0.2, writable: true'), /points\.t\.writable: an input register cannot be written/],
    ['a city that writes', 'r: { name: { zh: 继电器, en: relay }, type: boolean, table: coil, register: 1, writable: true, cityWrite: true }', /points\.r\.cityWrite: a profile never lets the city write/],
    ['no Chinese', change('zh: 温度', 'zh: temperature'), /points\.t\.name\.zh: the Chinese name has no Chinese in it/],
    ['Chinese where English belongs', change('en: temperature', 'en: 温度'), /points\.t\.name\.en: the English name has Chinese/],
    ['an id for a name', change('en: temperature', 'en: temp_1'), /points\.t\.name\.en: "temp_1" is an id, no name/],
    ['a tag for a name', change('en: temperature', 'en: AI01'), /points\.t\.name\.en: "AI01" is an id, no name/],
    ['keys that mean nothing', 'p: { name: { zh: 有人, en: presence }, type: boolean, table: coil, register: 1, deadband: 1 }', /points\.p\.deadband: means nothing for a boolean/],
    ['a manual\'s number', change('register: 1', 'register: 30001'), /points\.t\.register: 30001 looks like a manual's number; registers count from 0 here: write 0/],
    ['no source', good, /source: required, but missing/, head.replace(/source.*\n/, '')],
    ['a source that is no manual', good, /source: verified: manual, and no source names the manual/, head.replace(/source.*\n/, 'source: [a friend]\n')],
    ['not verified', good, /verified: required, but missing/, head.replace(/verified.*\n/, '')],
    ['a quirk that is the default', good, /device\.maxRegisters: 125 is the default; leave it out/, `${head}device: { maxRegisters: 125 }\n`],
    ['a quirk without a use', good, /device\.maxBits: no point is a coil or discrete input/, `${head}device: { maxBits: 8 }\n`],
    ['a quirk nobody knows', good, /device\.maxRegister: driver modbus has no device key "maxRegister"; did you mean "maxRegisters"\?/, `${head}device: { maxRegister: 8 }\n`],
    ['what only a site can know', good, /device\.unitId: unitId is different at every site/, `${head}device: { unitId: 1 }\n`],
    ['another name than its file', good, /profile: the file is called mine\.yaml; write profile: mine/, head.replace('profile: mine', 'profile: yours')],
    ['a driver nobody has', good, /driver: no driver "modbas"; did you mean "modbus"\?/, head.replace('driver: modbus', 'driver: modbas')],
  ]
  for (const [name, points, expected, top] of cases) it(`finds ${name}`, async () => { expect((await lint(points, top)).join('\n')).toMatch(expected) })
  it('lets a status word stand beside its bits, and registers be high where a device has them there', async () => {
    expect(await lint('word: { name: { zh: 状态字, en: status word }, type: number, unit: "1", table: holding, register: 3 }\n  low: { name: { zh: 电池低, en: battery low }, type: boolean, table: holding, register: 3, bit: 0 }\n  high: { name: { zh: 过压, en: voltage high }, type: boolean, table: holding, register: 3, bit: 1 }\n  energy: { name: { zh: 电能, en: energy }, type: number, unit: kW.h, table: holding, register: 0xA000, format: u32 }')).toEqual([])
  })
})
