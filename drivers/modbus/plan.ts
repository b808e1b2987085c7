import type { PointConfig } from '../../gateway/contract/index.ts'
import { isBitTable, widthOf } from './registers.ts'
import type { ModbusAddress, ModbusConnection, ModbusDevice } from './settings.ts'
import { gapBudget, wireOf } from './wire.ts'

export type ModbusPoint = PointConfig<ModbusAddress>

/** One request and the points its answer holds. `start` and `count` in registers, or bits in a bit table. */
export interface Read {
  readonly table: ModbusAddress['table']
  readonly start: number
  readonly count: number
  readonly pollMs: number
  readonly points: readonly ModbusPoint[]
}

/** Largest read and widest hole, in registers and in bits. */
export interface Limits { readonly maxRegisters: number; readonly maxBits: number; readonly gap: { readonly registers: number; readonly bits: number } }

export const limitsOf = (connection: ModbusConnection, device: ModbusDevice): Limits => ({ ...device, gap: gapBudget(wireOf(connection), device) })

/**
 * As few reads as the device allows: neighbours of one table and pace share a request, holes are bridged where that is cheaper than
 * another request, a point is never split. Pure; each point is in exactly one read, and a read begins and ends with a point.
 */
export function planReads(points: readonly ModbusPoint[], limits: Limits): readonly Read[] {
  const groups = Map.groupBy(points, ({ address, pollMs }) => `${address.table}/${pollMs}`)
  return [...groups.values()].flatMap((group) => planGroup(group, limits))
}

function planGroup(points: readonly ModbusPoint[], { maxRegisters, maxBits, gap }: Limits): readonly Read[] {
  const sorted = points.toSorted((a, b) => a.address.register - b.address.register)
  const { table } = sorted[0]!.address
  const bits = isBitTable(table)
  const max = bits ? maxBits : maxRegisters
  const widest = bits ? gap.bits : gap.registers
  const reads: { start: number; end: number; points: ModbusPoint[] }[] = []
  for (const point of sorted) {
    const start = point.address.register
    const end = start + widthOf(point.address)
    const open = reads.at(-1)
    if (open && start - open.end <= widest && Math.max(open.end, end) - open.start <= max) {
      open.end = Math.max(open.end, end)
      open.points.push(point)
    } else {
      reads.push({ start, end, points: [point] })
    }
  }
  return reads.map(({ start, end, points: some }) => ({ table, start, count: end - start, pollMs: some[0]!.pollMs, points: some }))
}

/** The same points without reading across holes: for a device that answers a bridged read with "illegal address". Null when there is no hole. */
export function withoutHoles(read: Read, limits: Limits): readonly Read[] | null {
  const reads = planReads(read.points, { ...limits, gap: { registers: 0, bits: 0 } })
  return reads.length > 1 ? reads : null
}
