import { describe, expect, it } from 'vitest'
import type { Alert, GatewayEvent, JsonObject } from '../../../gateway/contract/index.ts'
import { createShiftDays, createShiftReport, type Duty, type Shift } from '../../../rules/report/index.ts'
import { decisionSchemas, type Decisions } from '../../../rules/site.ts'
import { facilityOf } from '../../support/facility.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const at = (time: string): number => Date.parse(`2026-11-26T${time}:00+08:00`)
const decisions = Object.fromEntries(Object.entries(decisionSchemas).map(([key, schema]) => [key, schema.parse(({
  people: [{ id: 'wang', name: { zh: '王师傅', en: 'Master Wang' } }, { id: 'li', name: { zh: '李站长', en: 'Station head Li' } }],
  shifts: [{ id: 'desk', plan: [{ when: ['mon-fri 08:00-20:00'], people: ['wang'] }, { when: ['mon-sun 20:00-08:00'], people: ['wang', 'li'], rotate: { days: 1, since: '2026-11-26' } }] }],
  doors: [{ id: 'east', name: { zh: '东门', en: 'east door' }, contact: 'gate.open' }],
  kiosks: [{ id: 'one', name: { zh: '终端', en: 'terminal' }, device: 'kiosk' }],
} as Record<string, unknown>)[key])])) as Decisions
const facility = facilityOf({ 'gate.open': 'boolean', 'kiosk.busy': 'boolean' })
const event = (type: GatewayEvent['type'], time: number, data: JsonObject, subject?: string): GatewayEvent => ({ stream: type === 'alert' ? 'alert' : 'event', type, at: time, data, ...(subject === undefined ? {} : { subject }) })
const step = (id: string, state: string, time: number, data: JsonObject = {}): GatewayEvent => event('alert', time, { id, key: id, rule: 'smoke', severity: 2, title: { zh: '烟感', en: 'smoke' }, condition: 'active', state, ...data }, id)

const days = createShiftDays({ shifts: decisions.shifts, timezone: 'Asia/Shanghai' })
const shiftsOf = (duties: readonly Duty[] = [], now = at('23:00')): readonly Shift[] => days.of('2026-11-26', duties, now)!
const reportOf = (shift: Shift, events: readonly GatewayEvent[], { now = at('23:00'), duties = [], open }: { readonly now?: number; readonly duties?: readonly Duty[]; readonly open?: readonly Alert[] } = {}) => createShiftReport(shift, now, {
  decisions, facility, duties, planned: shiftsOf(duties, now).filter(({ kind }) => kind === 'plan'), ...(open ? { open: () => open } : {}),
  async *events(from, to, types) { yield* events.filter((each) => each.at >= from && each.at < to && types.includes(each.type)).toSorted((a, b) => a.at - b.at) },
})
const early = shiftsOf().find(({ id }) => id === '2026-11-26/desk/0800')!

describe('the shifts of a day', () => {
  it('are those of the plan, with whose turn it is, what was taken at the desk, and the whole day', () => {
    expect(shiftsOf([{ person: 'li', from: at('08:05'), to: at('12:00'), note: null }]).map(({ id, people, from, to }) => [id, people, (to - from) / hour])).toEqual([
      ['2026-11-26/desk/0800', ['wang'], 12], ['2026-11-26/desk/080500-li', ['li'], 3 + 55 / 60], ['2026-11-26/desk/2000', ['wang'], 12], ['2026-11-26/day', [], 24],
    ])
    expect(days.of('2026-11-27', [], at('23:00') + 2 * day)!.map(({ people }) => people)).toEqual([['wang'], ['li'], []])
    expect([days.of('2026-02-30', [], 0), days.of('x', [], 0)]).toEqual([null, null])
  })
  it('have not begun before they begin, and a desk that nobody hands over lasts until now, at most 36 hours', () => {
    const never: Duty = { person: 'li', from: at('07:00'), to: null, note: null }
    expect(shiftsOf([never], at('09:00')).map(({ id, open, to }) => [id, open, to])).toEqual([['2026-11-26/desk/070000-li', true, at('09:00')], ['2026-11-26/desk/0800', false, at('20:00')], ['2026-11-26/day', false, at('00:00') + day]])
    expect(shiftsOf([never], at('09:00') + 9 * day)[0]).toMatchObject({ to: at('07:00') + 36 * hour, open: true, cut: true })
  })
})

