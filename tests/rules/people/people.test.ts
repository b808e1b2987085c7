import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRoster } from '../../../rules/people/roster.ts'
import { reviewPeople } from '../../../rules/people/review.ts'
import { escalationSchema, personSchema, shiftSchema } from '../../../rules/people/schema.ts'
import { createShifts } from '../../../rules/people/shifts.ts'
import { clear, day, DeskBench, hour, minute, raise, t0 } from '../../support/alerts.ts'

const name = { zh: '某人', en: 'somebody' }
const people = [personSchema.parse({ id: 'wang', name, role: 'property' }), personSchema.parse({ id: 'li', name, role: 'community', channels: ['phone-li'] }), personSchema.parse({ id: 'zhao', name, role: 'community' })]
const shift = (plan: object[]) => [shiftSchema.parse({ id: 'desk', plan })]
const shanghai = (text: string): number => Date.parse(`${text}:00+08:00`)
const roster = (steps: object[], more: object = {}) => createRoster({
  people, timezone: 'Asia/Shanghai', shifts: shift([{ when: ['mon-sun 08:00-20:00'], people: ['wang'] }, { when: ['mon-sun 20:00-08:00'], people: ['zhao'] }]),
  escalation: [escalationSchema.parse({ id: 'all', steps, ...more })],
})

describe('a shift plan', () => {
  it('is of the site\'s time zone, and a night belongs to the day it begins on', () => {
    const onDuty = createShifts(shift([{ when: ['mon-fri 08:00-20:00'], people: ['wang'] }, { when: ['fri 20:00-08:00'], people: ['li'] }]), 'Asia/Shanghai')
    // 2026-01-09 is a Friday.
    expect(onDuty('desk', shanghai('2026-01-09T08:00'))).toEqual(['wang'])
    expect(onDuty('desk', shanghai('2026-01-09T19:59'))).toEqual(['wang'])
    expect(onDuty('desk', shanghai('2026-01-09T20:00'))).toEqual(['li'])
    expect(onDuty('desk', shanghai('2026-01-10T07:59'))).toEqual(['li'])
    expect(onDuty('desk', shanghai('2026-01-10T08:00'))).toEqual([])
    expect(onDuty('elsewhere', shanghai('2026-01-09T08:00'))).toEqual([])
  })
  it('rotates a week each, also before its date', () => {
    const onDuty = createShifts(shift([{ when: ['mon-sun 00:00-24:00'], people: ['wang', 'li', 'zhao'], rotate: { days: 7, since: '2026-01-05' } }]), 'Asia/Shanghai')
    expect(['2025-12-29', '2026-01-05', '2026-01-11', '2026-01-12', '2026-01-19', '2026-01-26'].map((date) => onDuty('desk', shanghai(`${date}T12:00`))[0])).toEqual(['zhao', 'wang', 'wang', 'li', 'zhao', 'wang'])
  })
  it('with a whole day of rotation has exactly one person on duty at every moment', () => {
    const onDuty = createShifts(shift([{ when: ['mon-sun 07:00-19:00', 'mon-sun 19:00-07:00'], people: ['wang', 'li', 'zhao'], rotate: { days: 2, since: '2026-01-05' } }]), 'Europe/Berlin')
    fc.assert(fc.property(fc.integer({ min: t0 - 400 * day, max: t0 + 400 * day }), (at) => { expect(onDuty('desk', at)).toHaveLength(1) }))
  })
})

