import { startModbusSimulator, type ModbusSimulator, type ModbusSimulatorOptions } from '../../drivers/modbus/simulator.ts'
import type { ModbusConfig } from '../../drivers/modbus/settings.ts'
import type { ScanProfile } from '../../drivers/modbus/scan/fingerprint.ts'
import { World } from '../../gateway/cli/simulate/world.ts'
import type { Value } from '../../gateway/contract/index.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { toRaw } from '../../gateway/normalise.ts'
import { modbusConfig, modbusPoint } from '../drivers/modbus/support.ts'
import { seededRandom } from './seed.ts'

/** A register that a device holds besides its profile's points, and what is in it. */
export type Held = readonly [table: 'holding' | 'input', register: number, value: Value, format?: string, length?: number]

export interface BusDevice {
  readonly unit: number
  /** A model of the library; its points move as the world moves them. */
  readonly profile?: string
  readonly holds?: readonly Held[]
  readonly turnaround?: string
}

const eastron = (code: number, unit: number): readonly Held[] => [
  ['holding', 0xfc02, code], ['holding', 0x14, unit, 'f32'], ['holding', 0x1c, 2, 'f32'], ['holding', 0x12, 0, 'f32'], ['input', 0x24, 11.5, 'f32'], ['input', 0x4c, 12.3, 'f32'], ['input', 0x4e, 0, 'f32'],
]

/** What the real ones hold besides, at 9600 baud: typed a second time, not read from the profiles. */
export const ownRegisters: Readonly<Record<string, (unit: number) => readonly Held[]>> = {
  sdm120: (unit) => eastron(0x20, unit),
  sdm630: (unit) => eastron(0x70, unit),
  sdm72: (unit) => eastron(0x84, unit),
  sdm220: (unit) => eastron(0x2b, unit),
  dtsu666: (unit) => [['holding', 0, 204], ['holding', 1, 701], ['holding', 0x2d, 3], ['holding', 0x2e, unit], ['holding', 0x2000, 3984, 'f32'], ['holding', 0x2002, 3991, 'f32'], ['holding', 0x2004, 3979, 'f32']],
  iem3000: () => [['holding', 0x1d, 'Energy Meter', 'string', 20], ['holding', 0x31, 'iEM3155', 'string', 20], ['holding', 0x45, 'Schneider Electric', 'string', 20]],
  mtdx62: (unit) => [['holding', 0, 600], ['holding', 1, 60], ['holding', 2, 10], ['holding', 3, 30], ['holding', 4, 5], ['holding', 5, 5], ['holding', 6, 60], ['holding', 7, unit], ['holding', 8, 9600], ['holding', 9, 0], ['holding', 10, 2]],
  'orno-we-514': (unit) => [['holding', 0x110, unit], ['holding', 0x111, 3]],
  'pzem-016': (unit) => [['holding', 1, 23_000], ['holding', 2, unit]],
  'waveshare-8-relay': (unit) => [['holding', 0x4000, unit], ['holding', 0x8000, 200]],
  'wb-ms': (unit) => [['input', 200, 'WBMS2', 'string', 6], ['holding', 128, unit], ['holding', 110, 96], ['holding', 111, 0], ['input', 121, 11_980]],
  'xy-md02': (unit) => [['holding', 0x101, unit], ['holding', 0x102, 9600], ['holding', 0x103, 0], ['holding', 0x104, 0]],
  wp8028: () => [],
}

/** Devices that no profile describes; the last two look like ones that are described, at first sight. */
export const strangers: readonly ((unit: number) => BusDevice)[] = [
  // An inverter: text and floats far away.
  (unit) => ({ unit, holds: [['holding', 40_000, 0x5375], ['holding', 40_001, 0x6e53], ['holding', 40_004, 'Acme Solar', 'string', 16], ['holding', 40_069, 111]] }),
  // A thermostat with small numbers in its first registers.
  (unit) => ({ unit, holds: [['holding', 0, 1], ['holding', 1, 220], ['holding', 2, 215], ['holding', 3, unit], ['holding', 4, 2], ['input', 0, 0], ['input', 1, 3]] }),
  // Temperature and humidity where an XY-MD02 has them, and its settings elsewhere.
  (unit) => ({ unit, holds: [['input', 0, 218], ['input', 1, 223], ['input', 2, 487], ['holding', 0x100, unit], ['holding', 0x101, 3], ['holding', 0x102, 0]] }),
  // A single-phase meter of the Eastron map, of another maker's code: its energy is not where the SDM120's is.
  (unit) => ({ unit, holds: [['input', 0, 231.2, 'f32'], ['input', 6, 3.1, 'f32'], ['input', 0xc, 680, 'f32'], ['input', 0x12, 716.7, 'f32'], ['input', 0x18, 226, 'f32'], ['input', 0x1e, 0.949, 'f32'], ['input', 0x46, 49.98, 'f32'], ['holding', 0x14, unit, 'f32'], ['holding', 0xfc02, 0x63]] }),
]

/** The configuration of a bus with these devices, ids `d<index>`. */
export function busOf(devices: readonly BusDevice[], library: readonly ScanProfile[], settings: object): ModbusConfig {
  const config = modbusConfig(1, Object.fromEntries(devices.map(({ unit, turnaround = '5ms' }, index) => [`d${index}`, { unitId: unit, turnaround, points: {} }])), settings)
  return {
    ...config,
    devices: config.devices.map((device, index) => {
      const { profile, holds = [], unit } = devices[index]!
      const model = library.find(({ name }) => name === profile)
      if (profile !== undefined && !model) throw new RangeError(`no profile ${profile}`)
      const own = model?.points.map((point) => ({ ...point, id: `${device.id}.${point.id.split('.')[1]}`, deviceId: device.id })) ?? []
      const extra = [...(profile ? ownRegisters[profile]!(unit) : []), ...holds].filter(([table, register]) => !own.some(({ address }) => address.table === table && address.register === register))
        .map(([table, register, value, format, length]) => modbusPoint(`${device.id}.${table}-${register}`, { table, register, ...(typeof value === 'string' ? { type: 'string' } : {}), ...(format ? { format } : {}), ...(length ? { length } : {}) }))
      return { ...device, points: [...own, ...extra] }
    }),
  }
}

/** The bus, running, with values in it. */
export async function startBus(devices: readonly BusDevice[], library: readonly ScanProfile[], settings: object, options: ModbusSimulatorOptions = {}, seed?: () => number): Promise<ModbusSimulator> {
  const random = seed ?? seededRandom()
  const config = busOf(devices, library, settings)
  const simulator = await startModbusSimulator(config, { clock: systemClock, random }, { strict: true, ...options })
  fillBus(simulator, config, devices, random)
  return simulator
}

/** Values as they are in use: the world's in a model's points, its own in the other registers. */
export function fillBus(simulator: ModbusSimulator, config: ModbusConfig, devices: readonly BusDevice[], random: () => number): void {
  const world = new World(config.devices.filter((_, index) => devices[index]!.profile !== undefined), random, Date.UTC(2026, 6, 1))
  const points = new Map(config.devices.flatMap((device) => device.points).map((point) => [point.id, point]))
  for (let step = 0; step < 3; step++) for (const [id, value] of world.step(1_000)) simulator.set(id, toRaw(value, points.get(id)!))
  config.devices.forEach((device, index) => {
    const { profile, holds = [], unit } = devices[index]!
    for (const [table, register, value] of [...(profile ? ownRegisters[profile]!(unit) : []), ...holds]) {
      const point = device.points.find(({ address }) => address.table === table && address.register === register)
      if (point) simulator.set(point.id, value)
    }
  })
}
