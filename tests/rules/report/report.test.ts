import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Chart, ChartSlot, Facility, GatewayEvent, JsonObject } from '../../../gateway/contract/index.ts'
import { quantile } from '../../../rules/report/answers.ts'
import { consumptionOf } from '../../../rules/report/energy.ts'
import { renderReport } from '../../../rules/report/html.ts'
import { createMonths, createReport, namesOf, type ReportFigures } from '../../../rules/report/index.ts'
import { reviewReport } from '../../../rules/report/review.ts'
import { reportSchema } from '../../../rules/report/schema.ts'
import { intersect, subtract, total, union, type Span } from '../../../rules/report/spans.ts'
import { decisionSchemas, type Decisions } from '../../../rules/site.ts'
import { facilityOf } from '../../support/facility.ts'
import { seed } from '../../support/seed.ts'

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]
const months = createMonths('Asia/Shanghai')
const november = months.parse('2026-11')!

const decisionsOf = (given: object = {}): Decisions => Object.fromEntries(Object.entries(decisionSchemas).map(([key, schema]) => [key, schema.parse((given as Record<string, unknown>)[key])])) as Decisions

interface Given { readonly events?: readonly GatewayEvent[]; readonly chart?: (point: string, at: number) => Partial<ChartSlot> | null; readonly decisions?: object; readonly facility?: Facility; readonly now?: number }

/** A chart is asked minute by minute what the test says; what it says nothing of is a gap. */
function figuresOf({ events = [], chart, decisions = {}, facility = facilityOf(), now = november.to }: Given): Promise<ReportFigures> {
  const drawn = async (point: string, from: number, to: number, maxPoints: number): Promise<Chart> => {
    const first = Math.floor(from / minute) * minute
    const slotMs = Math.ceil((to - first) / maxPoints / minute) * minute
    const slots = Array.from({ length: Math.ceil((to - first) / slotMs) }, (_, index): ChartSlot => {
      const at = first + index * slotMs
      const given = chart!(point, at + slotMs - 1)
      return { at, min: null, mean: null, max: null, last: null, quality: given === null ? null : 'good', changes: 0, goodMs: 0, ...given }
    })
    return { point, from, to, slotMs, slots }
  }
  return createReport(november, now, {
    decisions: decisionsOf(decisions), facility,
    sources: {
      async *events(from, to, types) { yield* events.filter(({ at, type }) => at >= from && at < to && types.includes(type)).toSorted((a, b) => a.at - b.at) },
      ...(chart ? { chart: drawn } : {}),
    },
  })
}
const event = (type: GatewayEvent['type'], at: number, data: JsonObject, more: Partial<GatewayEvent> = {}): GatewayEvent => ({ stream: type === 'alert' ? 'alert' : 'event', type, at, data, ...more })
const step = (id: string, state: string, at: number, data: JsonObject = {}, more: Partial<GatewayEvent> = {}) => event('alert', november.from + at, { id, key: id, rule: 'smoke', severity: 2, state, ...data }, more)

describe('months of the site', () => {
  it('begin and end by its clock, not by UTC', () => {
    expect([november.from, november.to]).toEqual([Date.parse('2026-10-31T16:00:00Z'), Date.parse('2026-11-30T16:00:00Z')])
    expect(months.of(november.to - 1)).toEqual(november)
    expect(months.of(november.to).name).toBe('2026-12')
    expect(months.before(months.parse('2026-01')!).name).toBe('2025-12')
    expect(['2026-13', '2026-1', 'x', '26-11'].map((text) => months.parse(text))).toEqual([null, null, null, null])
  })
})

