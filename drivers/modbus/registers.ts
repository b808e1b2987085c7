import type { Format, ModbusAddress } from './settings.ts'

/** Bits are read singly, registers default to u16. */
export function formatOf({ table, format, bit }: ModbusAddress): Format {
  if (isBitTable(table) || bit !== undefined) return 'bool'
  return format ?? 'u16'
}

export const isBitTable = (table: ModbusAddress['table']): boolean => table === 'coil' || table === 'discrete'

const widths: Readonly<Record<Format, number>> = { bool: 1, u16: 1, s16: 1, u32: 2, s32: 2, u64: 4, s64: 4, f32: 2, f64: 4, string: 1 }
/** Registers (or bits, in a bit table) a point occupies. */
export function widthOf(address: ModbusAddress): number {
  const format = formatOf(address)
  return format === 'string' ? address.length ?? 1 : widths[format]
}
