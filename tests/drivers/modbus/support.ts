import type { ModbusConfig } from '../../../drivers/modbus/settings.ts'
import { modbusSchemas } from '../../../drivers/modbus/schema.ts'
import type { PointConfig } from '../../../gateway/contract/index.ts'
import { point } from '../../support/points.ts'

type Points = Readonly<Record<string, { readonly table: string; readonly register: number; readonly [key: string]: unknown }>>
const common = new Set(['type', 'writable', 'pollMs', 'unit', 'scale'])

/** A connection config as firmware-config would build it: `devices` maps an id to its settings and points. */
export function modbusConfig(port: number, devices: Readonly<Record<string, { readonly unitId: number; readonly points: Points; readonly [key: string]: unknown }>>, settings: object = {}): ModbusConfig {
  return {
    id: 'line', driver: 'modbus', settings: modbusSchemas.connection.parse({ host: '127.0.0.1', port, timeout: '200ms', ...settings }) as ModbusConfig['settings'],
    devices: Object.entries(devices).map(([id, { points, ...device }]) => ({
      id, name: { zh: id, en: id }, connectionId: 'line', settings: modbusSchemas.device.parse(device) as ModbusConfig['devices'][number]['settings'],
      points: Object.entries(points).map(([name, keys]) => modbusPoint(`${id}.${name}`, keys)),
    })),
  }
}

export function modbusPoint(id: string, keys: object): PointConfig<any> {
  const address = Object.fromEntries(Object.entries(keys).filter(([key]) => !common.has(key)))
  const rest = Object.fromEntries(Object.entries(keys).filter(([key]) => common.has(key)))
  const bits = ['coil', 'discrete'].includes((keys as { table: string }).table) || 'bit' in keys
  return point({ id, type: bits ? 'boolean' : 'number', pollMs: 50, ...rest, address: modbusSchemas.point.parse(address) })
}