describe('answers', () => {
  it('tells response and closing by severity: median, nine in ten, and how many in time', async () => {
    const alerts = Array.from({ length: 10 }, (_, n) => [step(`a${n}`, 'raised', n * hour), step(`a${n}`, 'acknowledged', n * hour + (n + 1) * minute, { by: 'wang' }), step(`a${n}`, 'cleared', n * hour + 20 * minute), step(`a${n}`, 'resolved', n * hour + 30 * minute, { by: 'wang' })]).flat()
    const { alerts: { bySeverity: [, urgent] } } = await figuresOf({ events: alerts })
    expect(urgent).toEqual({ severity: 2, raised: 10, open: 0, unanswered: 0, response: { n: 10, medianS: 300, p90S: 540, inTime: 5 }, closing: { n: 10, medianS: 1_800, p90S: 1_800, inTime: 10 } })
  })
  it('leaves out maintenance, tests, what another explains, and what began before the month', async () => {
    const { alerts } = await figuresOf({ events: [
      step('a', 'raised', hour, {}, { mode: 'maintenance' }), step('b', 'raised', hour, { rule: 'test' }, { mode: 'test' }), step('c', 'raised', hour, { suppressedBy: 'bus' }), step('d', 'acknowledged', hour, { by: 'wang' }),
    ] })
    expect(alerts.bySeverity.map(({ raised }) => raised)).toEqual([0, 0, 0, 0])
  })
  it('counts from the end of maintenance, or of the explanation, what is still so then', async () => {
    const { alerts: { bySeverity } } = await figuresOf({ events: [
      step('a', 'raised', hour, {}, { mode: 'maintenance' }), step('a', 'raised', 3 * hour), step('a', 'acknowledged', 3 * hour + minute, { by: 'wang' }),
      step('c', 'raised', hour, { suppressedBy: 'bus' }), step('c', 'released', 2 * hour), step('c', 'acknowledged', 2 * hour + 2 * minute, { by: 'wang' }),
    ] })
    expect(bySeverity[1]).toMatchObject({ raised: 2, response: { n: 2, medianS: 60, p90S: 120 }, open: 2, unanswered: 0 })
  })
  it('tells what nobody answered, what closed by itself, and what was opened again', async () => {
    const { alerts } = await figuresOf({ events: [
      step('a', 'raised', hour), step('b', 'raised', hour), step('b', 'closed', 2 * hour, { by: 'gateway', reason: 'returned' }),
      step('c', 'raised', hour), step('c', 'resolved', 2 * hour, { by: 'wang' }), step('c', 'evaluated', 3 * hour, { score: 1, by: 'li' }), step('c', 'reopened', 3 * hour, { by: 'gateway' }),
    ] })
    expect(alerts.bySeverity[1]).toMatchObject({ raised: 3, unanswered: 1, open: 2, response: { n: 1 }, closing: { n: 2, medianS: 3_600 } })
    expect(alerts).toMatchObject({ reopened: { n: 1, of: 2, share: 0.5 }, evaluated: { n: 1, mean: 1 } })
  })
  it('says nothing where nothing was', async () => {
    const { alerts: { bySeverity: [first], reopened }, ratings, terminals, devices, watched } = await figuresOf({})
    expect(first).toMatchObject({ raised: 0, response: { n: 0, medianS: null, p90S: null } })
    expect([reopened.share, ratings, terminals, devices.online, watched]).toEqual([null, { n: 0, mean: null, poor: 0 }, [], null, null])
  })
})

describe('terminals', () => {
  const kiosks = [{ id: 'hall', name: { zh: '大厅', en: 'hall' }, device: 'kiosk' }]
  const told = (from: number, sums: JsonObject, more: Partial<GatewayEvent> = {}) => event('kiosk', from + hour, { device: 'kiosk', kiosk: 'hall', action: 'availability', from, to: from + hour, ...sums }, { subject: 'kiosk', ...more })
  it('adds up the hours within service; what is not known is no failure', async () => {
    const { terminals } = await figuresOf({ decisions: { kiosks }, events: [
      told(november.from - hour, { downS: 3_600 }), told(november.from, { availableS: 3_600 }), told(november.from + hour, { availableS: 1_800, degradedS: 900, downS: 900 }),
      told(november.from + 2 * hour, { unknownS: 3_600 }), told(november.from + 3 * hour, { downS: 3_600 }, { mode: 'maintenance' }), told(november.to - hour, { availableS: 3_600 }), told(november.to, { downS: 3_600 }),
      event('kiosk', november.from + 5, { device: 'kiosk', kiosk: 'hall', item: '12' }), event('kiosk', november.to, { device: 'kiosk', kiosk: 'hall', item: '12' }),
    ] })
    expect(terminals).toEqual([{ kiosk: 'hall', availableS: 9_000, degradedS: 900, downS: 900, unknownS: 3_600, availability: 0.9167, sessions: 1 }])
  })
})

describe('ratings and calls', () => {
  it('are counted, those that make no sense and those of tests are not', async () => {
    const rating = (score: number, more: Partial<GatewayEvent> = {}) => event('evaluation', november.from + hour, { device: 'kiosk', score }, more)
    const { ratings, calls } = await figuresOf({ events: [rating(5), rating(4), rating(2), rating(9), rating(1, { mode: 'test' }), event('request', november.from, {}), event('request', november.from, {}, { mode: 'test' })] })
    expect(ratings).toEqual({ n: 3, mean: 3.67, poor: 1 })
    expect(calls).toBe(1)
  })
})

