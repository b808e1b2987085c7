import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hoursSchema } from '../../rules/hours-schema.ts'
import { scheduleOf } from '../../rules/hours.ts'
import { scheduleSchema } from '../../rules/schedule/schema.ts'

const hour = 3_600_000
const parts = (timezone = 'Asia/Shanghai', holidays: readonly number[] = []) => ({ timezone, schedules: [scheduleSchema.parse({ id: 'office', weekly: ['mon-fri 09:00-17:00'] })], calendar: { holidays: [...holidays], workdays: [] } })
const of = (config: unknown, ...rest: Parameters<typeof parts>) => scheduleOf(hoursSchema.parse(config), parts(...rest))
/** 2026-11-23 is a Monday. */
const monday = Date.UTC(2026, 10, 23) - 8 * hour

describe('the hours of a door or terminal', () => {
  it('are those of a schedule of the site, or a week of their own', () => {
    for (const schedule of [of('office'), of(['mon-fri 09:00-17:00'])]) {
      expect([8.99, 9, 16.99, 17].map((at) => schedule.isOpen(monday + at * hour))).toEqual([false, true, true, false])
      expect(schedule.nextChange(monday + 10 * hour)).toBe(monday + 17 * hour)
      expect(schedule.nextChange(monday + (4 * 24 + 18) * hour)).toBe(monday + (7 * 24 + 9) * hour)
    }
  })
  it('are closed on holidays, go over midnight, and are whole where they touch', () => {
    expect(of(['mon-fri 09:00-17:00'], 'Asia/Shanghai', [Date.UTC(2026, 10, 23) / 86_400_000]).isOpen(monday + 10 * hour)).toBe(false)
    expect(of(['mon 22:00-06:00']).nextChange(monday + 23 * hour)).toBe(monday + 30 * hour)
    expect(of(['mon-sun 08:00-12:00 12:00-24:00', 'mon-sun 00:00-01:00']).nextChange(monday + 9 * hour)).toBe(monday + 25 * hour)
  })
  it('are never those of a schedule that is not there', () => {
    expect(of('nowhere').isOpen(monday)).toBe(false)
    expect(of('nowhere').nextChange(monday)).toBeGreaterThan(monday)
  })
  it('stay as they are until the next change, asked in any order', () => {
    for (const timezone of ['Asia/Shanghai', 'Europe/Berlin']) {
      const schedule = of(['mon-fri 08:30-12:00 13:00-17:30', 'sat 22:00-06:00'], timezone)
      fc.assert(fc.property(fc.integer({ min: 0, max: 366 * 24 * 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (minutes, share) => {
        const at = Date.UTC(2026, 0, 1) + minutes * 60_000
        const change = schedule.nextChange(at)
        expect(change).toBeGreaterThan(at)
        expect(schedule.isOpen(Math.floor(at + (change - at) * share))).toBe(schedule.isOpen(at))
        expect(of(['mon-fri 08:30-12:00 13:00-17:30', 'sat 22:00-06:00'], timezone).isOpen(change)).toBe(!schedule.isOpen(at))
      }))
    }
  })
})
