import { z } from 'zod'
import type { EpochMs } from '../gateway/contract/index.ts'
import { identifier } from '../gateway/kit/schema.ts'

/** What doors and terminals need of a schedule. */
export interface Schedule {
  isOpen(at: EpochMs): boolean
  /** The first moment after `at` at which `isOpen` is another; undefined: never. */
  nextChange(at: EpochMs): EpochMs | undefined
}

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const span = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'write hours as 08:30-17:30; 22:00-06:00 goes over midnight')
const spans = z.array(span).max(12)
const ofDay = { mon: spans.optional(), tue: spans.optional(), wed: spans.optional(), thu: spans.optional(), fri: spans.optional(), sat: spans.optional(), sun: spans.optional() }

/** Hours of a week; a day that is left out has none. `mon-fri` and `daily` stand for several days that have no entry of their own. */
const weekly = z.strictObject({ ...ofDay, 'mon-fri': spans.optional(), daily: spans.optional() })

/** The id of a schedule, or the hours of a week. */
export const hoursSchema = z.union([identifier, weekly])
export type HoursConfig = z.output<typeof hoursSchema>

const dayMs = 86_400_000
const minuteMs = 60_000

/** The schedule an entry means; undefined for an id that is not there, which the review has reported. */
export function scheduleOf(config: HoursConfig, timezone: string, schedules: ReadonlyMap<string, Schedule>): Schedule | undefined {
  if (typeof config === 'string') return schedules.get(config)
  const week = days.map((day, index) => (config[day] ?? (index < 5 ? config['mon-fri'] : undefined) ?? config.daily ?? []).map(minutesOf))
  return createWeek(week, offsetOf(timezone))
}

type Minutes = readonly [from: number, to: number]
function minutesOf(text: string): Minutes {
  const [from, to] = text.split('-').map((time) => { const [hour, minute] = time.split(':').map(Number); return hour! * 60 + minute! }) as [number, number]
  return to > from ? [from, to] : [from, to + 1_440]
}

function createWeek(week: readonly (readonly Minutes[])[], offset: (at: EpochMs) => number): Schedule {
  const isOpen = (at: EpochMs): boolean => {
    const local = at + offset(at)
    const day = Math.floor(local / dayMs)
    const minute = (local - day * dayMs) / minuteMs
    // 1970-01-01 was a Thursday.
    const [today, yesterday] = [(day + 3) % 7, (day + 2) % 7]
    return week[today]!.some(([from, to]) => minute >= from && minute < to) || week[yesterday]!.some(([, to]) => minute < to - 1_440)
  }
  return {
    isOpen,
    nextChange(at) {
      const now = isOpen(at)
      const first = Math.floor((at + offset(at)) / dayMs)
      let best: EpochMs | undefined
      for (let day = first - 1; day <= first + 8; day++) {
        for (const minute of week[(day + 3) % 7]!.flat()) {
          const local = day * dayMs + minute * minuteMs
          const moment = local - offset(local - offset(local))
          if (moment > at && (best === undefined || moment < best) && isOpen(moment) !== now) best = moment
        }
      }
      return best
    },
  }
}

/** Local time less UTC. China has one offset all year: nothing is looked up, which saves loading ICU's zones (8 MB). */
export function offsetOf(timezone: string): (at: EpochMs) => number {
  if (timezone === 'Asia/Shanghai') return () => 8 * 3_600_000
  if (timezone === 'UTC') return () => 0
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
  return (at) => {
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    return Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!) - Math.floor(at / 1_000) * 1_000
  }
}
