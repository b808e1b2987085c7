import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Calendar } from '../../../rules/expression/scope.ts'
import { createCalendar } from '../../../rules/schedule/index.ts'
import { calendarSchema, scheduleSchema } from '../../../rules/schedule/schema.ts'
import { createZone } from '../../../rules/schedule/zone.ts'
import { scale } from '../../support/seed.ts'

const made = (schedules: readonly object[], timezone = 'Asia/Shanghai', calendar: object = {}): Calendar => createCalendar({ schedules: schedules.map((entry) => scheduleSchema.parse({ id: 's', ...entry })), calendar: calendarSchema.parse(calendar), timezone })
/** A local time of a zone, as ICU reads it back. */
const shanghai = (text: string): number => Date.parse(`${text}:00+08:00`)
const local = (at: number, timeZone: string): string => new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(at)
const until = (calendar: Calendar, from: number, count: number, timeZone = 'Asia/Shanghai'): readonly string[] => {
  const edges: string[] = []
  let at = from
  let open = calendar.open('s', at)
  for (let tries = 0; edges.length < count && tries < 2_000; tries++) {
    at = calendar.boundary('s', at)
    if (calendar.open('s', at) === open) continue
    open = !open
    edges.push(`${local(at, timeZone)} ${open ? 'opens' : 'closes'}`)
  }
  return edges
}

describe('a schedule', () => {
  it('follows the hours of the week', () => {
    const calendar = made([{ weekly: ['mon-fri 08:30-12:00 14:00-17:30', 'sat 09:00-12:00'] }])
    expect(until(calendar, shanghai('2026-11-20T12:00'), 6)).toEqual(['2026-11-20 14:00 opens', '2026-11-20 17:30 closes', '2026-11-21 09:00 opens', '2026-11-21 12:00 closes', '2026-11-23 08:30 opens', '2026-11-23 12:00 closes'])
  })
  it('goes over midnight and over the weekend', () => {
    expect(until(made([{ weekly: ['sat-mon 22:00-06:00'] }]), shanghai('2026-11-27T12:00'), 4)).toEqual(['2026-11-28 22:00 opens', '2026-11-29 06:00 closes', '2026-11-29 22:00 opens', '2026-11-30 06:00 closes'])
    expect(until(made([{ weekly: ['sat,sun 00:00-24:00'] }]), shanghai('2026-11-27T12:00'), 2)).toEqual(['2026-11-28 00:00 opens', '2026-11-30 00:00 closes'])
  })
  it('knows the days off and the weekends worked instead', () => {
    const days = { holidays: ['2026-10-01..2026-10-07'], workdays: ['2026-10-10'] }
    expect(until(made([{ weekly: ['mon-fri 08:30-17:30'] }], 'Asia/Shanghai', days), shanghai('2026-09-30T12:00'), 6))
      .toEqual(['2026-09-30 17:30 closes', '2026-10-08 08:30 opens', '2026-10-08 17:30 closes', '2026-10-09 08:30 opens', '2026-10-09 17:30 closes', '2026-10-10 08:30 opens'])
    expect(until(made([{ weekly: ['mon-fri 08:30-17:30'], holidays: 'usual' }], 'Asia/Shanghai', days), shanghai('2026-09-30T12:00'), 2)[1]).toBe('2026-10-01 08:30 opens')
    expect(until(made([{ weekly: ['mon-fri 08:30-17:30'], holidays: ['10:00-11:00'] }], 'Asia/Shanghai', days), shanghai('2026-09-30T12:00'), 3).slice(1)).toEqual(['2026-10-01 10:00 opens', '2026-10-01 11:00 closes'])
    const { fields } = made([], 'Asia/Shanghai', days)
    expect([fields(shanghai('2026-10-01T09:30')), fields(shanghai('2026-10-10T09:30'))]).toEqual([{ hour: 9, minute: 30, weekday: 4, workday: false, holiday: true }, { hour: 9, minute: 30, weekday: 6, workday: true, holiday: false }])
  })
  it('opens at the firings of a cron pattern, not on holidays', () => {
    expect(until(made([{ cron: '0 22 * * 1-5', lasts: '8h' }]), shanghai('2026-11-27T12:00'), 4)).toEqual(['2026-11-27 22:00 opens', '2026-11-28 06:00 closes', '2026-11-30 22:00 opens', '2026-12-01 06:00 closes'])
    expect(until(made([{ cron: '* * * * *', lasts: '30s' }], 'Asia/Shanghai', { holidays: ['2026-11-01..2026-11-29'] }), shanghai('2026-11-10T12:00'), 1)).toEqual(['2026-11-30 00:00 opens'])
    expect(until(made([{ cron: '0 9 1 1 *', lasts: '1h', holidays: 'usual' }], 'Europe/Berlin'), shanghai('2026-11-27T12:00'), 2, 'Europe/Berlin')).toEqual(['2027-01-01 09:00 opens', '2027-01-01 10:00 closes'])
  })
  it('keeps local hours over a change of summer time', () => {
    expect(until(made([{ weekly: ['mon-sun 08:00-17:00'] }], 'Europe/Berlin'), Date.parse('2026-03-28T12:00Z'), 3, 'Europe/Berlin')).toEqual(['2026-03-28 17:00 closes', '2026-03-29 08:00 opens', '2026-03-29 17:00 closes'])
    const night = made([{ weekly: ['mon-sun 01:00-04:00'] }], 'Europe/Berlin')
    const length = (day: string): number => { const at = night.boundary('s', Date.parse(`${day}T12:00Z`)); return (night.boundary('s', at) - at) / 3_600_000 }
    expect([length('2026-03-28'), length('2026-10-24'), length('2026-06-01')]).toEqual([2, 4, 3])
    // 02:30 does not exist that night; the clock goes from 02:00 to 03:00.
    expect(until(made([{ weekly: ['mon-sun 02:30-05:00'] }], 'Europe/Berlin'), Date.parse('2026-03-28T12:00Z'), 1, 'Europe/Berlin')).toEqual(['2026-03-29 03:30 opens'])
  })
  it('that is not known is never open', () => {
    expect([made([]).open('x', 0), made([]).boundary('x', 0)]).toEqual([false, Infinity])
  })
  it('says when hour, minute and day are over', () => {
    const calendar = made([])
    const at = shanghai('2026-11-25T09:30') + 20_000
    expect((['minute', 'hour', 'day'] as const).map((unit) => local(calendar.next(unit, at), 'Asia/Shanghai'))).toEqual(['2026-11-25 09:31', '2026-11-25 10:00', '2026-11-26 00:00'])
    const kathmandu = made([], 'Asia/Kathmandu')
    for (let time = at, steps = 0; steps < 40; steps++) { time = kathmandu.next('hour', time); expect(kathmandu.fields(time - 1).hour === kathmandu.fields(time).hour || kathmandu.fields(time).minute === 0).toBe(true) }
  })
})

