import { describe, expect, it } from 'vitest'
import { createEngine, createRules } from '../../rules/index.ts'
import { ruleSchema } from '../../rules/schema.ts'
import { reading } from '../support/points.ts'

const rules = () => createRules([
  { id: 'hot', point: 'hall.t', above: 30, for: '5s' }, { id: 'cold', point: 'hall.t', below: 10, for: '0s' }, { id: 'open', point: 'door.open', equals: true, for: '20s' },
].map((entry) => ruleSchema.parse({ kind: 'threshold', severity: 2, title: { zh: '题', en: 'title' }, ...entry })))

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
