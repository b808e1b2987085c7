import { rawRange } from '../../../firmware-config/site/index.ts'
import type { PointConfig, Value } from '../../contract/index.ts'

/** What a point can say, in its unit: between min and max, and no more than its register's format holds. */
export function limitsOf(point: PointConfig): { readonly low: number; readonly high: number } {
  const { scale, offset, min = -Infinity, max = Infinity } = point
  const range = rawRange(point.address)
  const ends = range ? [range.low * scale + offset, range.high * scale + offset] as const : [-Infinity, Infinity] as const
  const [low, high] = [Math.max(min, Math.min(...ends)), Math.min(max, Math.max(...ends))]
  return low <= high ? { low, high } : { low: min, high: max }
}

/** The nearest value that the point can say. */
export function within(point: PointConfig, value: number): number {
  const { low, high } = limitsOf(point)
  return Math.min(high, Math.max(low, value))
}

/** A counter goes back to its beginning where its register ends, as a real one does. */
export function wrapped(point: PointConfig, count: number): number {
  const { high } = limitsOf(point)
  return within(point, Number.isFinite(high) && high > 0 && count > high ? count % high : count)
}

/** The values that the profile's own `map` knows for the point, of the point's type; empty without one. */
export function mappedValues({ address, type }: PointConfig): readonly Value[] {
  const { map } = address as { readonly map?: Readonly<Record<string, Value>> }
  return typeof map === 'object' && map !== null ? [...new Set(Object.values(map))].filter((value) => typeof value === type) : []
}

export const round = (value: number, digits: number): number => Number(value.toFixed(digits))

/** A random walk that is drawn back to its middle. */
export function wander(value: number, middle: number, swing: number, random: () => number): number {
  return value + (middle - value) * 0.02 + (random() * 2 - 1) * swing
}

export const nameOf = (point: PointConfig): string => point.id.slice(point.deviceId.length + 1)
