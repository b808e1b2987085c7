import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceState, Json, Rule, RuleInput } from '../../../gateway/contract/index.ts'
import { createKiosk } from '../../../rules/kiosks/kiosk.ts'
import { conditions } from '../../../rules/kiosks/availability.ts'
import { kioskSchema } from '../../../rules/kiosks/schema.ts'
import { reading } from '../../support/points.ts'
import { scale, seed } from '../../support/seed.ts'

const hour = 3_600_000
/** 1970-01-02, a Friday, 08:00 in Shanghai. */
const eight = 24 * hour
const device = (state: DeviceState, at: number, deviceId = 't1'): RuleInput => ({ device: { deviceId, state, at } })
const see = (point: string, value: number | string | boolean | null, at: number): RuleInput => ({ reading: reading(`t1.${point}`, value, at) })
const session = (at: number, data: { readonly [key: string]: Json } = { item: 'senior-card', result: 'done', durationS: 95 }): RuleInput => ({ occurrence: { deviceId: 't1', type: 'kiosk', at, data, sourceId: `s-${at}` }, receivedAt: at })

const services = new Map([['senior-card', { code: 'senior-card', name: { zh: '老年卡办理', en: 'senior card' } }]])
const kiosk = (more: object = {}) => createKiosk(kioskSchema.parse({
  id: 'one', name: { zh: '终端 1', en: 'terminal 1' }, device: 't1', hours: ['mon-fri 08:00-18:00'],
  peripherals: [{ id: 'paper', name: { zh: '纸张', en: 'paper' }, point: 't1.paper', min: 10 }, { id: 'printer', name: { zh: '打印机', en: 'printer' }, point: 't1.printer', ok: 'ok', required: true }], ...more,
}), { timezone: 'Asia/Shanghai', schedules: [], calendar: { holidays: [], workdays: [] }, services })

const told = (rule: Rule, ...inputs: readonly RuleInput[]): string[] => inputs.flatMap((input) => rule.step(input).effects.map((effect) => {
  if (effect.kind !== 'record') return `${effect.kind} ${'key' in effect ? effect.key : ''}`
  const { action, state, availableS, degradedS, downS, unknownS, outsideS } = effect.event.data
  return action === 'state' ? String(state) : `hour ${[availableS, degradedS, downS, unknownS, outsideS].join(' ')}`
}))
/** Ticks when they are wanted, until then. */
function run(rule: Rule, from: number, until: number): string[] {
  const out: string[] = []
  for (let at = from; at <= until;) {
    const step = rule.step({ tick: at })
    out.push(...step.effects.map((effect) => (effect.kind === 'record' ? String(effect.event.data.action) : effect.kind)))
    expect(step.wakeAt).toBeGreaterThan(at)
    at = step.wakeAt!
  }
  return out
}

