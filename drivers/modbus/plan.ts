import type { PointConfig } from '../../gateway/contract/index.ts'
import { widthOf, type ModbusAddress, type ModbusDevice } from './schema.ts'

export type ModbusPoint = PointConfig<ModbusAddress>

/** One request and the points its answer holds. `start` and `count` in registers, or bits in a bit table. */
export interface Read {
  readonly table: ModbusAddress['table']
  readonly start: number
  readonly count: number
  readonly pollMs: number
  readonly points: readonly ModbusPoint[]
}

/**
 * As few reads as the device allows: neighbours of one table and pace share a request, holes up to `maxGap` are bridged, a point is
 * never split. Pure; each point is in exactly one read, and a read begins and ends with a point.
 */
export function planReads(points: readonly ModbusPoint[], limits: Pick<ModbusDevice, 'maxRegisters' | 'maxBits' | 'maxGap'>): readonly Read[] {
  const groups = Map.groupBy(points, ({ address, pollMs }) => `${address.table}/${pollMs}`)
  return [...groups.values()].flatMap((group) => planGroup(group, limits))
}

function planGroup(points: readonly ModbusPoint[], limits: Pick<ModbusDevice, 'maxRegisters' | 'maxBits' | 'maxGap'>): readonly Read[] {
  const sorted = points.toSorted((a, b) => a.address.register - b.address.register)
  const { table } = sorted[0]!.address
  const max = table === 'coil' || table === 'discrete' ? limits.maxBits : limits.maxRegisters
  const reads: { start: number; end: number; points: ModbusPoint[] }[] = []
  for (const point of sorted) {
    const start = point.address.register
    const end = start + widthOf(point.address)
    const open = reads.at(-1)
    if (open && start - open.end <= limits.maxGap && Math.max(open.end, end) - open.start <= max) {
      open.end = Math.max(open.end, end)
      open.points.push(point)
    } else {
      reads.push({ start, end, points: [point] })
    }
  }
  return reads.map(({ start, end, points: some }) => ({ table, start, count: end - start, pollMs: some[0]!.pollMs, points: some }))
}

/** The same points without reading across holes: for a device that answers a bridged read with "illegal address". Null when there is no hole. */
export function withoutHoles(read: Read, limits: Pick<ModbusDevice, 'maxRegisters' | 'maxBits'>): readonly Read[] | null {
  const reads = planReads(read.points, { ...limits, maxGap: 0 })
  return reads.length > 1 ? reads : null
}
