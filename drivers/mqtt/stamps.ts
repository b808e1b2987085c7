import type { EpochMs, Json } from '../../gateway/contract/index.ts'
import type { TimeFormat } from './settings.ts'

/** A device's clock may be wrong; beyond this it is not believed and the time of arrival stands. */
const maxAheadMs = 5 * 60_000
const maxBehindMs = 31 * 24 * 3_600_000

/** A zone is a must: a local time without one means something else in every box. */
const iso = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/i

export interface Stamp { readonly at: EpochMs; /** Set when the device gave a time that was not believed. */ readonly replaced?: 'none' | 'ahead' | 'behind' }

/** When it happened. A device that gives no time (absent or null) is not blamed for it. */
export function stampOf(value: Json | undefined, format: TimeFormat, now: EpochMs): Stamp {
  if (value === undefined || value === null) return { at: now }
  const at = parse(value, format)
  if (!Number.isFinite(at)) return { at: now, replaced: 'none' }
  if (at > now + maxAheadMs) return { at: now, replaced: 'ahead' }
  if (at < now - maxBehindMs) return { at: now, replaced: 'behind' }
  return { at: Math.round(at) }
}

function parse(value: Json, format: TimeFormat): number {
  if (typeof value === 'number') return format === 's' ? value * 1_000 : format === 'iso' ? NaN : value
  if (typeof value !== 'string' || format === 'ms' || format === 's') return NaN
  return iso.test(value) ? Date.parse(value.replace(',', '.').replace(' ', 'T')) : NaN
}