describe('escalation', () => {
  it('tells whoever is on duty as it is raised, then the next, until a person acts', () => {
    const bench = new DeskBench({ roster: roster([{ channels: ['wecom'], to: [{ duty: 'desk' }] }, { after: '5m', to: [{ role: 'community' }] }, { after: '30m', to: [{ person: 'li' }], until: 'resolved' }]) })
    // 16:00 in Shanghai.
    expect(bench.apply(raise())).toMatchObject([{ data: { notify: ['wecom'], mention: ['wang'] } }])
    expect(bench.desk.wakeAt()).toBe(t0 + 5 * minute)
    expect(bench.tick(t0 + 5 * minute)).toMatchObject([{ data: { state: 'escalated', step: 1, notify: ['phone-li'], mention: ['li', 'zhao'] } }])
    bench.act({ act: 'acknowledge' }, t0 + 6 * minute)
    // Acknowledged: only what asks for its end goes on.
    expect(bench.desk.wakeAt()).toBe(t0 + 30 * minute)
    expect(bench.tick(t0 + 30 * minute)).toMatchObject([{ data: { state: 'escalated', step: 2, phase: 'acknowledged', notify: ['phone-li'] } }])
    expect(bench.only().escalation).toBe(2)
    expect(bench.desk.wakeAt()).toBeUndefined()
  })
  it('skips what an acknowledgement made needless', () => {
    const bench = new DeskBench({ roster: roster([{ after: '5m', to: [{ person: 'li' }] }, { after: '10m', to: [{ person: 'zhao' }], channels: ['x'] }]) })
    bench.apply(raise())
    bench.act({ act: 'acknowledge' }, t0 + minute)
    expect(bench.desk.wakeAt()).toBeUndefined()
    expect(bench.tick(t0 + hour)).toEqual([])
    // Raised again it asks again, from the beginning.
    bench.apply(clear({ at: t0 + 2 * hour }), raise({ at: t0 + 2 * hour + 1 }))
    expect(bench.desk.wakeAt()).toBe(t0 + 2 * hour + 1 + 5 * minute)
  })
  it('goes on over a restart, where it was, and once', () => {
    const bench = new DeskBench({ roster: roster([{ after: '5m', to: [{ person: 'li' }] }, { after: '10m', to: [{ person: 'zhao' }] }]) })
    bench.apply(raise())
    bench.tick(t0 + 5 * minute)
    const again = bench.restarted()
    expect(again.desk.wakeAt()).toBe(t0 + 10 * minute)
    expect(again.tick(t0 + 9 * minute)).toEqual([])
    expect(again.tick(t0 + 20 * minute)).toMatchObject([{ data: { step: 2, mention: ['zhao'] } }])
  })
  it('keeps the distance of its steps after a long sleep, or when the clock was set ahead', () => {
    const bench = new DeskBench({ roster: roster([{ after: '5m', to: [{ person: 'li' }] }, { after: '10m', to: [{ person: 'zhao' }] }]) })
    bench.apply(raise())
    const later = t0 + 50 * 365 * day
    expect(bench.tick(later)).toMatchObject([{ data: { step: 1 } }])
    expect(bench.desk.wakeAt()).toBe(later + 5 * minute)
    expect(bench.tick(later + 5 * minute)).toMatchObject([{ data: { step: 2 } }])
  })
  it('leaves shelved, suppressed and maintained ones alone', () => {
    const bench = new DeskBench({ roster: roster([{ channels: ['wecom'] }, { after: '5m', channels: ['wecom'] }]) })
    expect(bench.apply(raise({ key: 'm', mode: 'maintenance' }))[0]!.data.notify).toBeUndefined()
    const subject = bench.apply(raise())[0]!.subject!
    bench.act({ act: 'shelve', until: t0 + hour, reason: 'x', alert: subject })
    expect(bench.tick(t0 + 10 * minute)).toEqual([])
    expect(bench.tick(t0 + hour)).toMatchObject([{ data: { state: 'unshelved', notify: ['wecom'] } }])
    expect(bench.desk.wakeAt()).toBe(t0 + hour + 5 * minute)
  })
  it('takes the first entry that fits', () => {
    const fitting = createRoster({ people, shifts: [], timezone: 'UTC', escalation: [
      { id: 'a', severities: [1], steps: [{ channels: ['grave'] }] }, { id: 'b', rules: ['lift'], steps: [{ channels: ['lift'] }] }, { id: 'c', places: ['hall'], steps: [{ channels: ['hall'] }] },
    ].map((entry) => escalationSchema.parse(entry)) })
    const bench = new DeskBench({ roster: fitting })
    const of = (overrides: object) => bench.apply(raise({ key: JSON.stringify(overrides), ...overrides }))[0]!.data.notify
    expect([of({ severity: 1, ruleId: 'lift' }), of({ ruleId: 'lift' }), of({ place: 'hall' }), of({})]).toEqual([['grave'], ['lift'], ['hall'], undefined])
  })
})

describe('the review of people', () => {
  it('finds names that nobody has, with their place', () => {
    const found = reviewPeople({
      people, channels: [{ id: 'wecom' }], shifts: shift([{ when: ['mon 08:00-20:00'], people: ['wang', 'wong'] }]),
      escalation: [escalationSchema.parse({ id: 'x', steps: [{ channels: ['weecom'], to: [{ duty: 'dsk' }, { role: 'propertyy' }, { person: 'lee' }] }] })],
    }).filter(({ warning }) => !warning)
    expect(found.map(({ path }) => path.join('.'))).toEqual(['people.1.channels.0', 'shifts.0.plan.0.people.1', 'escalation.0.steps.0.channels.0', 'escalation.0.steps.0.to.0.duty', 'escalation.0.steps.0.to.1.role', 'escalation.0.steps.0.to.2.person'])
    expect(found[2]!.message).toBe('no channel "weecom"; did you mean "wecom"?')
  })
  it('refuses steps out of order and steps that tell nobody', () => {
    expect(escalationSchema.safeParse({ id: 'x', steps: [{ after: '5m', channels: ['a'] }, { after: '1m', channels: ['a'] }] }).success).toBe(false)
    expect(escalationSchema.safeParse({ id: 'x', steps: [{ after: '5m' }] }).success).toBe(false)
  })
})