describe('a terminal', () => {
  it('serves when it is online and its parts work', () => {
    const one = kiosk()
    expect(told(one, device('online', eight), see('paper', 80, eight), see('printer', 'ok', eight + 1))).toEqual(['available'])
    expect(told(one, see('paper', 5, eight + 60_000), see('paper', 50, eight + 120_000))).toEqual(['degraded', 'available'])
    expect(told(one, see('printer', 'jam', eight + 180_000))).toEqual(['down'])
    expect(told(one, { tick: eight + 239_999 }, { tick: eight + 240_000 }, see('printer', 'ok', eight + 300_000))).toEqual(['raise kiosk/one/down', 'available', 'clear kiosk/one/down'])
  })
  it('says what is wrong in both languages, with how long it was what before', () => {
    const one = kiosk()
    told(one, device('online', eight), see('printer', 'ok', eight))
    expect(one.step(device('offline', eight + 600_000)).effects).toMatchObject([{ event: { type: 'kiosk', subject: 't1', at: eight + 600_000, data: { device: 't1', kiosk: 'one', action: 'state', state: 'down', was: 'available', wasS: 600, why: 'device' } } }])
    expect(one.step({ tick: eight + 660_000 }).effects).toMatchObject([{ kind: 'raise', severity: 3, title: { zh: '终端 1服务中断：设备离线', en: 'terminal 1 out of service: device offline' }, deviceId: 't1', at: eight + 660_000 }])
  })
  it('is not called offline before it had time to come after a start', () => {
    const one = kiosk()
    expect(told(one, { tick: eight }, device('offline', eight + 1), device('online', eight + 5_000), see('printer', 'ok', eight + 5_000))).toEqual(['available'])
    expect(told(one, device('offline', eight + 6_000))).toEqual(['down'])
    expect(told(kiosk(), { tick: eight }, device('offline', eight + 1), { tick: eight + 29_999 }, { tick: eight + 30_001 })).toEqual(['down'])
  })
  it('is neither up nor down while nobody knows, and says so only when that lasts', () => {
    const one = kiosk()
    expect(told(one, { tick: eight }, { tick: eight + 29_999 })).toEqual([])
    expect(told(one, { tick: eight + 30_000 })).toEqual(['unknown'])
    expect(told(one, device('online', eight + 60_000), see('printer', 'ok', eight + 60_000), see('printer', null, eight + 61_000), see('printer', 'ok', eight + 70_000))).toEqual(['available'])
  })
  it('accounts for each hour against the service hours', () => {
    const one = kiosk()
    expect(told(one, device('online', eight), see('printer', 'ok', eight), device('offline', eight + 1_800_000), device('online', eight + 2_400_000), see('paper', 1, eight + 3_000_000), { tick: eight + hour })).toEqual(['available', 'down', 'available', 'degraded', 'hour 2400 600 600 0 0', 'raise kiosk/one/degraded'])
    expect(one.view(eight + hour + 60_000)).toMatchObject({ condition: 'degraded', why: ['paper'], hours: [{ from: eight + hour, ms: { degraded: 60_000 } }, { from: eight, ms: { available: 2_400_000 } }] })
  })
  it('has no alert and no event for a night, and an alert again in the morning', () => {
    const one = kiosk()
    told(one, device('online', eight + 9 * hour), see('printer', 'ok', eight + 9 * hour), device('offline', eight + 9.5 * hour))
    expect(run(one, eight + 9.5 * hour, eight + 9.9 * hour)).toEqual(['raise'])
    // 18:00: closed; 24 h later is Saturday, and nobody is served before Monday 08:00.
    expect(run(one, eight + 9.9 * hour, eight + 71.9 * hour)).toEqual(['availability', 'state', 'clear'])
    expect(run(one, eight + 71.95 * hour, eight + 73.01 * hour)).toEqual(['state', 'raise', 'availability'])
  })
  it('counts the time in which the gateway was off as unknown', () => {
    const one = kiosk()
    told(one, device('online', eight), see('printer', 'ok', eight), { tick: eight + 600_000 })
    const again = kiosk()
    again.restore(JSON.parse(JSON.stringify(one.state())) as Json)
    expect(told(again, { tick: eight + 1_200_000 }, device('online', eight + 1_200_001), see('printer', 'ok', eight + 1_200_001), { tick: eight + hour })).toEqual(['hour 3000 0 0 600 0'])
  })
  it('counts sessions by item and result, and keeps codes it does not know', () => {
    const one = kiosk()
    told(one, session(eight), session(eight + 1, { item: 'senior-card', result: 'cancelled' }), session(eight + 2, { item: 'who-knows', result: 'done' }))
    expect(one.view(eight + 3).sessions).toEqual({ count: 3, items: { 'senior-card': 2, 'who-knows': 1 }, results: { done: 2, cancelled: 1 } })
    expect(one.view(eight + 24 * hour).sessions.count).toBe(0)
    const of = (item: string) => one.enrich({ deviceId: 't1', type: 'kiosk', at: 0, data: { item } })
    expect([of('senior-card'), of('who-knows')]).toEqual([{ kiosk: 'one', itemZh: '老年卡办理', itemEn: 'senior card' }, { kiosk: 'one', itemKnown: false }])
    expect(one.enrich({ deviceId: 't2', type: 'kiosk', at: 0, data: {} })).toEqual({})
  })
  it('does not let hostile item codes fill its memory', () => {
    const one = kiosk()
    for (let n = 0; n < 1_000; n++) one.step(session(eight + n, { item: `x${n}`.repeat(1_000), result: `r${n}` }))
    one.step(session(eight + 2_000, { item: '__proto__', result: 'constructor' }))
    expect(one.view(eight + 2_001).sessions.count).toBe(1_001)
    expect(JSON.stringify(one.state()).length).toBeLessThan(60_000)
  })
  it('accounts for every millisecond once, whatever happens', () => {
    const happening = fc.tuple(fc.integer({ min: 0, max: 5 * hour }), fc.constantFrom('online', 'offline', 'jam', 'ok', 'lost', 'paper', 'no paper', 'tick', 'session', 'restart'))
    fc.assert(fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      let one: Rule = kiosk()
      let at = eight
      const sums: Record<string, number> = {}
      const give = (input: RuleInput): void => {
        for (const effect of one.step(input).effects) {
          if (effect.kind !== 'record' || effect.event.data.action !== 'availability') continue
          const { from, to } = effect.event.data
          expect(Number(to) - Number(from)).toBe(hour)
          expect(sums[String(from)]).toBeUndefined()
          sums[String(from)] = conditions.reduce((sum, each) => sum + Number(effect.event.data[`${each}S`]), 0)
        }
      }
      give({ tick: at })
      for (const [after, what] of happenings) {
        at += after
        if (what === 'restart') { const state = JSON.parse(JSON.stringify(one.state())) as Json; one = kiosk(); one.restore(state); give({ tick: at }) }
        else give(what === 'online' || what === 'offline' ? device(what, at) : what === 'jam' || what === 'ok' ? see('printer', what, at) : what === 'lost' ? see('printer', null, at) : what === 'session' ? session(at) : what === 'tick' ? { tick: at } : see('paper', what === 'paper' ? 50 : 1, at))
      }
      // Rounded to a second each.
      for (const sum of Object.values(sums)) expect(Math.abs(sum - 3_600)).toBeLessThanOrEqual(2)
    }), { seed, numRuns: 200 * scale })
  })
  it('is not confused by a wall clock that is set back', () => {
    const one = kiosk()
    told(one, device('online', eight + 5 * hour), see('printer', 'ok', eight + 5 * hour))
    const step = one.step({ tick: eight })
    expect(step.wakeAt).toBeGreaterThan(eight)
    expect(told(one, { tick: eight + hour })).toEqual(['hour 3600 0 0 0 0'])
    // Ten minutes that the clock shows twice are no hour of seventy minutes.
    expect(told(one, { tick: eight + hour + 1_800_000 }, { tick: eight + hour + 1_200_000 }, { tick: eight + 2 * hour })).toEqual(['hour 3600 0 0 0 0'])
  })
  it('takes any JSON for a restore', () => {
    fc.assert(fc.property(fc.jsonValue(), (state) => {
      const one = kiosk()
      one.restore(state as Json)
      one.step({ tick: eight })
      one.view(eight)
    }), { seed })
  })
})
