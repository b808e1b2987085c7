import type { EpochMs, PointConfig, Reading, Sample, Value } from './contract/index.ts'

/** Sample -> Reading: sentinel, type, scale, offset, range. Pure; never invents a number (law 4). */
export function normalise(sample: Sample, point: PointConfig, receivedAt: EpochMs, redelivered = false): Reading {
  const base = { pointId: point.id, at: sample.at, receivedAt, ...(redelivered ? { redelivered } : undefined) }
  const bad = (reason: string): Reading => ({ ...base, value: null, quality: 'bad', reason })
  if (sample.raw === null || sample.quality === 'bad') return bad(sample.reason ?? 'POINT_NO_VALUE')
  if (point.sentinels.includes(sample.raw)) return bad('POINT_SENTINEL')
  const value = convert(sample.raw, point)
  if (value === null) return bad('POINT_TYPE')
  if (typeof value === 'number' && (value < (point.min ?? -Infinity) || value > (point.max ?? Infinity))) {
    return { ...base, value, quality: 'uncertain', reason: 'POINT_OUT_OF_RANGE' }
  }
  return { ...base, value, quality: sample.quality, ...(sample.reason === undefined ? undefined : { reason: sample.reason }) }
}

function convert(raw: Value, point: PointConfig): Value | null {
  if (point.type === 'number') return typeof raw === 'number' && Number.isFinite(raw) ? scaled(raw, point) : null
  if (point.type === 'string') return String(raw)
  const truth = typeof raw === 'boolean' ? raw : raw === 1 ? true : raw === 0 ? false : null
  return truth === null ? null : truth !== point.invert
}

/** Divides by 10 rather than multiplying by 0.1, so that 3 becomes 0.3 and not 0.30000000000000004. */
function scaled(raw: number, { scale, offset }: PointConfig): number {
  if (scale === 1) return raw + offset
  const divisor = Math.round(1 / scale)
  return (Math.abs(divisor * scale - 1) < 1e-12 ? raw / divisor : raw * scale) + offset
}

/** The way back, for writes. Integers stay integers where the scale is a decimal fraction. */
export function toRaw(value: Value, point: PointConfig): Value {
  if (typeof value === 'boolean') return value !== point.invert
  if (typeof value === 'string') return value
  const raw = (value - point.offset) / point.scale
  // As near as decimals in binary come: of the numbers that were subtracted, not of 1. A float point may hold less than that.
  const slack = 1e-12 * Math.max(Math.abs(value), Math.abs(point.offset)) / Math.abs(point.scale)
  return Math.abs(raw - Math.round(raw)) <= slack ? Math.round(raw) : raw
}
