import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Effect, Json, Rule, RuleInput } from '../../../gateway/contract/index.ts'
import { brief, inputOf, points, start, title } from '../conditions/support.ts'
import { reading } from '../../support/points.ts'
import { facilityOf } from '../../support/facility.ts'
import { rulesOf } from '../../support/rules.ts'

const night: readonly object[] = [
  { write: { point: 'relays.fan', value: false } }, { wait: '10s' }, { write: { point: 'relays.pump', value: true, onlyIf: '!wet' } }, { notify: { channels: ['duty'], text: { zh: '{t}', en: '{t}' } } }, { wait: '20s' }, { publish: { topic: 'night', payload: { t: '{t}' } } }, { raise: { severity: 4, title } },
]
const scene = (entry: object = {}): Rule => rulesOf({ scenes: [{ id: 'night', inputs: { wet: 'leak.wet', t: 'hall.t' }, steps: night, ...entry }] }, facilityOf(points))[0]!
const begin = (seconds: number): RuleInput => ({ start: 'night', at: start + seconds * 1_000 })
const give = (rule: Rule, inputs: readonly RuleInput[]): Effect[] => inputs.flatMap((input) => rule.step(input).effects)
const dry = inputOf([0, 'leak.wet', false])

describe('a scene', () => {
  it('does its steps in order, each at its own moment, however late the tick', () => {
    expect(brief(give(scene(), [dry, begin(1), inputOf([100, 'tick'])]))).toEqual([['write', 1, 'relays.fan=false'], ['write', 11, 'relays.pump=true'], ['notify', 11, 'duty'], ['publish', 31, 'night'], ['raise', 31, 'night/6']])
  })
  it('says when it wants to be woken, and rests at the end', () => {
    const rule = scene()
    expect([rule.step(dry).wakeAt, rule.step(begin(1)).wakeAt, rule.step(inputOf([11, 'tick'])).wakeAt, rule.step(inputOf([31, 'tick'])).wakeAt]).toEqual([undefined, start + 11_000, start + 31_000, undefined])
  })
  it('asks an interlock when its step has come', () => {
    expect(brief(give(scene(), [dry, begin(1), inputOf([5, 'leak.wet', true]), inputOf([12, 'tick'])]))).toEqual([['write', 1, 'relays.fan=false'], ['record', 11, 'RULE_INTERLOCK'], ['notify', 11, 'duty']])
  })
  it('ignores a second start, or begins anew', () => {
    expect(brief(give(scene(), [dry, begin(1), begin(5), inputOf([12, 'tick'])]))).toEqual([['write', 1, 'relays.fan=false'], ['write', 11, 'relays.pump=true'], ['notify', 11, 'duty']])
    expect(brief(give(scene({ again: 'restart' }), [dry, begin(1), begin(5), inputOf([16, 'tick'])]))).toEqual([['write', 1, 'relays.fan=false'], ['write', 5, 'relays.fan=false'], ['write', 15, 'relays.pump=true'], ['notify', 15, 'duty']])
  })
  it('is begun by its own name only', () => {
    expect(give(scene(), [{ start: 'day', at: start }])).toEqual([])
  })
  it('rests after it was written anew, rather than going on in the middle of something else', () => {
    const first = scene()
    give(first, [dry, begin(1)])
    const second = scene({ steps: [{ write: { point: 'relays.pump', value: true } }] })
    second.restore(JSON.parse(JSON.stringify(first.state())) as Json)
    expect(give(second, [inputOf([100, 'tick'])])).toEqual([])
  })
})

describe('laws of a scene', () => {
  const inputs = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 15_000 }), what: fc.constantFrom('start', 'tick', 'wet', 'dry') }), { maxLength: 20 }).map((steps) => {
    let at = start
    return steps.map(({ gap, what }): RuleInput => { at += gap; return what === 'start' ? { start: 'night', at } : what === 'tick' ? { tick: at } : { reading: reading('leak.wet', what === 'wet', at) } })
  })
  it('a restart anywhere changes nothing', () => {
    fc.assert(fc.property(inputs, fc.nat(20), fc.constantFrom('restart', 'ignore'), (list, cut, again) => {
      const first = scene({ again })
      const before = give(first, list.slice(0, cut))
      const second = scene({ again })
      second.restore(JSON.parse(JSON.stringify(first.state())) as Json)
      expect([...before, ...give(second, list.slice(cut))]).toEqual(give(scene({ again }), list))
    }))
  })
  it('any JSON may be restored', () => {
    fc.assert(fc.property(fc.jsonValue(), inputs, (state, list) => {
      const rule = scene()
      rule.restore(state as Json)
      rule.restore({ ...rule.state() as object, at: state, inputs: { wet: state }, hands: state } as Json)
      give(rule, list)
    }))
  })
})