describe('laws of schedules', () => {
  const moments = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) })
  const zones = fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
  const spans = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 23 })).map(([from, to]) => `${String(from).padStart(2, '0')}:30-${String(to).padStart(2, '0')}:15`)
  it('between two boundaries nothing changes', () => {
    fc.assert(fc.property(zones, fc.array(spans, { minLength: 1, maxLength: 3 }), moments, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (zone, hours, at, share) => {
      const entries = hours.map((span, index) => ({ weekly: [`${['mon-fri', 'sat', 'wed-sun'][index]} ${span}`] }))
      for (const entry of entries) {
        const boundary = made([entry], zone).boundary('s', at)
        expect(boundary).toBeGreaterThan(at)
        expect(made([entry], zone).open('s', Math.min(boundary - 1, Math.floor(at + (boundary - at) * share)))).toBe(made([entry], zone).open('s', at))
      }
    }), { numRuns: 100 * scale })
  })
  it('is open exactly when the local clock says so', () => {
    fc.assert(fc.property(zones, moments, fc.integer({ min: 0, max: 22 }), (timeZone, at, hour) => {
      const from = `${String(hour).padStart(2, '0')}:00`
      const to = `${String(hour + 1).padStart(2, '0')}:00`
      const clock = local(at, timeZone).slice(11)
      // On the two days of a change the hour that is skipped or comes twice is a matter of taste.
      const zone = createZone(timeZone)
      fc.pre(zone.offset(at - 86_400_000) === zone.offset(at + 86_400_000))
      expect(made([{ weekly: [`mon-sun ${from}-${to}`] }], timeZone).open('s', at)).toBe(clock >= from && clock < to)
    }), { numRuns: 200 * scale })
  })
  it('local time and back is the same, wherever it exists', () => {
    fc.assert(fc.property(zones, moments, (name, at) => {
      const zone = createZone(name)
      const back = zone.toUtc(at + zone.offset(at))
      // Of an hour that comes twice, the first.
      expect(back === at || (back < at && back + zone.offset(back) === at + zone.offset(at))).toBe(true)
    }), { numRuns: 300 * scale })
  })
})

describe('a site file', () => {
  const wrong = (entry: object): string | undefined => scheduleSchema.safeParse({ id: 's', ...entry }).error?.issues[0]?.message
  it('is told what is wrong with its hours', () => {
    expect(wrong({})).toMatch(/exactly one of weekly and cron/)
    expect(wrong({ weekly: ['mon-fri 8:30-17:30'] })).toMatch(/write days and hours/)
    expect(wrong({ weekly: ['monday 08:30-17:30'] })).toMatch(/write days and hours/)
    expect(wrong({ cron: '0 22 * * 1-5' })).toMatch(/how long it lasts/)
    for (const cron of ['0 22 * *', '61 * * * *', 'x x x x x', '0 0 30 2 *', '* '.repeat(60)]) expect(wrong({ cron, lasts: '1h' })).toMatch(/not a cron pattern|at most 100|<=100/)
  })
  it('and with its dates', () => {
    for (const date of ['2026-02-30', '2026-10-07..2026-10-01', '2026-1-1', '2026-01-01..2027-01-01', 'x']) expect(calendarSchema.safeParse({ holidays: [date] }).error?.issues[0]?.message).toMatch(/write a date/)
  })
})
