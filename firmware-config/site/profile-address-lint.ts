import type { PointConfig } from '../../gateway/contract/index.ts'
import type { Report } from './problems.ts'

/** What an address may say of itself, whatever its driver. */
interface Register { readonly table?: string; readonly register?: number; readonly format?: string; readonly bit?: number; readonly length?: number; readonly direction?: string }

/** Whole numbers that a register's format can hold; undefined for floats, bits, texts and what is no register. */
export function rawRange(address: unknown): { readonly format: string; readonly low: number; readonly high: number } | undefined {
  const { table, format = 'u16', bit } = address as Register
  const match = /^([us])(16|32|64)$/.exec(format)
  if (!match || bit !== undefined || (table !== 'holding' && table !== 'input')) return undefined
  const bits = Number(match[2])
  return match[1] === 'u' ? { format, low: 0, high: 2 ** bits - 1 } : { format, low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 }
}

const nameOf = ({ id, deviceId }: PointConfig): string => id.slice(deviceId.length + 1)

/** Points in one another's way, and addresses that cannot be meant. */
export function lintAddresses(points: readonly PointConfig[], report: Report): void {
  lintSamePlace(points, report)
  lintOverlaps(points, report)
  lintModicon(points, report)
  for (const point of points) {
    const { table, direction } = point.address as Register
    if (point.writable && (table === 'input' || table === 'discrete')) report(['points', nameOf(point), 'writable'], `${table === 'input' ? 'an input register' : 'a discrete input'} cannot be written; only coils and holding registers can`)
    if (point.writable && direction === 'in') report(['points', nameOf(point), 'writable'], 'an input line cannot be written; set direction: out')
  }
}

/** Two points on the same place are a typing error more often than a wish. */
function lintSamePlace(points: readonly PointConfig[], report: Report): void {
  const seen = new Map<string, string>()
  for (const point of points) {
    const key = JSON.stringify(point.address)
    const other = seen.get(key)
    if (other) report(['points', nameOf(point)], `reads the same place as point "${other}"`, 'key')
    else seen.set(key, nameOf(point))
  }
}

const widths: Readonly<Record<string, number>> = { u32: 2, s32: 2, f32: 2, u64: 4, s64: 4, f64: 4 }
const widthOf = ({ table, format, length }: Register): number => (table === 'coil' || table === 'discrete' ? 1 : format === 'string' ? length ?? 1 : widths[format ?? 'u16'] ?? 1)

/** One register in two numbers: a wrong format or a wrong address. Bits of a status word may stand beside the whole word. */
function lintOverlaps(points: readonly PointConfig[], report: Report): void {
  const whole = points.filter(({ address }) => { const { register, bit } = address as Register; return register !== undefined && bit === undefined })
  for (const group of Map.groupBy(whole, ({ address }) => (address as Register).table).values()) {
    const sorted = group.toSorted((a, b) => (a.address as Register).register! - (b.address as Register).register!)
    let last: PointConfig | undefined
    for (const point of sorted) {
      const address = point.address as Register
      const before = last?.address as Register | undefined
      const end = before ? before.register! + widthOf(before) : 0
      if (last && before && address.register! < end && JSON.stringify(address) !== JSON.stringify(before)) report(['points', nameOf(point), 'register'], `register ${address.register} is already inside point "${nameOf(last)}" (${before.format ?? 'u16'} at ${before.register} takes ${widthOf(before)}); correct the format or the address`)
      if (!before || address.register! + widthOf(address) > end) last = point
    }
  }
}

/** Manuals say 40001 for holding register 0. A few devices do have registers up there, but then not all of them. */
function lintModicon(points: readonly PointConfig[], report: Report): void {
  for (const [table, first] of [['holding', 40_001], ['input', 30_001], ['discrete', 10_001]] as const) {
    const there = points.filter(({ address }) => (address as Register).table === table)
    if (there.length === 0 || !there.every(({ address }) => (address as Register).register! >= first && (address as Register).register! < first + 9_999)) continue
    for (const point of there) { const { register } = point.address as Register; report(['points', nameOf(point), 'register'], `${register} looks like a manual's number; registers count from 0 here: write ${register! - first}`) }
  }
}
