import { readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import type { ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { lintProfile } from '../../../firmware-config/site/index.ts'
import { roomSchemas } from '../../../gateway/cli/rooms.ts'
import { World } from '../../../gateway/cli/simulate/world.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { normalise, toRaw } from '../../../gateway/normalise.ts'
import { root } from '../../support/architecture.ts'
import { seededRandom } from '../../support/seed.ts'

const folder = path.join(root, 'firmware-config/profiles')
const linted = (await Promise.all(readdirSync(folder).filter((file) => file.endsWith('.yaml')).map((file) => lintProfile(path.join(folder, file), roomSchemas.drivers)))).filter(({ profile }) => profile?.driver === 'modbus')

describe('the simulated world on the registers of every Modbus profile', () => {
  for (const { profile, points } of linted) {
    it(`${profile!.profile}: every value survives its register and comes back good, and a meter's physics holds there too`, async () => {
      const settings = { ...roomSchemas.drivers.modbus!.connection.parse({ host: '127.0.0.1' }), port: 0 }
      const device = { id: 'profile', name: profile!.name, connectionId: 'c', settings: roomSchemas.drivers.modbus!.device.parse({ ...profile!.device, unitId: 1 }), points }
      await using simulator = await startModbusSimulator({ id: 'c', driver: 'modbus', settings, devices: [device] } as unknown as ModbusConfig, { clock: systemClock, random: seededRandom() }, { port: 0 })
      const world = new World([device], seededRandom(), Date.UTC(2027, 0, 1))
      const byId = new Map(points.map((point) => [point.id, point]))
      for (let step = 0; step < 200; step++) {
        const values = world.step(1_000)
        const seen = new Map([...values].map(([id, value]) => {
          const point = byId.get(id)!
          simulator.set(id, toRaw(value, point))
          const reading = normalise({ pointId: id, raw: simulator.get(id), at: 0, quality: 'good' }, point, 0)
          expect(reading).toMatchObject({ quality: 'good' })
          return [id.slice('profile.'.length), reading.value as number]
        }))
        if (step === 0) expect(values.size).toBe(points.filter(({ writable }) => !writable).length)
        const [volt, ampere, factor, power] = ['voltage', 'current', 'power-factor', 'power'].map((name) => seen.get(name))
        const watt = power! * (byId.get('profile.power')?.unit === 'kW' ? 1_000 : 1)
        if (volt !== undefined && factor !== undefined) expect(volt * ampere! * factor / watt).toBeCloseTo(1, 1)
      }
    })
  }
})
