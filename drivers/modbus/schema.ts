import { z } from 'zod'
import type { ConnectionConfig, DeviceConfig, DriverSchemas } from '../../gateway/contract/index.ts'
import { duration } from '../../gateway/kit/schema.ts'

const connection = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535).default(502),
  /** How long a device may take to answer. */
  timeout: duration.default(1_000),
  connectTimeout: duration.default(3_000),
  /** Some devices want to be left alone after a connect, and between requests. */
  pauseAfterConnect: duration.default(0),
  pauseBetweenRequests: duration.default(0),
})

const device = z.strictObject({
  unitId: z.int().min(0).max(255),
  /** Largest read of this device: 16-bit registers, and coils or discrete inputs. */
  maxRegisters: z.int().min(1).max(125).default(125),
  maxBits: z.int().min(1).max(2_000).default(2_000),
  /** Registers or bits nobody asked for that one request may bridge; 0 for a device that refuses to read across holes. */
  maxGap: z.int().min(0).max(124).default(16),
  /** Instead of the connection's, for a slow device. */
  timeout: duration.optional(),
})

export const formats = ['bool', 'u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64', 'string'] as const
export type Format = (typeof formats)[number]

const point = z.strictObject({
  table: z.enum(['coil', 'discrete', 'holding', 'input']),
  /** Zero-based protocol address. */
  register: z.int().min(0).max(65_535),
  format: z.enum(formats).optional(),
  /** Which 16-bit word comes first in 32 and 64 bits. */
  wordOrder: z.enum(['big', 'little']).default('big'),
  byteSwap: z.boolean().default(false),
  /** One bit of a register, 0 the lowest. */
  bit: z.int().min(0).max(15).optional(),
  /** Registers of a string, two bytes each. */
  length: z.int().min(1).max(125).optional(),
})

export type ModbusConnection = z.output<typeof connection>
export type ModbusDevice = z.output<typeof device>
export type ModbusAddress = z.output<typeof point>
export type ModbusConfig = ConnectionConfig<ModbusConnection, ModbusDevice, ModbusAddress>

/** Bits are read singly, registers default to u16. */
export function formatOf({ table, format, bit }: ModbusAddress): Format {
  if (table === 'coil' || table === 'discrete' || bit !== undefined) return 'bool'
  return format ?? 'u16'
}

const widths: Readonly<Record<Format, number>> = { bool: 1, u16: 1, s16: 1, u32: 2, s32: 2, u64: 4, s64: 4, f32: 2, f64: 4, string: 1 }
/** Registers (or bits, in a bit table) a point occupies. */
export function widthOf(address: ModbusAddress): number {
  const format = formatOf(address)
  return format === 'string' ? address.length ?? 1 : widths[format]
}

export const modbusSchemas: DriverSchemas = { connection, device, point, review: (config) => review(config as ModbusConfig) }

function review(config: ModbusConfig) {
  const problems: { deviceId: string; path: (string | number)[]; message: string }[] = []
  const units = new Map<number, string>()
  for (const { id, settings, points } of config.devices as readonly DeviceConfig<ModbusDevice, ModbusAddress>[]) {
    const other = units.get(settings.unitId)
    if (other) problems.push({ deviceId: id, path: ['unitId'], message: `unit id ${settings.unitId} is already device "${other}" on this connection` })
    else units.set(settings.unitId, id)
    for (const item of points) {
      const why = wrong(item.address, item.type, item.writable, settings)
      if (why) problems.push({ deviceId: id, path: ['points', item.id.slice(id.length + 1), why.key], message: why.message })
    }
  }
  return problems
}

function wrong(address: ModbusAddress, type: string, writable: boolean, device: ModbusDevice): { readonly key: string; readonly message: string } | null {
  const bits = address.table === 'coil' || address.table === 'discrete'
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
