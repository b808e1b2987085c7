import type { DriverSchemas } from '../../gateway/contract/index.ts'
import { foresee } from './forecast.ts'
import { identifyCheck } from './scan/identify.ts'
import { formatOf, isBitTable, widthOf } from './registers.ts'
import { connection, device, point, type ModbusAddress, type ModbusConfig, type ModbusDevice } from './settings.ts'

export const modbusSchemas: DriverSchemas = {
  connection, device, point,
  identify: identifyCheck,
  answersWithinMs: (settings) => (settings as { readonly timeout: number }).timeout,
  // Two DTU lines on one port are told apart by what the modem says first: that is no overlap.
  review: (config) => review(config as ModbusConfig),
  foresee: (config) => foresee(config as ModbusConfig),
}

function review(config: ModbusConfig) {
  const problems: { deviceId: string; path: (string | number)[]; message: string }[] = []
  const units = new Map<number, string>()
  for (const { id, settings, points } of config.devices) {
    const other = units.get(settings.unitId)
    if (other) problems.push({ deviceId: id, path: ['unitId'], message: `unit id ${settings.unitId} is already device "${other}" on this connection` })
    else units.set(settings.unitId, id)
    if (config.settings.transport !== 'tcp' && settings.pipeline > 1) problems.push({ deviceId: id, path: ['pipeline'], message: 'a serial line carries one request at a time; pipeline is for Modbus TCP' })
    if (config.settings.transport !== 'tcp' && (settings.unitId === 0 || settings.unitId > 247)) problems.push({ deviceId: id, path: ['unitId'], message: 'on a serial line a unit id is 1 to 247; 0 is the broadcast' })
    for (const item of points) {
      const why = wrong(item.address, item.type, item.writable, settings)
      if (why) problems.push({ deviceId: id, path: ['points', item.id.slice(id.length + 1), why.key], message: why.message })
    }
  }
  return problems
}

function wrong(address: ModbusAddress, type: string, writable: boolean, device: ModbusDevice): { readonly key: string; readonly message: string } | null {
  const bits = isBitTable(address.table)
  const format = formatOf(address)
  if (bits && address.format !== undefined && address.format !== 'bool') return { key: 'format', message: `a ${address.table} is one bit; its format can only be bool` }
  if (!bits && address.format === 'bool' && address.bit === undefined) return { key: 'bit', message: 'a boolean in a register needs bit: 0 to 15' }
  if (bits && address.bit !== undefined) return { key: 'bit', message: `a ${address.table} has no bits` }
  if (format === 'string' && address.length === undefined) return { key: 'length', message: 'a string needs its length in registers' }
  if ((format === 'string') !== (type === 'string')) return { key: 'format', message: `format ${format} does not give a ${type}` }
  if (type === 'number' && format === 'bool') return { key: 'type', message: 'one bit is a boolean; set type: boolean' }
  if (writable && (address.table === 'discrete' || address.table === 'input')) return { key: 'writable', message: `a ${address.table} cannot be written; only coils and holding registers can` }
  const limit = bits ? device.maxBits : device.maxRegisters
  if (widthOf(address) > limit) return { key: 'format', message: `needs ${widthOf(address)} registers in one read; the device allows ${limit}` }
  if (address.register + widthOf(address) > 65_536) return { key: 'register', message: 'reaches beyond address 65535' }
  return null
}
