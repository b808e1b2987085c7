import { createRequire } from 'node:module'
import type { EpochMs } from '../../gateway/contract/index.ts'
import type { Calendar } from '../expression/scope.ts'
import { spanOf, weekdayOf, weekOf, type Span } from './hours.ts'
import type { CalendarConfig, ScheduleConfig } from './schema.ts'
import { createZone, dayMs, type Zone } from './zone.ts'

/** How it is from `from` to `until`. */
interface Stretch { readonly from: EpochMs; readonly until: EpochMs; readonly open: boolean }
type Plan = (at: EpochMs) => Stretch
interface Days { readonly holidays: ReadonlySet<number>; readonly workdays: ReadonlySet<number> }

/** Further ahead nobody looks: it is asked again then. */
const horizonDays = 400

/** All schedules of the site over its time zone; time is given with each question. A schedule that is not known is never open. */
export function createCalendar({ schedules, calendar, timezone }: { readonly schedules: readonly ScheduleConfig[]; readonly calendar: CalendarConfig; readonly timezone: string }): Calendar {
  const zone = createZone(timezone)
  const days: Days = { holidays: new Set(calendar.holidays), workdays: new Set(calendar.workdays) }
  const plans = new Map(schedules.map((config) => [config.id, remembering(config.cron === undefined ? weeklyPlan(config, days, zone) : cronPlan(config, days, zone))]))
  const never: Stretch = { from: -Infinity, until: Infinity, open: false }
  const stretch = (id: string, at: EpochMs): Stretch => plans.get(id)?.(at) ?? never
  let [minute, fields] = [NaN, fieldsOf(0, days)]
  return {
    open: (id, at) => stretch(id, at).open,
    boundary: (id, at) => stretch(id, at).until,
    fields(at) {
      const local = at + zone.offset(at)
      const now = Math.floor(local / 60_000)
      if (now !== minute) [minute, fields] = [now, fieldsOf(local, days)]
      return fields
    },
    next(unit, at) {
      if (unit === 'minute') return (Math.floor(at / 60_000) + 1) * 60_000
      if (unit === 'hour') {
        // Where the offset changes, an hour may begin at any quarter.
        const step = zone.fixedMinutes === null ? 900_000 : 3_600_000
        return (Math.floor(at / step) + 1) * step
      }
      return zone.toUtc((Math.floor((at + zone.offset(at)) / dayMs) + 1) * dayMs)
    },
  }
}

function fieldsOf(local: number, days: Days) {
  const date = Math.floor(local / dayMs)
  const weekday = weekdayOf(date)
  const holiday = days.holidays.has(date)
  const ofDay = Math.floor((local - date * dayMs) / 60_000)
  return { hour: Math.floor(ofDay / 60), minute: ofDay % 60, weekday: weekday + 1, holiday, workday: !holiday && (weekday < 5 || days.workdays.has(date)) }
}

function remembering(plan: Plan): Plan {
  let last: Stretch = { from: 0, until: 0, open: false }
  return (at) => {
    if (at < last.from || at >= last.until) last = plan(at)
    return last
  }
}

function weeklyPlan(config: ScheduleConfig, days: Days, zone: Zone): Plan {
  const week = weekOf(config.weekly!)
  const holidayHours = Array.isArray(config.holidays) ? config.holidays.map(spanOf) : []
  const spansOn = (date: number): readonly Span[] => {
    if (days.holidays.has(date) && config.holidays !== 'usual') return holidayHours
    const weekday = weekdayOf(date)
    return week[weekday >= 5 && days.workdays.has(date) ? 0 : weekday]!
  }
  return (at) => {
    const today = Math.floor((at + zone.offset(at)) / dayMs)
    let [open, until, foundOn] = [false, Infinity, Infinity]
    for (let date = today - 1; date <= today + horizonDays && date <= foundOn + 1; date++) {
      for (const { from, to } of spansOn(date)) {
        const [start, end] = [from, to].map((minutes) => zone.toUtc(date * dayMs + minutes * 60_000)) as [number, number]
        if (start <= at && at < end) open = true
        for (const edge of [start, end]) if (edge > at && edge < until) [until, foundOn] = [edge, Math.min(foundOn, Math.max(date, today))]
      }
    }
    return { from: at, until: until === Infinity ? at + horizonDays * dayMs : until, open }
  }
}

function cronPlan(config: ScheduleConfig, days: Days, zone: Zone): Plan {
  const { Cron } = createRequire(import.meta.url)('croner') as typeof import('croner')
  const pattern = new Cron(config.cron!, { paused: true, ...(zone.fixedMinutes === null ? { timezone: zone.name } : { utcOffset: zone.fixedMinutes }) })
  const lasts = config.lasts!
  const dateAt = (start: EpochMs): number => Math.floor((start + zone.offset(start)) / dayMs)
  const counts = (start: EpochMs): boolean => config.holidays === 'usual' || !days.holidays.has(dateAt(start))
  return (at) => {
    // croner looks strictly behind the moment it is given, in whole seconds.
    let after = at - lasts
    for (let tries = 0; tries < 1_000; tries++) {
      const start = pattern.nextRun(new Date(after))?.getTime()
      if (start === undefined || start > at + horizonDays * dayMs) break
      after = counts(start) ? start : zone.toUtc((dateAt(start) + 1) * dayMs) - 1
      if (start + lasts <= at || !counts(start)) continue
      return start <= at ? { from: at, until: start + lasts, open: true } : { from: at, until: start, open: false }
    }
    return { from: at, until: at + horizonDays * dayMs, open: false }
  }
}
