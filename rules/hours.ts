import type { EpochMs } from '../gateway/contract/index.ts'
import type { HoursConfig } from './hours-schema.ts'
import { createCalendar, type CalendarConfig, type ScheduleConfig } from './schedule/index.ts'

/** When a door or terminal is open to people. */
export interface Schedule {
  isOpen(at: EpochMs): boolean
  /** A moment after `at` before which `isOpen` stays as it is at `at`. */
  nextChange(at: EpochMs): EpochMs
}

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
