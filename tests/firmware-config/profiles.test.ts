import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { lintProfile, siteJsonSchema } from '../../firmware-config/site/index.ts'
import { limitsOf, planReads } from '../../drivers/modbus/plan.ts'
import type { ModbusAddress, ModbusConfig } from '../../drivers/modbus/settings.ts'
import { readSite, roomSchemas } from '../../gateway/cli/rooms.ts'
import { root } from '../support/architecture.ts'
import { tempFolder } from '../support/resources.ts'

const folder = path.join(root, 'firmware-config/profiles')
const names = readdirSync(folder).filter((file) => file.endsWith('.yaml')).map((file) => file.replace('.yaml', ''))
const written = new Map(names.map((name) => [name, parse(readFileSync(path.join(folder, `${name}.yaml`), 'utf8')) as { driver: string; source: string[]; verified: string; notes?: string[]; points: Record<string, object> }]))
const modbus = names.filter((name) => written.get(name)!.driver === 'modbus')

async function deviceOf(profile: string) {
  const file = path.join(await tempFolder(), 'site.yaml')
  const { driver } = written.get(profile)!
  await writeFile(file, `linli: 2\nsite: { id: x, name: { zh: 厅, en: hall }, region: "420106" }\nconnections: [{ id: c, driver: ${driver}${driver === 'modbus' ? ', host: 10.0.0.1' : ''} }]\ndevices: [{ id: d, name: { zh: 设, en: d }, connection: c, profile: ${profile}, ${driver === 'mqtt' ? 'password: { env: X }' : 'unitId: 1'} }]\n`)
  return (await readSite(file)).connections[0]!
}

/**
 * The register facts, typed a second time: [point, table, register, format, scale, unit], and what is special. `w` is the word order of
 * 32 bits where it is not high word first, `x` the codes that mean "no value".
 */
