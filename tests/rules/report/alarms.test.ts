import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GatewayEvent, JsonObject } from '../../../gateway/contract/index.ts'
import { AlarmCount } from '../../../rules/report/alarms.ts'
import { facilityOf } from '../../support/facility.ts'
import { seed } from '../../support/seed.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
/** Midnight of a day in Shanghai. */
const from = Date.parse('2026-11-01T00:00:00+08:00')
const facility = facilityOf({ 'gate.open': 'boolean' })
const step = (id: string, state: string, at: number, data: JsonObject = {}, more: Partial<GatewayEvent> = {}): GatewayEvent => ({ stream: 'alert', type: 'alert', at: from + at, subject: id, data: { id, key: id, rule: 'smoke', severity: 2, title: { zh: '烟感', en: 'smoke' }, state, ...data }, ...more })
function figuresOf(events: readonly GatewayEvent[], to = 7 * day) {
  const count = new AlarmCount(from, from + to, facility)
  for (const event of events) count.add(event)
  return count.figures()
}

describe('alarm figures', () => {
  it('tell by severity, by day of the site and by what raises most', () => {
    const figures = figuresOf([
      step('a', 'raised', 1, { rule: 'leak', severity: 1, device: 'gate' }), step('b', 'raised', 2), step('c', 'raised', day - 1), step('d', 'raised', day, { severity: 4, rule: 'lamp' }),
    ], 3 * day)
    expect(figures).toMatchObject({ raised: 4, alerts: 4, bySeverity: [{ raised: 1 }, { raised: 2 }, { raised: 0 }, { raised: 1 }], byDay: [{ day: '2026-11-01', raised: 3, bySeverity: [1, 2, 0, 0] }, { day: '2026-11-02', raised: 1 }, { day: '2026-11-03', raised: 0 }] })
    expect(figures.actors.map(({ rule, device, raised, share }) => [rule, device, raised, share])).toEqual([['smoke', null, 2, 0.5], ['lamp', null, 1, 0.25], ['leak', 'gate', 1, 0.25]])
  })
  it('count each time that an alert comes back, also of one that began before', () => {
    expect(figuresOf([step('a', 'raised', -hour, { count: 1 }), step('a', 'raised', hour, { count: 2 }), step('a', 'chattering', 2 * hour, { count: 7 })])).toMatchObject({ raised: 6, alerts: 1, acknowledge: { n: 0, unanswered: 0 } })
    expect(figuresOf([step('a', 'acknowledged', hour, { count: 4, by: 'wang', raisedAt: from - day })])).toMatchObject({ raised: 0, alerts: 0 })
  })
  it('leave out tests, floods, maintenance and what another explains, until it is told by itself', () => {
    expect(figuresOf([
      step('t', 'raised', 1, { rule: 'test' }), step('f', 'raised', 1, { key: 'gateway/flood' }), step('m', 'raised', 1, {}, { mode: 'maintenance' }), step('s', 'raised', 1, { suppressedBy: 'bus', count: 1 }), step('s', 'released', hour, { count: 1 }),
    ])).toMatchObject({ raised: 1, alerts: 1 })
  })
  it('tell how long people take, by nearest rank, and what nobody answered', () => {
    const answered = Array.from({ length: 10 }, (_, n) => [step(`a${n}`, 'raised', n * hour), step(`a${n}`, 'acknowledged', n * hour + (n + 1) * minute, { by: 'wang' })]).flat()
    const events = [...answered, step('b', 'raised', 11 * hour), step('c', 'raised', 12 * hour), step('c', 'closed', 13 * hour, { by: 'gateway' })]
    expect(figuresOf(events).acknowledge).toEqual({ n: 10, medianS: 300, p90S: 540, unanswered: 1 })
  })
  it('tell the busiest ten minutes, and how many were a flood', () => {
    const many = Array.from({ length: 12 }, (_, n) => step(`a${n}`, 'raised', hour + n * 1_000))
    expect(figuresOf([...many, step('z', 'raised', 2 * hour)], day).per10Min).toEqual({ mean: 0.09, peak: 12, peakAt: from + hour, aboveTen: 1, intervals: 144 })
  })
  it('tell what has stood for more than a day, also from before', () => {
    const { standing } = figuresOf([step('a', 'raised', -5 * day), step('b', 'raised', day), step('b', 'cleared', 2 * day), step('c', 'raised', 6 * day + hour), step('d', 'raised', day), step('d', 'acknowledged', day + 1, { by: 'wang' })])
    expect(standing).toMatchObject({ count: 2, list: [{ id: 'a', since: from - 5 * day }, { id: 'd' }] })
  })
  it('of nothing are nothing, and no time is made up', () => {
    expect(figuresOf([], day)).toMatchObject({ raised: 0, actors: [], acknowledge: { n: 0, medianS: null, p90S: null }, per10Min: { mean: 0, peak: 0, peakAt: null }, standing: { count: 0 } })
  })

  it('agree with themselves, whatever happened', () => {
    const anything = fc.array(fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), state: fc.constantFrom('raised', 'cleared', 'acknowledged', 'resolved', 'closed', 'reopened', 'released', 'suppressed', 'evaluated'), at: fc.integer({ min: -2 * day, max: 8 * day }),
      severity: fc.constantFrom(1, 2, 3, 4), rule: fc.constantFrom('x', 'y', 'z'), count: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }), by: fc.option(fc.constantFrom('wang', 'gateway'), { nil: undefined }), muted: fc.boolean(),
    }), { maxLength: 80 })
    fc.assert(fc.property(anything, (list) => {
      const events = list.toSorted((a, b) => a.at - b.at).map(({ id, state, at, severity, rule, count, by, muted }) => step(id, state, at, { severity, rule, ...(count === undefined ? {} : { count }), ...(by === undefined ? {} : { by }), ...(muted ? { suppressedBy: 'bus' } : {}) }))
      const { raised, alerts, bySeverity, byDay, actors, others, acknowledge, per10Min } = figuresOf(events)
      const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0)
      expect(total(bySeverity.map((each) => each.raised))).toBe(raised)
      expect(total(byDay.map((each) => each.raised))).toBe(raised)
      expect(byDay).toHaveLength(7)
      expect(total(actors.map((each) => each.raised)) + others).toBe(raised)
      expect(alerts).toBeLessThanOrEqual(raised)
      expect(per10Min.peak).toBeLessThanOrEqual(raised)
      expect(per10Min.peak * per10Min.intervals).toBeGreaterThanOrEqual(raised)
      expect(actors.map((each) => each.raised)).toEqual(actors.map((each) => each.raised).toSorted((a, b) => b - a))
      expect(acknowledge.n + acknowledge.unanswered).toBeLessThanOrEqual(alerts)
      if (acknowledge.n > 0) expect(acknowledge.p90S!).toBeGreaterThanOrEqual(acknowledge.medianS!)
      // What lies after the end changes nothing.
      expect(figuresOf(events.filter(({ at }) => at < from + 7 * day))).toEqual(figuresOf(events))
    }), { seed, numRuns: 150 })
  })
})
