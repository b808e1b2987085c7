import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Effect, Json } from '../../gateway/contract/index.ts'
import { createAlertDesk, createEngine, createRules } from '../../rules/index.ts'
import { ruleSchema } from '../../rules/schema.ts'
import { reading } from '../support/points.ts'

const rules = () => createRules([
  { id: 'hot', point: 'hall.t', above: 30, for: '5s' }, { id: 'cold', point: 'hall.t', below: 10, for: '0s' }, { id: 'open', point: 'door.open', equals: true, for: '20s' },
].map((entry) => ruleSchema.parse({ kind: 'threshold', severity: 2, title: { zh: '题', en: 'title' }, ...entry })))

const desk = () => { let n = 0; return createAlertDesk({ newId: () => `alert-${++n}` }) }

describe('the rule engine', () => {
  it('gives a reading to the rules that watch its point, and wakes at the earliest', () => {
    const engine = createEngine(rules())
    engine.step([reading('door.open', true, 1_000), reading('hall.t', 31, 2_000), reading('other.x', 1, 3_000)])
    expect(engine.wakeAt()).toBe(7_000)
    expect(engine.tick(7_000).effects).toMatchObject([{ kind: 'raise', key: 'hot', at: 7_000 }])
    expect(engine.wakeAt()).toBe(21_000)
  })
  it('writes the state of the rules that changed, and of no other', () => {
    const engine = createEngine(rules())
    expect(engine.step([reading('hall.t', 31, 0)]).state.map(({ key }) => key)).toEqual(['rule/hot'])
    expect(engine.step([reading('hall.t', 20, 1)]).state.map(({ key }) => key)).toEqual(['rule/hot'])
    expect(engine.step([reading('hall.t', 21, 2)]).state).toEqual([])
    expect(engine.step([reading('other.x', 1, 0)])).toEqual({ effects: [], state: [] })
  })
  it('goes on with a wait that a restart interrupted', () => {
    const first = createEngine(rules())
    const { state } = first.step([reading('door.open', true, 1_000)])
    const second = createEngine(rules())
    second.restore(state.map(({ key, value }) => [key, value]))
    second.tick(2_000)
    expect(second.wakeAt()).toBe(21_000)
    expect(second.tick(21_000).effects).toMatchObject([{ kind: 'raise', key: 'open' }])
  })
})

describe('the alert desk', () => {
  const raise: Effect = { kind: 'raise', key: 'hot', ruleId: 'hot', severity: 2, at: 5, title: { zh: '热', en: 'hot' }, data: { value: 31 } }
  const clear: Effect = { kind: 'clear', key: 'hot', ruleId: 'hot', at: 9, data: { value: 20 } }

  it('makes one alert of one condition, however often it is raised', () => {
    const alerts = desk()
    const { events, state } = alerts.apply([raise, raise])
    expect(events).toMatchObject([{ stream: 'alert', type: 'alert', at: 5, subject: 'alert-1', data: { state: 'raised', severity: 2, value: 31 } }])
    expect(state.map(({ key }) => key)).toEqual(['alert/hot'])
    expect(alerts.open()).toHaveLength(1)
  })
  it('clears it under the same id and forgets it', () => {
    const alerts = desk()
    alerts.apply([raise])
    const { events, state } = alerts.apply([clear, clear])
    expect(events).toMatchObject([{ at: 9, subject: 'alert-1', data: { state: 'cleared', raisedAt: 5, value: 20 } }])
    expect(state).toEqual([{ key: 'alert/hot', value: null }])
    expect(alerts.open()).toEqual([])
  })
  it('remembers an open alert over a restart', () => {
    const { state } = desk().apply([raise])
    const again = desk()
    again.restore(state.map(({ key, value }) => [key, JSON.parse(JSON.stringify(value)) as Json]))
    expect(again.open()).toMatchObject([{ id: 'alert-1', key: 'hot' }])
    expect(again.apply([raise]).events).toEqual([])
    expect(again.apply([clear]).events).toMatchObject([{ subject: 'alert-1' }])
  })
  it('takes any JSON for a restore and keeps only alerts', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.jsonValue())), (entries) => {
      const alerts = desk()
      alerts.restore(entries as [string, Json][])
      expect(alerts.open()).toEqual([])
    }))
  })
})
