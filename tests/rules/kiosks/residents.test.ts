import { describe, expect, it } from 'vitest'
import type { Json, Rule, RuleInput } from '../../../gateway/contract/index.ts'
import { createResidents } from '../../../rules/kiosks/residents.ts'
import { residentsSchema } from '../../../rules/kiosks/schema.ts'

const rule = (more: object = {}): Rule => createResidents(residentsSchema.parse(more), { devices: new Map([['t1', { name: { zh: '终端 1', en: 'terminal 1' }, place: 'hall', kiosk: 'one' }], ['button', { name: { zh: '电梯', en: 'lift' } }]]) })
const say = (type: 'request' | 'evaluation', data: { readonly [key: string]: Json }, at: number, deviceId = 't1', sourceId: string | undefined = `e-${at}`): RuleInput => ({ occurrence: { deviceId, type, at, data, ...(sourceId ? { sourceId } : {}) }, receivedAt: at })
const keysOf = (one: Rule, ...inputs: readonly RuleInput[]): string[] => inputs.flatMap((input) => one.step(input).effects.map((effect) => ('key' in effect ? effect.key : effect.kind)))

describe('residents', () => {
  it('open an alert when they call, from any device', () => {
    expect(rule().step(say('request', { reason: 'lift stuck' }, 1_000)).effects).toMatchObject([{ kind: 'raise', severity: 2, momentary: true, at: 1_000, deviceId: 't1', place: 'hall', title: { zh: '终端 1有居民求助', en: 'a resident calls at terminal 1' }, data: { device: 't1', kiosk: 'one', reason: 'lift stuck', sourceId: 'e-1000' } }])
    expect(rule().step(say('request', {}, 1_000, 'button')).effects).toMatchObject([{ kind: 'raise', title: { en: 'a resident calls at lift' }, data: { reason: 'help' } }])
    expect(rule({ request: false }).step(say('request', {}, 1_000)).effects).toEqual([])
  })
  it('are one call while they press again, and another one later or for another reason', () => {
    const one = rule()
    const [first, again, other, later] = keysOf(one, say('request', {}, 0), say('request', {}, 30_000), say('request', { reason: 'smoke' }, 31_000), say('request', {}, 200_000))
    expect(first).toMatch(/^request\/t1\/[0-9a-f]{16}$/)
    expect(again).toBe(first)
    expect(new Set([first, other, later]).size).toBe(3)
    const restarted = rule()
    restarted.restore(JSON.parse(JSON.stringify(one.state())) as Json)
    expect(keysOf(restarted, say('request', {}, 210_000))).toEqual([later])
  })
  it('do not fill the list by a stuck button', () => {
    const one = rule()
    const keys = keysOf(one, ...Array.from({ length: 500 }, (_, n) => say('request', { reason: `r${n}` }, n * 1_000)))
    expect(new Set(keys).size).toBe(11)
    expect(JSON.stringify(one.state()).length).toBeLessThan(4_000)
  })
  it('give work with a poor rating, and none with a good one', () => {
    const poor = say('evaluation', { score: 1, session: 's-1', item: 'senior-card' }, 5)
    expect(rule().step(poor).effects).toMatchObject([{ kind: 'raise', severity: 4, momentary: true, data: { score: 1, session: 's-1', item: 'senior-card' } }])
    expect(rule().step(say('evaluation', { score: 3, session: 's-1' }, 5)).effects).toEqual([])
    expect(rule({ poorRatingSeverity: false }).step(poor).effects).toEqual([])
    for (const score of [0, 6, 2.5, '1', null, true]) expect(rule({ poorRating: 4 }).step(say('evaluation', { score }, 5)).effects).toEqual([])
  })
  it('report on the page behind a code: one alert a place and category, however often, with what they wrote last', () => {
    const one = createResidents(residentsSchema.parse({}), { devices: new Map([['t1', { name: { zh: '终端 1', en: 'terminal 1' }, place: 'hall', kiosk: 'one' }]]), places: new Map([['cellar', { zh: '地下室', en: 'cellar' }]]) })
    const report = (at: number, more: object = {}, device = 'residents') => say('request', { via: 'page', place: 'cellar', reason: 'water', ...more }, at, device)
    expect(keysOf(one, report(1), report(2, { text: '更多' }), report(3, { reason: 'lift' }))).toEqual(['report/place/cellar/water', 'report/place/cellar/water', 'report/place/cellar/lift'])
    const [effect] = one.step(report(4, { text: 'x'.repeat(500), photo: '0123456789abcdef' })).effects
    expect(effect).toMatchObject({ kind: 'raise', severity: 3, momentary: true, place: 'cellar', title: { zh: '居民报告：漏水、停水（地下室）' }, data: { reason: 'water', text: 'x'.repeat(200), photo: '0123456789abcdef' } })
    expect(effect).not.toHaveProperty('deviceId')
    expect(one.step(report(5, { place: undefined as never }, 't1')).effects).toMatchObject([{ key: 'report/t1/water', deviceId: 't1', place: 'hall', data: { kiosk: 'one' } }])
    expect(one.step(report(6, { reason: 'of another version' })).effects).toMatchObject([{ key: 'report/place/cellar/other' }])
    const quiet = createResidents(residentsSchema.parse({ page: { categories: [{ id: 'water', name: { zh: '水', en: 'water' }, severity: false }] } }), { devices: new Map() })
    expect(quiet.step(report(7)).effects).toEqual([])
    expect(keysOf(one, say('evaluation', { via: 'page', score: 1 }, 8), say('evaluation', { via: 'page', score: 2 }, 9), say('evaluation', { via: 'page', score: 1, place: 'cellar' }, 10, 'residents'))).toEqual(['rating/t1', 'rating/t1', 'rating/place/cellar'])
  })
  it('evaluate the alert they name; the same rating is the same act', () => {
    const rating = say('evaluation', { score: 2, alert: 'a1b2', text: 'nobody came' }, 5)
    const [act] = rule().step(rating).effects
    expect(act).toMatchObject({ kind: 'act', act: { act: 'evaluate', alert: 'a1b2', score: 2, text: 'nobody came', by: 't1', origin: 'resident' } })
    expect(rule().step(rating).effects).toEqual([act])
  })
})