describe('devices and what is known', () => {
  const facility = facilityOf({ 'env.t': 'number', 'door.contact': 'boolean' })
  const state = (device: string, state: string, at: number) => event('device', november.from + at, { device, state }, { subject: device })
  it('is online as its events say, from what it was at the beginning', async () => {
    const { devices } = await figuresOf({ facility, chart: (_, at) => (at < november.to ? { last: 1 } : null), events: [state('env', 'offline', 6 * day), state('env', 'online', 9 * day), state('env', 'degraded', 20 * day)] })
    expect(devices).toMatchObject({ count: 2, known: 2, online: 0.95, list: [{ device: 'env', online: 0.9 }, { device: 'door', online: 1 }] })
  })
  it('leaves out when the gateway was off, and says which days have no data', async () => {
    const off = (at: number) => at >= november.from + 2 * day && at < november.from + 4 * day + hour
    const { devices, watched } = await figuresOf({ facility, chart: (_, at) => (off(at) ? null : { last: 1 }), events: [event('gateway', november.from + 4 * day + hour, { action: 'started' }), state('env', 'offline', 4 * day + hour), state('env', 'online', 4 * day + 2 * hour)] })
    expect(watched).toEqual({ knownS: (28 * day - hour) / second, ofS: 30 * day / second, daysWithout: ['2026-11-03', '2026-11-04'], daysPartly: ['2026-11-05'] })
    // Nothing is said of the door after the start: its state is not known any more.
    expect(devices.list).toEqual([{ device: 'env', knownS: (28 * day - hour) / second, onlineS: (28 * day - 2 * hour) / second, online: 0.9985 }, { device: 'door', knownS: 2 * day / second, onlineS: 2 * day / second, online: 1 }])
  })
  it('leaves out maintenance, also one that began in the month before', async () => {
    const work = (action: string, at: number, more: JsonObject = {}) => event('gateway', november.from + at, { action, id: 'm', device: 'env', until: november.from + 10 * day, ...more })
    const { devices } = await figuresOf({ facility, chart: () => ({ last: 1 }), events: [work('maintenance-begun', -2 * day), state('env', 'offline', hour), state('env', 'online', 5 * day), work('maintenance-ended', 6 * day)] })
    expect(devices.list.find(({ device }) => device === 'env')).toMatchObject({ knownS: 24 * day / second, online: 1 })
  })
  it('says of a month that lasts that it does, and looks no further than now', async () => {
    const figures = await figuresOf({ facility, chart: () => ({ last: 1 }), now: november.from + 3 * day })
    expect(figures).toMatchObject({ complete: false, watched: { ofS: 3 * day / second, daysWithout: [], daysPartly: [] } })
  })
})

describe('indoor climate', () => {
  const facility = facilityOf({ 'env.t': 'number' })
  it('is the share of known service time within the limits', async () => {
    const decisions = { report: { hours: ['mon-sun 08:00-18:00'], climate: [{ point: 'env.t', min: 18, max: 26 }] } }
    // Too cold in the first hour of service of each day, and nothing known in the last; nights are icy and do not count.
    const chart = (_: string, at: number) => { const local = Math.floor(((at + 8 * hour) % day) / hour); return local === 17 ? null : { mean: local === 8 ? 15 : local < 8 || local > 17 ? -5 : 21 } }
    const { climate } = await figuresOf({ facility, decisions, chart })
    expect(climate).toEqual([{ point: 'env.t', min: 18, max: 26, serviceS: 30 * 36_000, knownS: 30 * 32_400, within: 0.8889 }])
  })
  it('is not known without history, nor of bad values', async () => {
    const decisions = { report: { climate: [{ point: 'env.t', max: 26 }] } }
    expect((await figuresOf({ facility, decisions })).climate).toMatchObject([{ knownS: 0, within: null }])
    expect((await figuresOf({ facility, decisions, chart: () => ({ mean: 20, quality: 'bad' }) })).climate).toMatchObject([{ knownS: 0, within: null }])
  })
})

