import type { EpochMs } from '../../gateway/contract/index.ts'
import { dayMs, type Zone } from '../schedule/zone.ts'

/** `2026-11` in the site's time: [from, to). */
export interface Month { readonly name: string; readonly from: EpochMs; readonly to: EpochMs }

/** Null for what is none. */
export function parseMonth(text: string, zone: Zone): Month | null {
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text)?.map(Number) ?? []
  if (!year || !month) return null
  return { name: text, from: zone.toUtc(Date.UTC(year, month - 1)), to: zone.toUtc(Date.UTC(year, month)) }
}

export const monthOf = (at: EpochMs, zone: Zone): Month => parseMonth(new Date(at + zone.offset(at)).toISOString().slice(0, 7), zone)!
export const monthBefore = ({ from }: Month, zone: Zone): Month => monthOf(from - 1, zone)

/** Every day of it, by its name. */
export function daysOf({ name, from, to }: Month, zone: Zone): readonly { readonly name: string; readonly from: EpochMs; readonly to: EpochMs }[] {
  const count = Math.round((to + zone.offset(to) - from - zone.offset(from)) / dayMs)
  const start = from + zone.offset(from)
  return Array.from({ length: count }, (_, index) => ({ name: `${name}-${String(index + 1).padStart(2, '0')}`, from: zone.toUtc(start + index * dayMs), to: zone.toUtc(start + (index + 1) * dayMs) }))
}