describe('a shift report', () => {
  it('tells what was raised, acknowledged with its time, and resolved, also of what began before', async () => {
    const { alerts, open } = await reportOf(early, [
      step('old', 'raised', at('03:00')), step('gone', 'raised', at('03:00')), step('gone', 'closed', at('04:00'), { by: 'gateway' }),
      step('old', 'acknowledged', at('08:10'), { by: 'wang' }), step('new', 'raised', at('09:00')), step('new', 'assigned', at('09:02'), { by: 'wang', to: 'li' }), step('new', 'cleared', at('09:10'), { condition: 'returned' }),
      step('new', 'resolved', at('09:30'), { by: 'li', note: '换了电池', condition: 'returned' }), step('left', 'raised', at('19:59'), { severity: 1 }), step('later', 'raised', at('20:00')),
    ])
    expect(alerts).toMatchObject({ raised: 2, acknowledged: 2, resolved: 1, medianS: 120, p90S: 18_600, open: 2, waiting: 1, more: 0 })
    expect(alerts.list.map(({ id, acknowledged, resolved }) => [id, acknowledged?.by.name.zh, acknowledged?.ackS, resolved?.note])).toEqual([['old', '王师傅', 18_600, undefined], ['new', '王师傅', 120, '换了电池'], ['left', undefined, undefined, undefined]])
    expect(open.list.map(({ id }) => id)).toEqual(['left', 'old'])
  })
  it('counts an alert that comes back after it was acknowledged as waiting anew', async () => {
    const { alerts } = await reportOf(early, [step('a', 'raised', at('09:00'), { phase: 'raised', count: 1 }), step('a', 'acknowledged', at('09:01'), { by: 'wang', phase: 'acknowledged', count: 1 }), step('a', 'raised', at('10:00'), { phase: 'raised', count: 2 }), step('a', 'acknowledged', at('10:03'), { by: 'li', phase: 'acknowledged', count: 2 })])
    expect(alerts).toMatchObject({ raised: 2, acknowledged: 1, medianS: 60, p90S: 180, list: [{ times: 2, acknowledged: { by: { id: 'li' }, ackS: 180 } }] })
  })
  it('names who had the desk, what the last one left and what was left for the next', async () => {
    const duties: Duty[] = [{ person: 'li', from: at('00:00'), to: at('07:58'), note: '三号灯' }, { person: 'wang', from: at('07:59'), to: at('20:00'), note: '东门报修' }, { person: 'li', from: at('21:00'), to: at('22:00'), note: '无' }]
    const { duty, received, notes } = await reportOf(early, [], { duties })
    expect(duty.map(({ kind, person, from, to }) => [kind, person.name.zh, from, to])).toEqual([['desk', '王师傅', at('08:00'), at('20:00')], ['plan', '王师傅', at('08:00'), at('20:00')]])
    expect([received?.note, notes.map(({ note }) => note)]).toEqual(['三号灯', ['东门报修']])
  })
  it('tells of doors, terminals and devices, from the state in which they went into it', async () => {
    const door = (time: number, result: string) => event('access', time, { device: 'gate', door: 'east', result })
    const { doors, terminals, offline, calls, ratings } = await reportOf(early, [
      event('device', at('06:00'), { state: 'offline', reason: 'MODBUS_TIMEOUT' }, 'gate'), event('device', at('08:30'), { state: 'online' }, 'gate'), event('device', at('19:00'), { state: 'offline' }, 'kiosk'),
      door(at('09:00'), 'opened'), door(at('09:00'), 'granted'), door(at('09:05'), 'held-open'), door(at('21:00'), 'forced'),
      event('kiosk', at('07:30'), { kiosk: 'one', action: 'state', state: 'down', was: 'available', wasS: 60 }), event('kiosk', at('08:10'), { kiosk: 'one', action: 'state', state: 'available', was: 'down', wasS: 2_400 }),
      event('kiosk', at('10:00'), { kiosk: 'one', item: '12' }), event('request', at('11:00'), { device: 'kiosk' }), event('evaluation', at('11:00'), { device: 'kiosk', score: 1 }),
    ])
    expect(doors).toMatchObject({ list: [{ door: { id: 'east' }, opened: 1, denied: 0 }], highlights: [{ result: 'held-open' }], more: 0 })
    expect(terminals).toMatchObject([{ sessions: 1, downS: 600, limitedS: 0, state: 'available' }])
    expect(offline.list.map(({ device, from, to, reason }) => [device.id, from, to, reason])).toEqual([['gate', at('06:00'), at('08:30'), 'MODBUS_TIMEOUT'], ['kiosk', at('19:00'), null, null]])
    expect([calls, ratings]).toEqual([1, { n: 1, mean: 1, poor: 1 }])
  })
  it('of one that lasts ends now, and has what the desk still knows and the log does not', async () => {
    const alert = { id: 'ancient', key: 'k', ruleId: 'leak', severity: 2, title: { zh: '漏水', en: 'leak' }, data: {}, raisedAt: at('00:00') - 90 * day, lastRaisedAt: at('00:00') - 90 * day, changedAt: 0, state: 'raised', condition: 'active', count: 1, reopened: 0, escalation: 0, due: {}, timeline: [] } as const satisfies Alert
    expect(await reportOf(early, [], { now: at('12:00'), open: [alert] })).toMatchObject({ complete: false, to: at('12:00'), alerts: { open: 1, waiting: 1, raised: 0 }, open: { list: [{ id: 'ancient' }] } })
  })
  it('cuts what is too long and says how much', async () => {
    const { alerts, open } = await reportOf(early, Array.from({ length: 250 }, (_, n) => step(`a${n}`, 'raised', at('09:00') + n * minute)))
    expect([alerts.list.length, alerts.more, alerts.raised, open.list.length, open.more]).toEqual([200, 50, 250, 200, 50])
  })
})
