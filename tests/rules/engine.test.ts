import { describe, expect, it } from 'vitest'
import type { DeviceStatus, Occurrence, Rule, RuleInput } from '../../gateway/contract/index.ts'
import { createEngine } from '../../rules/engine.ts'
import { meter, rule, start, timer, write } from '../support/engine-rules.ts'
import { reading } from '../support/points.ts'

const rules = () => [timer('open', 'door.open', 20_000), timer('move', 'hall.move', 5_000), timer('smoke', 'hall.move', 0)]

/** After its first tick, which every rule is given. */
function started(list: readonly Rule[], at = 0, options: Parameters<typeof createEngine>[1] = {}) {
  const engine = createEngine(list, options)
  expect(engine.wakeAt()).toBe(-Infinity)
  engine.tick(at)
  return engine
}

/** Writes down what it is given. */
function witness(id: string, overrides: Partial<Rule> = {}) {
  const seen: RuleInput[] = []
  return { seen, rule: rule(id, (input) => { seen.push(input); return {} }, overrides) }
}

const cardRead: Occurrence = { deviceId: 'door', type: 'access', at: 5, data: { reader: 1 } }
const offline: DeviceStatus = { deviceId: 'door', state: 'offline', at: 6 }

describe('the rule engine', () => {
  it('gives a reading to the rules that watch its point, and wakes at the earliest', () => {
    const engine = started(rules())
    engine.step([reading('door.open', true, 1_000), reading('hall.move', true, 2_000), reading('other.x', 1, 3_000)])
    expect(engine.wakeAt()).toBe(2_000)
    expect(engine.tick(2_000).effects).toMatchObject([{ kind: 'raise', key: 'smoke', at: 2_000 }, { kind: 'write' }])
    expect(engine.wakeAt()).toBe(7_000)
    expect(engine.tick(7_000).effects).toMatchObject([{ kind: 'raise', key: 'move', at: 7_000 }, { kind: 'write' }])
    expect(engine.wakeAt()).toBe(21_000)
  })
  it('gives occurrences and device states to the rules of their device, in order, and once to one that names it twice', () => {
    const [door, hall] = [witness('a', { devices: ['door', 'door'], watches: ['door.open', 'door.open'] }), witness('b', { devices: ['hall'] })]
    const engine = createEngine([door.rule, hall.rule])
    const inputs: RuleInput[] = [{ occurrence: cardRead, receivedAt: 7 }, { device: offline }]
    engine.step([reading('door.open', true, 4)], inputs)
    expect(door.seen).toEqual([{ reading: reading('door.open', true, 4) }, ...inputs])
    expect(hall.seen).toEqual([])
  })
  it('does nothing for what no rule watches', () => {
    const engine = started([witness('a', { watches: ['hall.t'] }).rule])
    const [one, two] = [engine.step([reading('other.x', 1, 0)], [{ device: offline }]), engine.step([reading('other.x', 2, 1)])]
    expect(one).toEqual({ effects: [], state: [] })
    expect(two).toBe(one)
  })
  it('lets a rule start a scene, in the place of its effect, and gives the effect to nobody else', () => {
    const scene = rule('evening', (input) => ('start' in input ? { effects: [write('evening', input.at, 'hall.lamp')] } : {}))
    const starter = rule('dusk', (input) => ('reading' in input ? { effects: [write('dusk', 1, 'hall.a'), start('dusk', 'evening', 1), write('dusk', 1, 'hall.b')] } : {}), { watches: ['hall.lux'] })
    expect(started([starter, scene]).step([reading('hall.lux', 3, 1)]).effects.map((effect) => ('point' in effect ? effect.point : effect.kind))).toEqual(['hall.a', 'hall.lamp', 'hall.b'])
  })
  it('ends scenes that start each other, and a rule that starts what does not exist', () => {
    const loop = (id: string, next: string) => rule(id, (input) => ('start' in input || 'reading' in input ? { effects: [start(id, next, 1)] } : {}), { watches: id === 'a' ? ['x.y'] : [] })
    const engine = started([loop('a', 'b'), loop('b', 'a'), rule('c', (input) => ('reading' in input ? { effects: [start('c', 'gone', 1)] } : {}), { watches: ['x.y'] })])
    engine.step([reading('x.y', 1, 1)])
    expect(engine.status().quarantined.map(({ code }) => code).toSorted()).toEqual(['RULE_LOOP', 'RULE_SCENE_UNKNOWN'])
  })
  it('gives every rule its first tick, also one that was given something before', () => {
    const one = witness('a', { watches: ['hall.t'] })
    const engine = createEngine([one.rule])
    engine.step([reading('hall.t', 1, 5)])
    engine.tick(6)
    expect(one.seen).toEqual([{ reading: reading('hall.t', 1, 5) }, { tick: 6 }])
    expect(engine.wakeAt()).toBe(60_005)
  })
  it('gives a tick to all that wait when the clock was set back: by a tick, or by what comes in', () => {
    const waits = (id: string, watches: readonly string[] = []) => witness(id, { watches })
    const [a, b] = [timer('a', 'door.open', 5_000), waits('b')]
    const engine = started([a, b.rule, rule('c', () => ({ wakeAt: 3_700_000 }))], 3_600_000)
    engine.step([reading('door.open', true, 3_600_500)])
    expect(engine.wakeAt()).toBe(3_605_500)
    engine.step([reading('door.open', true, 1_000)])
    expect(engine.wakeAt()).toBe(-Infinity)
    engine.tick(1_001)
    expect(engine.wakeAt()).toBeGreaterThan(1_001)
    expect(b.seen).toEqual([{ tick: 3_600_000 }])
    const told: RuleInput[] = []
    const other = started([rule('d', (input) => { told.push(input); return { wakeAt: 9_000_000 } })], 3_600_000)
    other.tick(1_000)
    other.tick(1_500)
    expect(told).toEqual([{ tick: 3_600_000 }, { tick: 1_000 }])
  })
  it('never gives a rule a tick again and again for a moment that has come', () => {
    let ticks = 0
    const engine = started([rule('stuck', () => { ticks++; return { wakeAt: 0 } })], 10)
    expect(engine.wakeAt()).toBe(1_010)
    engine.tick(1_010)
    expect(ticks).toBe(2)
  })
})

