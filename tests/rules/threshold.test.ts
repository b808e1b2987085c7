import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Effect, Json, Reading, RuleInput } from '../../gateway/contract/index.ts'
import { createThreshold } from '../../rules/threshold.ts'
import { thresholdSchema, type ThresholdConfig } from '../../rules/schema.ts'
import { reading } from '../support/points.ts'

const config = (overrides: object = {}): ThresholdConfig => thresholdSchema.parse({
  id: 'hot', kind: 'threshold', point: 'hall.t', above: 30, hysteresis: 1, for: '5s', severity: 3, title: { zh: '过热', en: 'too hot' }, ...overrides,
})
const at = (seconds: number, value: Reading['value'], overrides: Partial<Reading> = {}): RuleInput => ({ reading: reading('hall.t', value, seconds * 1_000, overrides) })
const tick = (seconds: number): RuleInput => ({ tick: seconds * 1_000 })

function play(inputs: readonly RuleInput[], rule = createThreshold(config())): Effect[] {
  return inputs.flatMap((input) => rule.step(input).effects)
}
const brief = (effects: readonly Effect[]) => effects.map((effect) => [effect.kind, 'at' in effect ? effect.at / 1_000 : null])

describe('a threshold', () => {
  it('raises when the value has stayed above for long enough, at the moment it was due', () => {
    expect(brief(play([at(0, 29), at(1, 31), tick(5.9), tick(6.2)]))).toEqual([['raise', 6]])
  })
  it('says when it wants to be woken', () => {
    const rule = createThreshold(config())
    expect(rule.step(at(1, 31)).wakeAt).toBe(6_000)
    expect(rule.step(at(2, 29)).wakeAt).toBeUndefined()
  })
  it('does not raise for a peak shorter than the wait', () => {
    expect(play([at(1, 31), at(5, 29), tick(10), at(11, 31), tick(15)])).toEqual([])
  })
  it('raises what was due before a late reading took it back, and then clears', () => {
    expect(brief(play([at(1, 31), at(20, 25)]))).toEqual([['raise', 6], ['clear', 20]])
  })
  it('clears only beyond the hysteresis', () => {
    expect(brief(play([at(0, 31), tick(5), at(6, 29.5), at(7, 29)]))).toEqual([['raise', 5], ['clear', 7]])
  })
  it('neither raises nor clears on a bad value, and waits afresh after it', () => {
    const bad = { quality: 'bad' as const }
    expect(brief(play([at(0, 31), at(3, null, bad), tick(6), at(7, 31), tick(11), tick(12)]))).toEqual([['raise', 12]])
    expect(brief(play([at(0, 31), tick(5), at(6, null, bad), tick(60)]))).toEqual([['raise', 5]])
  })
  it('takes an uncertain value for what it says', () => {
    expect(brief(play([at(0, 99, { quality: 'uncertain' }), tick(5)]))).toEqual([['raise', 5]])
  })
  it('ignores a reading older than the newest', () => {
    expect(brief(play([at(0, 31), tick(5), at(10, 31), at(2, 20, { receivedAt: 10_500 })]))).toEqual([['raise', 5]])
  })
  it('raises at once without a wait, also on equality and below', () => {
    expect(brief(play([at(1, true)], createThreshold(config({ above: undefined, hysteresis: 0, equals: true, for: '0s' }))))).toEqual([['raise', 1]])
    expect(brief(play([at(1, 9), at(2, 10), at(3, 12)], createThreshold(config({ above: undefined, below: 10, hysteresis: 2, for: '0s' }))))).toEqual([['raise', 1], ['clear', 3]])
  })
  it('refuses a site entry with two limits or none', () => {
    for (const wrong of [{ below: 3 }, { above: undefined }]) {
      const result = thresholdSchema.safeParse({ id: 'hot', kind: 'threshold', point: 'hall.t', above: 30, severity: 3, title: { zh: '热', en: 'hot' }, ...wrong })
      expect(result.error!.issues[0]!.message).toMatch(/exactly one of above, below, equals/)
    }
  })
})

const inputs = fc.array(fc.record({
  gap: fc.integer({ min: 0, max: 8_000 }),
  what: fc.oneof(fc.double({ min: 25, max: 35, noNaN: true }), fc.constant(null), fc.constant('tick' as const)),
}), { maxLength: 40 }).map((steps) => {
  let now = 0
  return steps.map(({ gap, what }): RuleInput => { now += gap; return what === 'tick' ? { tick: now } : at(now / 1_000, what) })
})

describe('laws of a threshold', () => {
  it('the same inputs give the same effects', () => {
    fc.assert(fc.property(inputs, (list) => { expect(play(list)).toEqual(play(list)) }))
  })
  it('a restart in the middle changes nothing', () => {
    fc.assert(fc.property(inputs, fc.nat(40), (list, cut) => {
      const first = createThreshold(config())
      const before = play(list.slice(0, cut), first)
      const second = createThreshold(config())
      second.restore(JSON.parse(JSON.stringify(first.state())) as Json)
      expect([...before, ...play(list.slice(cut), second)]).toEqual(play(list))
    }))
  })
  it('raise and clear take turns, and nothing is raised without a value above the limit', () => {
    fc.assert(fc.property(inputs, (list) => {
      const effects = play(list)
      effects.forEach((effect, index) => expect(effect.kind).toBe(index % 2 === 0 ? 'raise' : 'clear'))
      for (const effect of effects) if (effect.kind === 'raise') expect(effect.data.value).toBeGreaterThan(30)
    }))
  })
  it('more ticks raise nothing else: each alert keeps its moment', () => {
    fc.assert(fc.property(inputs, (list) => {
      const readings = list.filter((input) => 'reading' in input)
      const dense = readings.flatMap((input, index) => {
        const next = readings[index + 1]
        const from = input.reading.at
        const to = next ? next.reading.at : from
        return [input, ...[0.3, 0.7].map((share) => ({ tick: from + (to - from) * share }))]
      })
      expect(play(dense)).toEqual(play(readings))
    }))
  })
  it('any JSON may be restored', () => {
    fc.assert(fc.property(fc.jsonValue(), (state) => {
      const rule = createThreshold(config())
      rule.restore(state as Json)
      rule.step(tick(1))
      rule.step(at(2, 31))
    }))
  })
})
