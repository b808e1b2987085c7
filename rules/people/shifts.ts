import type { EpochMs } from '../../gateway/contract/index.ts'
import { dateOf, weekdayOf, weekOf } from '../schedule/hours.ts'
import { createZone, dayMs } from '../schedule/zone.ts'
import type { ShiftConfig } from './schema.ts'

/** Ids of the persons on duty; none for a shift that is not there, or at an hour that it leaves out. */
export type OnDuty = (shift: string, at: EpochMs) => readonly string[]

export function createShifts(shifts: readonly ShiftConfig[], timezone: string): OnDuty {
  const zone = createZone(timezone)
  const plans = new Map(shifts.map(({ id, plan }) => [id, plan.map(({ when, people, rotate }) => ({ week: weekOf(when), people, rotate: rotate && { days: rotate.days, since: dateOf(rotate.since)! } }))]))
  return (shift, at) => {
    const local = at + zone.offset(at)
    const today = Math.floor(local / dayMs)
    const found = (plans.get(shift) ?? []).flatMap(({ week, people, rotate }) => [today, today - 1].flatMap((date) => {
      const minute = (local - date * dayMs) / 60_000
      if (!week[weekdayOf(date)]!.some(({ from, to }) => minute >= from && minute < to)) return []
      if (!rotate) return people
      const turn = Math.floor((date - rotate.since) / rotate.days)
      return [people[((turn % people.length) + people.length) % people.length]!]
    }))
    return [...new Set(found)]
  }
}
