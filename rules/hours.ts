import { z } from 'zod'
import type { EpochMs } from '../gateway/contract/index.ts'
import { identifier } from '../gateway/kit/schema.ts'
import { weeklyPattern } from './schedule/hours.ts'
import { createCalendar, type CalendarConfig, type ScheduleConfig } from './schedule/index.ts'

/** When a door or terminal is open to people. */
export interface Schedule {
  isOpen(at: EpochMs): boolean
  /** A moment after `at` before which `isOpen` stays as it is at `at`. */
  nextChange(at: EpochMs): EpochMs
}

const weekly = z.string().regex(weeklyPattern, 'write days and hours as "mon-fri 08:30-17:30" or "sat,sun 09:00-12:00 14:00-17:00"')

/** The id of a schedule, or the hours of a week; on holidays of the site's calendar there are none. */
export const hoursSchema = z.union([identifier, z.array(weekly).min(1).max(50)])
export type HoursConfig = z.output<typeof hoursSchema>

export interface HoursParts { readonly timezone: string; readonly schedules: readonly ScheduleConfig[]; readonly calendar: CalendarConfig }

/** Hours of a schedule that is not there are never; the review has reported it. */
export function scheduleOf(config: HoursConfig, { timezone, schedules, calendar }: HoursParts): Schedule {
  const id = typeof config === 'string' ? config : 'own'
  const own = typeof config === 'string' ? schedules.filter((each) => each.id === config) : [{ id, weekly: config, holidays: 'closed' } as const]
  const plan = createCalendar({ schedules: own, calendar, timezone })
  // Asked with every reading of a terminal; the answer holds for hours.
  let known = { from: Infinity, until: -Infinity, open: false }
  const look = (at: EpochMs): typeof known => {
    if (at >= known.from && at < known.until) return known
    const open = plan.open(id, at)
    let until = plan.boundary(id, at)
    // Two stretches that touch are one.
    for (let stretches = 0; stretches < 32 && Number.isFinite(until) && plan.open(id, until) === open; stretches++) until = plan.boundary(id, until)
    known = { from: at, until, open }
    return known
  }
  return { isOpen: (at) => look(at).open, nextChange: (at) => look(at).until }
}
