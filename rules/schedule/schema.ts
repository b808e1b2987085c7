import { createRequire } from 'node:module'
import { z } from 'zod'
import { duration, identifier, label } from '../../gateway/kit/schema.ts'
import { dateOf, hoursPattern, weeklyPattern } from './hours.ts'

const weekly = z.string().regex(weeklyPattern, 'write days and hours as "mon-fri 08:30-17:30" or "sat,sun 09:00-12:00 14:00-17:00"')
const hours = z.string().regex(hoursPattern, 'write hours as 09:00-12:00')

const cron = z.string().max(100).superRefine((pattern, context) => {
  const why = cronProblem(pattern)
  if (why) context.addIssue({ code: 'custom', message: `not a cron pattern: ${why}; five fields, such as "0 22 * * 1-5"` })
})

/** When something is open, served or watched: hours of the week, or from the firings of a cron pattern on. */
export const scheduleSchema = z.strictObject({
  id: identifier,
  name: label.optional(),
  weekly: z.array(weekly).min(1).max(50).optional(),
  /** Minute, hour, day, month, weekday; with `lasts`. */
  cron: cron.optional(),
  lasts: duration.optional(),
  /** On a date of `calendar.holidays`: nothing, as on any such day, or these hours. */
  holidays: z.union([z.enum(['closed', 'usual']), z.array(hours).min(1).max(10)]).default('closed'),
}).superRefine((schedule, context) => {
  if ((schedule.weekly === undefined) === (schedule.cron === undefined)) context.addIssue({ code: 'custom', message: 'give exactly one of weekly and cron' })
  if (schedule.cron !== undefined && !schedule.lasts) context.addIssue({ code: 'custom', path: ['lasts'], message: 'say how long it lasts from each firing of the pattern, such as 8h' })
  if (schedule.cron === undefined && schedule.lasts !== undefined) context.addIssue({ code: 'custom', path: ['lasts'], message: 'goes with cron' })
  if (schedule.cron !== undefined && Array.isArray(schedule.holidays)) context.addIssue({ code: 'custom', path: ['holidays'], message: 'a cron schedule is closed or usual on holidays' })
})
export type ScheduleConfig = z.output<typeof scheduleSchema>

const dates = z.string().refine((text) => datesOf(text) !== null, 'write a date as 2026-10-01, or several as 2026-10-01..2026-10-07 (at most 60)').transform((text) => datesOf(text)!)

/** The list the State Council publishes each year: days off, and the weekends worked instead (调休). */
export const calendarSchema = z.strictObject({
  holidays: z.array(dates).max(200).default([]).transform((lists) => lists.flat()),
  /** Worked although Saturday or Sunday; schedules take them for Mondays. */
  workdays: z.array(dates).max(200).default([]).transform((lists) => lists.flat()),
})
export type CalendarConfig = z.output<typeof calendarSchema>

/** Days since 1970, of one date or of a range with both ends. */
function datesOf(text: string): readonly number[] | null {
  const [from, to = from] = text.split('..').map((part) => dateOf(part.trim()))
  if (from === null || from === undefined || to === null || to === undefined || text.split('..').length > 2 || to < from || to - from >= 60) return null
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

function cronProblem(pattern: string): string | null {
  if (pattern.trim().split(/\s+/).length !== 5) return 'it has not five fields'
  const { Cron } = createRequire(import.meta.url)('croner') as typeof import('croner')
  try {
    return new Cron(pattern, { paused: true, utcOffset: 0 }).nextRun(new Date(0)) ? null : 'it never fires'
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)
  }
}
