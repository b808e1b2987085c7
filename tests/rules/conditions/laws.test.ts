/* oxlint-disable unicorn/no-thenable -- a word of the site file; nobody awaits it */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Effect, Json, Reading, Rule, RuleInput } from '../../../gateway/contract/index.ts'
import { reading } from '../../support/points.ts'
import { scale } from '../../support/seed.ts'
import { condition, play, restarted, start } from './support.ts'

/** Rules that use everything there is; whatever happens to one must hold for all. */
const makers: readonly (readonly [string, () => Rule])[] = [
  { when: 't > 30', for: '5s' }, { when: 't > 30', clear: 't < 28', for: '3s', clearFor: '4s' }, { when: 'avg(t, 1m) > 30 || max(u, 30s) > 30' }, { when: 'delta(t, 1m) > 3 && rate(t, 1m) > 10' },
  { when: 'stale(t, 20s) || stale(wet, 25s)', for: '2s' }, { when: 'open && since(open) >= 20s' }, { when: 'since(t) + 3s > 10s' }, { when: 'changed(open) || changed(t) && t > 31' }, { when: 'changed(open)', clear: 'since(open) > 8s', clearFor: '2s' },
  { when: 'count(open, 30s) >= 2', unknown: 'raise', for: '3s' }, { when: 't > u', unknown: 'clear', for: '3s' }, { when: 't > u && open', noticeAfter: '20s' }, { when: 'minute() % 2 == 0 && t > 29', during: 'odd' }, { when: `bad(t) || mode == 'x'`, then: [{ write: { point: 'relays.fan', value: true, onlyIf: '!fan' } }], otherwise: [{ publish: { topic: 'x', payload: { t: '{t}' } } }], writes: { atMost: 2, per: '30s' } },
].map((entry) => [entry.when, () => condition(entry, { schedules: [{ id: 'odd', cron: '1-59/2 * * * *', lasts: '45s' }] })])

const pieces = fc.oneof(
  fc.tuple(fc.constantFrom('hall.t', 'hall.u'), fc.option(fc.integer({ min: 26, max: 34 }), { freq: 5 })), fc.tuple(fc.constantFrom('door.open', 'leak.wet', 'relays.fan'), fc.option(fc.boolean(), { freq: 5 })),
  fc.tuple(fc.constant('panel.mode'), fc.constantFrom('x', 'y')), fc.constant('tick' as const),
)
const histories = fc.array(fc.record({ gap: fc.oneof(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 40_000 })), what: pieces }), { minLength: 1, maxLength: 40 }).map((steps) => {
  let at = start
  return steps.map(({ gap, what }): RuleInput => { at += gap; return what === 'tick' ? { tick: at } : { reading: reading(what[0], what[1] as Reading['value'], at) } })
})
const rules = fc.constantFrom(...makers)
const give = (rule: Rule, inputs: readonly RuleInput[]): Effect[] => inputs.flatMap((input) => rule.step(input).effects)
const timeOf = (input: RuleInput): number => ('reading' in input ? input.reading.at : 'tick' in input ? input.tick : 0)

/** A tick whenever the rule asks for one, and some it did not ask for. */
function punctually(rule: Rule, inputs: readonly RuleInput[], odd: readonly number[]): Effect[] {
  const effects: Effect[] = []
  let wakeAt: number | undefined
  const take = (input: RuleInput): void => { const step = rule.step(input); effects.push(...step.effects); wakeAt = step.wakeAt }
  for (const input of inputs) {
    for (let guard = 0; wakeAt !== undefined && wakeAt < timeOf(input) && guard < 5_000; guard++) take({ tick: wakeAt + (odd[guard % odd.length] ?? 0) < timeOf(input) ? wakeAt + (odd[guard % odd.length] ?? 0) : timeOf(input) })
    take(input)
  }
  return effects
}

describe('laws of a condition', () => {
  it('the same inputs give the same effects', () => {
    fc.assert(fc.property(rules, histories, ([, make], inputs) => { expect(give(make(), inputs)).toEqual(give(make(), inputs)) }), { numRuns: 200 * scale })
  })
  it('a restart anywhere changes nothing', () => {
    fc.assert(fc.property(rules, histories, fc.nat(40), ([, make], inputs, cut) => {
      const first = make()
      const before = give(first, inputs.slice(0, cut))
      expect([...before, ...give(restarted(first, make()), inputs.slice(cut))]).toEqual(give(make(), inputs))
    }), { numRuns: 400 * scale })
  })
  it('ticks on time, late or superfluous change nothing: each effect has its own moment', () => {
    fc.assert(fc.property(rules, histories, fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 4 }), ([, make], inputs, odd) => {
      expect(punctually(make(), inputs, odd)).toEqual(give(make(), inputs))
    }), { numRuns: 400 * scale })
  })
  it('raise and clear take turns, unless nothing can clear it', () => {
    fc.assert(fc.property(rules, histories, ([, make], inputs) => {
      const own = give(make(), inputs).filter((effect) => (effect.kind === 'raise' || effect.kind === 'clear') && effect.key === 'r')
      if (own.some((effect) => effect.kind === 'raise' && effect.momentary)) return
      own.forEach((effect, index) => expect(effect.kind).toBe(index % 2 === 0 ? 'raise' : 'clear'))
    }), { numRuns: 200 * scale })
  })
  it('time of effects never goes back', () => {
    fc.assert(fc.property(rules, histories, ([, make], inputs) => {
      const times = give(make(), inputs).map((effect) => (effect.kind === 'record' ? effect.event.at : effect.at))
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    }), { numRuns: 200 * scale })
  })
  it('what is bad or missing never raises by itself', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('hall.t', 'hall.u', 'door.open', 'tick'), { maxLength: 20 }), (points) => {
      const effects = play(condition({ when: 't > 30 || !(u < 5) || !open', for: '1s', noticeAfter: '24h' }), points.map((point, index) => [index * 3, point, null]))
      expect(effects).toEqual([])
    }))
  })
  it('asking for an explanation changes nothing', () => {
    fc.assert(fc.property(rules, histories, fc.nat(100_000), ([, make], inputs, ahead) => {
      const rule = make()
      const effects = inputs.flatMap((input) => {
        const { effects: found } = rule.step(input)
        ;(rule as Rule & { explain(now: number): Json }).explain(timeOf(input) + ahead)
        return found
      })
      expect(effects).toEqual(give(make(), inputs))
    }), { numRuns: 100 * scale })
  })
  it('any JSON may be restored', () => {
    fc.assert(fc.property(rules, fc.jsonValue(), histories, ([, make], state, inputs) => {
      const rule = make()
      rule.restore(state as Json)
      const shaped = make()
      shaped.restore({ ...rule.state() as object, started: true, now: start, startedAt: start, arrived: start, ...(typeof state === 'object' ? state : { decision: state, inputs: state, windows: [state], hands: state }) } as Json)
      give(rule, inputs)
      give(shaped, inputs)
    }), { numRuns: 200 * scale })
  })
})
