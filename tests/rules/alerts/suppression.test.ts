import { describe, expect, it } from 'vitest'
import type { FacilityDevice } from '../../../gateway/contract/index.ts'
import { clear, DeskBench, minute, raise, t0 } from '../../support/alerts.ts'

const devices = new Map<string, FacilityDevice>(Array.from({ length: 41 }, (_, n) => [`m-${n}`, { id: `m-${n}`, name: { zh: '表', en: 'meter' }, connectionId: n < 40 ? 'bus' : 'other' }]))
const told = { notify: ['wecom'], mention: [] }
const house = (config: object = {}) => new DeskBench({ facility: { devices }, roster: { first: () => told, steps: () => [{ afterMs: minute, until: 'acknowledged' }], escalate: () => told }, config: { flood: { alerts: 1_000 }, ...config } })
const bus = (at: number) => raise({ key: 'gateway/connection/bus/offline', ruleId: 'gateway', severity: 2, at, title: { zh: '总线', en: 'bus' }, data: { connection: 'bus' } })
const busBack = (at: number) => clear({ key: 'gateway/connection/bus/offline', ruleId: 'gateway', at })
const offline = (n: number, at: number, severity: 2 | 3 = 3) => raise({ key: `m-${n}/offline`, ruleId: 'offline', severity, at, deviceId: `m-${n}`, data: {} })
const notified = (bench: DeskBench) => bench.events.filter(({ data }) => data.notify).map(({ data }) => data.key)

describe('a dead bus', () => {
  it('raises one alert, not forty, and its children close with it', () => {
    const bench = house()
    bench.apply(bus(t0))
    for (let n = 0; n < 40; n++) bench.apply(offline(n, t0 + n * 1_000))
    expect(notified(bench)).toEqual(['gateway/connection/bus/offline'])
    expect(bench.desk.summary(t0 + minute)).toMatchObject({ open: { 2: 1, 3: 0 }, waiting: 1, suppressed: 40 })
    expect(bench.alert(bench.desk.open().find(({ key }) => key === 'm-7/offline')!.id)).toMatchObject({ suppressedBy: 'gateway/connection/bus/offline', due: {} })
    expect(bench.desk.open().filter(({ escalation }) => escalation > 0)).toEqual([])
    bench.apply(busBack(t0 + 10 * minute))
    for (let n = 0; n < 40; n++) bench.apply(clear({ key: `m-${n}/offline`, ruleId: 'offline', at: t0 + 10 * minute + n }))
    bench.tick(t0 + 11 * minute)
    expect(bench.desk.open()).toEqual([])
    expect(notified(bench)).toHaveLength(1)
  })
  it('adopts what was raised shortly before, and devices that were found out one by one', () => {
    const bench = house()
    for (let n = 0; n < 5; n++) bench.apply(offline(n, t0 + n * 10_000))
    bench.apply(raise({ key: 'stale', deviceId: 'm-1', severity: 3, at: t0 + 45_000 }), raise({ key: 'old', deviceId: 'm-1', severity: 3, at: t0 }))
    bench.apply(bus(t0 + 48_000))
    expect(bench.desk.open().filter(({ suppressedBy }) => suppressedBy === undefined).map(({ key }) => key)).toEqual(['gateway/connection/bus/offline', 'old'])
    expect(bench.steps().filter((step) => step === 'suppressed')).toHaveLength(6)
  })
  it('does not hide what is graver, what is elsewhere, what somebody took up, or another rule\'s alert of its own weight', () => {
    const bench = house()
    bench.apply(bus(t0))
    bench.apply(raise({ key: 'smoke', severity: 1, deviceId: 'm-1' }), raise({ key: 'forced', severity: 2, deviceId: 'm-1' }), offline(40, t0), raise({ key: 'nowhere', severity: 3 }))
    expect(bench.desk.open().some(({ suppressedBy }) => suppressedBy !== undefined)).toBe(false)
    // But forty that only say "offline" as loudly as the bus itself are explained by it.
    bench.apply(offline(3, t0, 2))
    expect(bench.desk.open().find(({ key }) => key === 'm-3/offline')!.suppressedBy).toBe('gateway/connection/bus/offline')
  })
  it('lets go of what stays when it is back: that is told then, with deadlines from then', () => {
    const bench = house()
    bench.apply(bus(t0), offline(1, t0), offline(2, t0))
    bench.apply(busBack(t0 + minute))
    const again = bench.restarted()
    for (const one of [again]) {
      one.apply(clear({ key: 'm-2/offline', ruleId: 'offline', at: t0 + minute + 1_000 }))
      one.tick(t0 + minute + 6_000)
      expect(one.desk.open()).toMatchObject([{ key: 'm-1/offline', due: { acknowledge: t0 + minute + 6_000 + 30 * minute } }])
      expect(notified(one)).toEqual(['gateway/connection/bus/offline', 'm-1/offline'])
    }
  })
  it('a bus that comes back for a moment lets nothing go', () => {
    const bench = house()
    bench.apply(bus(t0), offline(1, t0))
    bench.apply(busBack(t0 + minute), bus(t0 + minute + 2_000))
    bench.tick(t0 + minute + 10_000)
    expect(bench.desk.open().find(({ key }) => key === 'm-1/offline')!.suppressedBy).toBe('gateway/connection/bus/offline')
  })
  it('a device that is offline explains its own other alerts', () => {
    const bench = house()
    bench.apply(raise({ key: 'kiosk/x/offline', severity: 2, deviceId: 'm-40' }), raise({ key: 'paper', severity: 4, deviceId: 'm-40' }))
    expect(bench.desk.open().map(({ key, suppressedBy }) => [key, suppressedBy])).toEqual([['kiosk/x/offline', undefined], ['paper', 'kiosk/x/offline']])
  })
})