describe('a rule that fails', () => {
  const broken = (id: string, when: (input: RuleInput) => boolean) => rule(id, (input) => { if (when(input)) throw new TypeError('no such thing'); return { effects: [], wakeAt: 99 } }, { watches: ['hall.t'] })

  it('is set aside alone, told once, and listed', () => {
    const failures: unknown[] = []
    const good = witness('good', { watches: ['hall.t'] })
    const engine = started([broken('bad', (input) => 'reading' in input), good.rule], 0, { onFailure: (id, error) => failures.push(id, error) })
    expect(engine.step([reading('hall.t', 1, 7)]).effects).toMatchObject([{ kind: 'raise', key: 'rule/bad/failed', ruleId: 'gateway', severity: 3, at: 7, data: { failed: 'bad', code: 'INTERNAL', detail: 'no such thing' } }])
    expect(engine.step([reading('hall.t', 2, 8)]).effects).toEqual([])
    expect(good.seen).toHaveLength(3)
    expect(engine.wakeAt()).toBe(60_000)
    expect(engine.status()).toEqual({ rules: 2, waiting: 0, quarantined: [{ id: 'bad', at: 7, code: 'INTERNAL', detail: 'no such thing' }] })
    expect(failures).toEqual(['bad', expect.any(TypeError)])
  })
  it('is also set aside where its state cannot be told, or not be read, or its wish makes no sense', () => {
    const bad = { state: (): never => { throw new TypeError('circular') }, restore: (): never => { throw new TypeError('old') } }
    const list = [rule('a', () => ({ changed: true }), { state: bad.state }), rule('b', () => ({}), { restore: bad.restore }), rule('c', () => ({ wakeAt: Number.NaN })), rule('d', () => ({ changed: true }))]
    const engine = createEngine(list)
    engine.restore([['rule/b', 1]])
    const { effects, state } = engine.tick(5)
    expect(effects.map((effect) => 'key' in effect && effect.key).toSorted()).toEqual(['rule/a/failed', 'rule/b/failed', 'rule/c/failed'])
    expect(state).toEqual([{ key: 'rule/d', value: null }])
    expect(engine.status().quarantined).toHaveLength(3)
    expect(engine.checkpoint()).toEqual([])
  })
  it('has its alert cleared by the next life in which it works, and only then', () => {
    const engine = createEngine([broken('bad', () => true), rule('healed', () => ({})), rule('other', () => ({}))], { failed: ['bad', 'healed'] })
    expect(engine.tick(5).effects).toMatchObject([{ kind: 'raise', key: 'rule/bad/failed' }, { kind: 'clear', key: 'rule/healed/failed', ruleId: 'gateway', at: 5 }])
    expect(engine.tick(6).effects).toEqual([])
  })
})

describe('what rules remember', () => {
  it('is written with the batch where it must not be forgotten, and of no other rule', () => {
    const engine = started(rules())
    expect(engine.step([reading('door.open', true, 10)]).state).toEqual([{ key: 'rule/open', value: { since: 10, fired: false } }])
    expect(engine.step([reading('door.open', true, 11)]).state).toEqual([])
    expect(engine.tick(20_010).state).toEqual([{ key: 'rule/open', value: { since: 10, fired: true } }])
    expect(engine.step([reading('door.open', false, 30_000)]).state).toEqual([{ key: 'rule/open', value: { since: null, fired: false } }])
  })
  it('is written once a minute otherwise, if it is news, a hundred rules at a time', () => {
    const engine = createEngine(Array.from({ length: 250 }, (_, n) => meter(`m${n}`, 'hall.energy')))
    engine.tick(0)
    engine.step([reading('hall.energy', 3, 1_000)])
    expect(engine.wakeAt()).toBe(60_000)
    const portions: number[] = []
    for (let at = engine.wakeAt(); at !== undefined && at < 70_000; at = engine.wakeAt()) portions.push(engine.tick(at).state.length)
    expect(portions).toEqual([100, 100, 50])
    engine.step([reading('hall.energy', 0, 90_000)])
    expect(engine.wakeAt()).toBe(150_000)
    expect(engine.tick(150_000).state).toEqual([])
  })
  it('is written at a clean stop', () => {
    const engine = started([meter('m', 'hall.energy'), timer('t', 'door.open', 5_000)])
    engine.step([reading('hall.energy', 3, 1_000)])
    expect(engine.checkpoint()).toEqual(expect.arrayContaining([{ key: 'rule/m', value: 3 }]))
    expect(engine.checkpoint()).toEqual([])
  })
  it('is written again where the store refused it', () => {
    const engine = started([timer('t', 'door.open', 500_000)])
    engine.checkpoint()
    const { state } = engine.step([reading('door.open', true, 1_000)])
    engine.unwritten([...state, { key: 'alert/x', value: null }], 1_000)
    expect(engine.wakeAt()).toBe(61_000)
    expect(engine.tick(61_000).state).toEqual(state)
  })
})
