import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { siteJsonSchema } from '../../firmware-config/site/index.ts'
import { limitsOf, planReads } from '../../drivers/modbus/plan.ts'
import type { ModbusConfig } from '../../drivers/modbus/settings.ts'
import { readSite, roomSchemas } from '../../gateway/cli/rooms.ts'
import { root } from '../support/architecture.ts'
import { tempFolder } from '../support/resources.ts'

const names = readdirSync(path.join(root, 'firmware-config/profiles')).filter((file) => file.endsWith('.yaml')).map((file) => file.replace('.yaml', ''))
const mqtt = new Set(names.filter((name) => /^driver: mqtt$/m.test(readFileSync(path.join(root, `firmware-config/profiles/${name}.yaml`), 'utf8'))))

async function deviceOf(profile: string) {
  const file = path.join(await tempFolder(), 'site.yaml')
  const connection = mqtt.has(profile) ? 'driver: mqtt' : 'driver: modbus, host: 10.0.0.1'
  await writeFile(file, `linli: 1\nsite: { id: x, name: { zh: 厅, en: hall }, region: "420106" }\nconnections: [{ id: c, ${connection} }]\ndevices: [{ id: d, name: { zh: 设, en: d }, connection: c, profile: ${profile}, ${mqtt.has(profile) ? 'password: { env: X }' : 'unitId: 1'} }]\n`)
  return (await readSite(file)).connections[0]!
}

describe('every shipped profile', () => {
  it('is there', () => { expect(names.toSorted()).toEqual(expect.arrayContaining(['door-controller', 'dtsu666', 'iem3000', 'mtdx62', 'orno-we-514', 'pzem-016', 'sdm120', 'sdm220', 'sdm630', 'sdm72', 'self-service-terminal', 'waveshare-8-relay', 'wb-ms', 'wp8028', 'xy-md02'])) })
  for (const name of names) {
    it(`${name} loads, names its points in two languages, and lets the city write nothing`, async () => {
      const { devices: [device] } = await deviceOf(name)
      expect(device!.points.length).toBeGreaterThan(0)
      for (const point of device!.points) {
        expect(point.name.zh.length * point.name.en.length).toBeGreaterThan(0)
        expect(point.cityWrite).toBe(false)
        if (point.type === 'number') expect(point.unit).toBeTruthy()
        // A counter that only rises must not hide its small steps.
        if (/energy|seq/.test(point.id)) expect(point.deadband).toBe(0)
      }
    })
  }
  it('reads a meter in few requests', async () => {
    const { settings, devices: [meter] } = (await deviceOf('sdm630')) as ModbusConfig
    expect(planReads(meter!.points, limitsOf(settings, meter!.settings)).length).toBeLessThanOrEqual(4)
  })
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
    expect(schema.properties.rules.items).toMatchObject({ oneOf: [{ properties: { for: { type: 'string' } } }] })
  })
})