type Fact = readonly [point: string, table: ModbusAddress['table'], register: number, format: string, scale: number, unit: string | null, special?: { readonly w?: 'little'; readonly x?: readonly number[]; readonly bit?: number }]
const sdm = (...facts: readonly (readonly [string, number, string])[]): readonly Fact[] => facts.map(([name, register, unit]) => [name, 'input', register, 'f32', 1, unit])
const each = (name: string, first: number, table: ModbusAddress['table']): readonly Fact[] => Array.from({ length: 8 }, (_, index) => [`${name}-${index + 1}`, table, first + index, 'bool', 1, null])
const single = [['voltage', 0x00, 'V'], ['current', 0x06, 'A'], ['power', 0x0c, 'W'], ['apparent-power', 0x12, 'V.A'], ['reactive-power', 0x18, 'var'], ['power-factor', 0x1e, '1'], ['frequency', 0x46, 'Hz']] as const
const counters = [['energy-import', 0x48, 'kW.h'], ['energy-export', 0x4a, 'kW.h'], ['energy-total', 0x156, 'kW.h']] as const
const facts: Readonly<Record<string, readonly Fact[]>> = {
  sdm120: sdm(...single, ...counters),
  sdm220: sdm(...single),
  sdm630: sdm(['voltage-l1', 0x00, 'V'], ['voltage-l2', 0x02, 'V'], ['voltage-l3', 0x04, 'V'], ['current-l1', 0x06, 'A'], ['current-l2', 0x08, 'A'], ['current-l3', 0x0a, 'A'],
    ['power-l1', 0x0c, 'W'], ['power-l2', 0x0e, 'W'], ['power-l3', 0x10, 'W'], ['power', 0x34, 'W'], ['power-factor', 0x3e, '1'], ['frequency', 0x46, 'Hz'], ...counters),
  sdm72: sdm(['power', 0x34, 'W'], ...counters),
  iem3000: [
    ...([['current-l1', 0x0bb7, 'A'], ['current-l2', 0x0bb9, 'A'], ['current-l3', 0x0bbb, 'A'], ['voltage-l1', 0x0bd3, 'V'], ['voltage-l2', 0x0bd5, 'V'], ['voltage-l3', 0x0bd7, 'V'], ['power', 0x0bf3, 'kW'], ['frequency', 0x0c25, 'Hz']] as const)
      .map(([name, register, unit]): Fact => [name, 'holding', register, 'f32', 1, unit]),
    ['energy-import', 'holding', 0x0c83, 's64', 1, 'W.h'], ['energy-export', 'holding', 0x0c87, 's64', 1, 'W.h'],
  ],
  dtsu666: ([['voltage-l1', 0x2006, 0.1, 'V'], ['voltage-l2', 0x2008, 0.1, 'V'], ['voltage-l3', 0x200a, 0.1, 'V'], ['current-l1', 0x200c, 0.001, 'A'], ['current-l2', 0x200e, 0.001, 'A'], ['current-l3', 0x2010, 0.001, 'A'],
    ['power', 0x2012, 0.1, 'W'], ['power-factor', 0x202a, 0.001, '1'], ['frequency', 0x2044, 0.01, 'Hz'], ['energy-import', 0x101e, 1, 'kW.h'], ['energy-export', 0x1028, 1, 'kW.h']] as const)
    .map(([name, register, scale, unit]) => [name, 'holding', register, 'f32', scale, unit]),
  'pzem-016': [['voltage', 'input', 0, 'u16', 0.1, 'V'], ['current', 'input', 1, 'u32', 0.001, 'A', { w: 'little' }], ['power', 'input', 3, 'u32', 0.1, 'W', { w: 'little' }], ['energy', 'input', 5, 'u32', 1, 'W.h', { w: 'little' }],
    ['frequency', 'input', 7, 'u16', 0.1, 'Hz'], ['power-factor', 'input', 8, 'u16', 0.01, '1'], ['alarm', 'input', 9, 'bool', 1, null, { bit: 0 }]],
  'xy-md02': [['temperature', 'input', 1, 's16', 0.1, 'Cel'], ['humidity', 'input', 2, 'u16', 0.1, '%'], ['temperature-correction', 'holding', 0x103, 's16', 0.1, 'Cel'], ['humidity-correction', 'holding', 0x104, 's16', 0.1, '%']],
  'waveshare-8-relay': [...each('relay', 0, 'coil'), ['unit-id', 'holding', 0x4000, 'u16', 1, '1'], ['firmware', 'holding', 0x8000, 'u16', 1, '1']],
  wp8028: [...each('input', 0, 'discrete'), ...each('output', 0, 'coil')],
  'orno-we-514': [['frequency', 'holding', 0x130, 'u16', 0.01, 'Hz'], ['voltage', 'holding', 0x131, 'u16', 0.01, 'V'], ['current', 'holding', 0x139, 'u32', 0.001, 'A'], ['power', 'holding', 0x140, 'u32', 0.001, 'kW'], ['energy', 'holding', 0xa000, 'u32', 0.01, 'kW.h']],
  'wb-ms': [['temperature', 'input', 0, 's16', 0.1, 'Cel', { x: [0x7fff] }], ['humidity', 'input', 1, 'u16', 0.1, '%', { x: [0xffff] }], ['illuminance', 'input', 2, 'u16', 1, 'lx'], ['supply', 'input', 121, 'u16', 0.001, 'V']],
  mtdx62: [['presence', 'input', 0, 'bool', 1, null, { bit: 0 }], ['illuminance', 'input', 1, 'u16', 0.1, 'lx'], ['distance', 'input', 2, 'u16', 0.01, 'm'], ['status', 'input', 3, 'u16', 1, '1']],
}