describe('energy', () => {
  const slots = (...values: readonly (number | null)[]) => values.map((last, index) => ({ at: index * 1_800_000, last, quality: last === null ? null : 'good' as const }))
  it('is how far the counter went, over gaps too', () => {
    expect(consumptionOf(slots(100, 101.5, null, null, 110))).toEqual({ kWh: 10, from: 0, to: 4 * 1_800_000, resets: 0 })
  })
  it('counts on after a reset, and makes up nothing for what lies between', () => {
    expect(consumptionOf(slots(100, 105, 2, 3, 4, 5, 6))).toMatchObject({ kWh: 9, resets: 1 })
    expect(consumptionOf(slots(100, 105, 5_000, 5_001))).toMatchObject({ kWh: 4_901, resets: 0 })
  })
  it('takes a value that was misread for nothing', () => {
    expect(consumptionOf(slots(100, 105, 0, 106, 107))).toMatchObject({ kWh: 7, resets: 0 })
  })
  it('knows nothing of one reading, or none', () => {
    expect([consumptionOf(slots()), consumptionOf(slots(null)), consumptionOf(slots(7))]).toMatchObject([{ kWh: null }, { kWh: null }, { kWh: null }])
  })
  it('is never less than nothing, and without a reset the last less the first', () => {
    fc.assert(fc.property(fc.array(fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: null }), { maxLength: 60 }), (values) => {
      expect(consumptionOf(slots(...values)).kWh ?? 0).toBeGreaterThanOrEqual(0)
      const rising = values.filter((value) => value !== null).toSorted((a, b) => a - b)
      if (rising.length > 1) expect(consumptionOf(slots(...rising)).kWh!).toBeCloseTo(rising.at(-1)! - rising[0]!, 2)
    }), { seed })
  })
  it('is told of every counter in kW.h, with what it is drawn from', async () => {
    const facility = facilityOf({ 'meter.energy': { type: 'number', unit: 'kW.h' }, 'meter.power': { type: 'number', unit: 'kW' } })
    const chart = (point: string, at: number) => (point === 'meter.energy' ? { last: 1_000 + Math.floor((at + 1 - november.from) / hour) } : { last: 1 })
    expect((await figuresOf({ facility, chart })).energy).toEqual([{ point: 'meter.energy', kWh: 720, from: november.from, to: november.to, resets: 0, complete: true }])
    const late = (point: string, at: number) => (at < november.from + day ? null : chart(point, at))
    expect((await figuresOf({ facility, chart: late })).energy).toMatchObject([{ complete: false, from: expect.toSatisfy((at: number) => at >= november.from + day) }])
  })
})

describe('spans', () => {
  const spans = fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { maxLength: 20 }).map((list) => union(list.map(([a, b]): Span => [Math.min(a, b), Math.max(a, b)])))
  const has = (list: readonly Span[], at: number): boolean => list.some(([from, to]) => from <= at && at < to)
  it('join, meet and leave out as sets of moments do', () => {
    fc.assert(fc.property(spans, spans, (a, b) => {
      for (let at = 0; at <= 200; at++) {
        expect(has(intersect(a, b), at)).toBe(has(a, at) && has(b, at))
        expect(has(subtract(a, b), at)).toBe(has(a, at) && !has(b, at))
      }
      expect(total(a)).toBe(total(intersect(a, b)) + total(subtract(a, b)))
    }), { seed, numRuns: 50 })
  })
})

describe('the page', () => {
  it('stands alone, says it in both languages, and escapes every name of the site', async () => {
    const facility = facilityOf({ 'env.t': { type: 'number', unit: '<b>', name: { zh: '<img src=x onerror=alert(1)>', en: '"&\'' } } })
    const figures = await figuresOf({ facility, decisions: { report: { climate: [{ point: 'env.t', max: 26 }] } } })
    const page = renderReport(figures, namesOf({ zh: '<script>厅', en: 'hall' }, facility, []))
    expect(page).toMatch(/设施月报 <small>Facility report<\/small> 2026-11/)
    expect(page).toContain('&#60;script&#62;厅')
    expect(page).not.toMatch(/<img|<script|https?:|"&'|undefined|NaN/)
    expect(page).toContain("default-src 'none'")
    expect(page).toMatch(/@page\{size:A4/)
    expect(page).toContain('未知')
  })
})

describe('its section of the site file', () => {
  it('is reviewed: points, units, hours, limits', () => {
    const facility = facilityOf({ 'env.t': 'number', 'env.word': 'string', 'meter.power': { type: 'number', unit: 'kW' } })
    const review = (report: object) => reviewReport({ report: reportSchema.parse(report), schedules: [] }, facility).map(({ message }) => message)
    expect(review({})).toEqual([])
    expect(review({ climate: [{ point: 'env.tt', max: 5 }, { point: 'env.word', max: 5 }], energy: ['meter.power'], hours: 'office' })).toEqual([
      expect.stringContaining('no schedule "office"'), expect.stringContaining('did you mean "env.t"'), expect.stringContaining('is a string'), expect.stringContaining('is in kW'),
    ])
    expect(reportSchema.safeParse({ climate: [{ point: 'env.t' }] }).success).toBe(false)
    expect(reportSchema.safeParse({ climate: [{ point: 'env.t', min: 5, max: 4 }] }).success).toBe(false)
  })
})

it('takes quantiles that really were', () => {
  expect([quantile([], 0.5), quantile([7_000], 0.9), quantile([1_000, 2_000, 3_000], 0.5), quantile([1_000, 2_000, 3_000, 4_000], 0.5)]).toEqual([null, 7, 2, 2])
})
