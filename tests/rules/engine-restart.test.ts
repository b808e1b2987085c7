import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Effect, Rule } from '../../gateway/contract/index.ts'
import { createEngine, type Engine } from '../../rules/engine.ts'
import { meter, States, tickUntil, timer } from '../support/engine-rules.ts'
import { reading } from '../support/points.ts'
import { rulesOf } from '../support/rules.ts'

const thresholds = () => rulesOf({ rules: [
  { id: 'hot', point: 'hall.t', above: 30, hysteresis: 2, for: '5s' }, { id: 'cold', point: 'hall.t', below: 10 },
].map((entry) => ({ kind: 'threshold', severity: 2, title: { zh: '题', en: 'title' }, ...entry })) })
const honest = (): readonly Rule[] => [...thresholds(), timer('open', 'door.open', 20_000), timer('smoke', 'door.open', 0), timer('slow', 'door.tamper', 90_000)]
const all = (): readonly Rule[] => [...honest(), meter('energy', 'hall.t')]

const step = fc.record({
  afterMs: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 100_000 })),
  input: fc.oneof(fc.tuple(fc.constant('hall.t'), fc.integer({ min: 0, max: 40 })), fc.tuple(fc.constantFrom('door.open', 'door.tamper'), fc.boolean())),
  restart: fc.nat({ max: 4 }).map((n) => n === 0),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type Told = Exclude<Effect, { kind: 'start' }>

/** Plays the steps in virtual time. What batches brought to the disk is all that a restart finds. */
function play(steps: readonly Step[], create: () => readonly Rule[], restarts: 'none' | 'killed' | 'clean', watch: (disk: States, now: number) => void = () => {}): Told[] {
  const disk = new States()
  const effects: Told[] = []
  let engine = createEngine(create())
  let now = 1_000_000
  const took = (outcome: ReturnType<Engine['tick']>): void => { effects.push(...outcome.effects); disk.take(outcome.state) }
  took(engine.tick(now))
  for (const { afterMs, input: [point, value], restart } of steps) {
    tickUntil(engine, now + afterMs, took)
    now += afterMs
    if (restart && restarts !== 'none') {
      if (restarts === 'clean') disk.take(engine.checkpoint())
      engine = createEngine(create())
      engine.restore(disk.entries())
      took(engine.tick(now))
    }
    took(engine.step([reading(point, value, now)]))
    watch(disk, now)
  }
  tickUntil(engine, now + 200_000, took)
  return effects
}
/** What a killed gateway may have forgotten of its last minute is the value it shows, not what it does. */
const acts = (effects: readonly Told[]) => effects.map((effect) => [effect.kind, 'key' in effect ? effect.key : 'point' in effect ? effect.point : '', 'at' in effect ? effect.at : 0])

describe('a restart', () => {
  it('neither forgets a running wait nor fires twice, wherever the gateway is killed between two batches', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      expect(acts(play(steps, honest, 'killed'))).toEqual(acts(play(steps, honest, 'none')))
    }), { numRuns: 500 })
  })
  it('changes nothing at all after a clean stop, whatever rules remember', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      expect(play(steps, all, 'clean')).toEqual(play(steps, all, 'none'))
    }), { numRuns: 500 })
  })
  it('finds what a rule knew a minute before, at the oldest', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const known: { readonly at: number; readonly sum: number }[] = [{ at: 0, sum: 0 }]
      play(steps, () => [meter('energy', 'hall.t')], 'none', (disk, now) => {
        const { input: [point, value] } = steps[known.length - 1]!
        known.push({ at: now, sum: known.at(-1)!.sum + (point === 'hall.t' ? Number(value) : 0) })
        const stored = Number(disk.entries().find(([key]) => key === 'rule/energy')?.[1] ?? 0)
        expect(stored).toBeGreaterThanOrEqual(known.findLast(({ at }) => at < now - 60_000)?.sum ?? 0)
      })
    }))
  })
  it('plays the same inputs to the same effects', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => { expect(play(steps, all, 'none')).toEqual(play(steps, all, 'none')) }))
  })
})