describe('the Modbus library against its register facts', () => {
  it('has a fact for every profile and a profile for every fact', () => { expect(Object.keys(facts).toSorted()).toEqual(modbus.toSorted()) })
  for (const [name, expected] of Object.entries(facts)) {
    it(`${name}: table, register, format, word order, scale, unit and sentinels of every point`, async () => {
      const { devices: [device] } = (await deviceOf(name)) as ModbusConfig
      expect(device!.points.map(({ id, address: { table, register, format, wordOrder, byteSwap, bit }, scale, offset, unit, sentinels }) => [id.slice(2), table, register, bit === undefined ? format ?? (table === 'coil' || table === 'discrete' ? 'bool' : 'u16') : 'bool', scale, unit ?? null, { wordOrder, sentinels, bit, byteSwap, offset }]))
        .toEqual(expected.map(([point, table, register, format, scale, unit, { w = 'big', x = [], bit } = {}]) => [point, table, register, format, scale, unit, { wordOrder: w, sentinels: x, bit, byteSwap: false, offset: 0 }]))
    })
    it(`${name}: names its source, how far it was verified, and asks for slow things slowly`, async () => {
      const { source, verified } = written.get(name)!
      expect([source.length > 0, verified]).toEqual([true, 'open-source'])
      const { settings, devices: [device] } = (await deviceOf(name)) as ModbusConfig
      for (const point of device!.points) {
        if (/energy|firmware|unit-id|correction|supply/.test(point.id)) expect(point.pollMs).toBeGreaterThanOrEqual(10_000)
        if (point.urgent) expect(point.pollMs).toBeLessThanOrEqual(1_000)
      }
      // One device must not fill a line at 9600: few requests, and most of them not every second.
      const reads = planReads(device!.points, limitsOf({ ...settings, transport: 'rtu', baudRate: 9_600 }, device!.settings))
      expect(reads.length).toBeLessThanOrEqual(5)
      expect(reads.reduce((sum, { pollMs }) => sum + 1_000 / pollMs, 0)).toBeLessThanOrEqual(6.1)
    })
  }
  it('lets only relays, outputs and corrections be written', async () => {
    const writable = await Promise.all(modbus.map(async (name) => (await deviceOf(name)).devices[0]!.points.filter((point) => point.writable).map(({ id }) => `${name} ${id.slice(2).replace(/\d$/, 'n')}`)))
    expect([...new Set(writable.flat())].toSorted()).toEqual(['waveshare-8-relay relay-n', 'wp8028 output-n', 'xy-md02 humidity-correction', 'xy-md02 temperature-correction'])
  })
  it('never reads more of an Eastron meter than it gives at once', async () => {
    for (const name of ['sdm120', 'sdm220', 'sdm630', 'sdm72']) {
      const { settings, devices: [device] } = (await deviceOf(name)) as ModbusConfig
      expect(device!.settings.maxRegisters).toBe(80)
      for (const { count } of planReads(device!.points, limitsOf(settings, device!.settings))) expect(count).toBeLessThanOrEqual(80)
    }
  })
})

describe('every shipped profile', () => {
  for (const name of names) {
    it(`${name} has nothing a linter would say, and lets the city write nothing`, async () => {
      const { problems, points } = await lintProfile(path.join(folder, `${name}.yaml`), roomSchemas.drivers)
      expect(problems.map(({ text }) => text)).toEqual([])
      for (const point of points) {
        expect(point.cityWrite).toBe(false)
        // A counter that only rises must not hide its small steps.
        if (/energy|seq/.test(point.id)) expect(point.deadband).toBe(0)
      }
    })
  }
})

describe('the JSON Schema', () => {
  const schema = siteJsonSchema(roomSchemas) as { properties: Record<string, any>; required: string[]; additionalProperties: boolean }
  it('knows the sections, refuses others, and offers each driver\'s keys', () => {
    expect(schema.required).toEqual(expect.arrayContaining(['linli', 'site']))
    expect(schema.additionalProperties).toBe(false)
    expect(JSON.stringify(schema.properties.connections)).toMatch(/"const":"modbus".*"const":"mqtt"|anyOf/)
    expect(Object.keys(schema.properties.devices.items.properties)).toEqual(expect.arrayContaining(['id', 'connection', 'profile', 'unitId', 'password', 'occurrences', 'points']))
  })
  it('asks for durations as people write them', () => {
    const { oneOf } = schema.properties.rules.items as { readonly oneOf: readonly { readonly properties: Readonly<Record<string, unknown>> }[] }
    expect(oneOf.filter(({ properties }) => 'for' in properties).map(({ properties }) => properties.for)).toMatchObject([{ type: 'string' }, { type: 'string' }])
  })
})
