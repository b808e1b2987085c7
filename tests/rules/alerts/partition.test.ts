import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AlertAct } from '../../../gateway/contract/index.ts'
import { essence, lifeOf } from '../../support/alert-city.ts'
import { clear, DeskBench, minute, raise, t0 } from '../../support/alerts.ts'
import { scale } from '../../support/seed.ts'

/** Minutes after the alert was raised. While apart each side does what it likes. */
const when = fc.integer({ min: 0, max: 60 })
const boxStep = fc.record({ at: when, do: fc.constantFrom('raise' as const, 'clear' as const, 'acknowledge' as const, 'assign' as const, 'resolve' as const, 'comment' as const, 'tick' as const) })
const cityAct = fc.record({ at: when, do: fc.constantFrom('acknowledge' as const, 'assign' as const, 'shelve' as const, 'resolve' as const, 'evaluate' as const, 'reopen' as const, 'comment' as const), by: fc.constantFrom('ioc', 'district'), score: fc.integer({ min: 1, max: 5 }) })
const merging = fc.record({ at: when, do: fc.constantFrom('acknowledge' as const, 'assign' as const, 'shelve' as const, 'comment' as const), by: fc.constantFrom('ioc', 'district'), score: fc.constant(1) })

const config = { chattering: { raises: 100, within: '1s' } }

function box(steps: readonly { at: number; do: string }[]): { bench: DeskBench; id: string } {
  const bench = new DeskBench({ config })
  bench.apply(raise())
  const { id } = bench.only()
  for (const { at, do: what } of steps.toSorted((a, b) => a.at - b.at)) {
    const now = t0 + at * minute
    if (what === 'raise') bench.apply(raise({ at: now }))
    else if (what === 'clear') bench.apply(clear({ at: now }))
    else if (what === 'tick') bench.tick(now)
    else bench.act({ act: what, alert: id, to: 'li', note: 'x', text: 'x', by: 'wang' } as unknown as AlertAct, now)
  }
  return { bench, id }
}
const wish = (alert: string, { at, do: act, by, score }: { at: number; do: string; by: string; score: number }, index: number): AlertAct =>
  ({ id: (index + 0xc17).toString(16).padStart(16, 'f'), alert, at: t0 + at * minute, by, origin: 'city', act, to: by, until: t0 + 500 * minute, reason: 'x', note: 'x', text: 'x', score }) as unknown as AlertAct

/** The line is there again: acts arrive in this order, some of them twice. */
const deliver = (bench: DeskBench, acts: readonly AlertAct[], order: readonly number[]): void => {
  order.forEach((pick, late) => { const act = acts[pick % acts.length]; if (act) bench.act(act, t0 + (61 + late) * minute) })
  for (const act of acts) bench.act(act, t0 + 120 * minute)
}

describe('both sides act while apart', () => {
  it('and end equal: the city\'s fold of the records, its latest record, and the box', () => {
    fc.assert(fc.property(fc.array(boxStep, { maxLength: 12 }), fc.array(cityAct, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(20), { maxLength: 20 }), (steps, wishes, order) => {
      const { bench, id } = box(steps)
      deliver(bench, wishes.map((one, index) => wish(id, one, index)), order)
      const ids = new Set(bench.events.map(({ subject }) => subject!))
      for (const one of ids) {
        const records = bench.events.filter(({ subject }) => subject === one)
        expect(records.at(-1)!.data).toMatchObject({ phase: bench.alert(one).state, condition: bench.alert(one).condition })
        expect(essence(lifeOf(records))).toEqual(essence(bench.alert(one)))
      }
      expect(essence(bench.restarted().alert(id))).toEqual(essence(bench.alert(id)))
    }), { numRuns: 400 * scale })
  })
  it('acknowledgements, assignments, shelving and remarks merge to the same whatever order they arrive in', () => {
    fc.assert(fc.property(fc.array(boxStep.filter((one) => one.do !== 'resolve'), { maxLength: 12 }), fc.array(merging, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(20), { maxLength: 20 }), fc.array(fc.nat(20), { maxLength: 20 }), (steps, wishes, one, other) => {
      const [first, second] = [box(steps), box(steps)]
      const acts = wishes.map((each, index) => wish(first.id, each, index))
      deliver(first.bench, acts, one)
      deliver(second.bench, acts, other)
      expect(essence(second.bench.alert(second.id))).toEqual(essence(first.bench.alert(first.id)))
    }), { numRuns: 400 * scale })
  })
  it('an act that came is never undone by hearing it again', () => {
    fc.assert(fc.property(fc.array(boxStep, { maxLength: 10 }), cityAct, (steps, one) => {
      const { bench, id } = box(steps)
      const act = wish(id, one, 1)
      const answer = bench.act(act, t0 + 61 * minute)
      if (answer.outcome !== 'applied') return
      const after = bench.alert(id)
      expect(bench.act(act, t0 + 62 * minute)).toMatchObject({ outcome: 'already', events: [], state: [] })
      expect(bench.restarted().act(act, t0 + 63 * minute)).toMatchObject({ outcome: 'already' })
      expect(bench.alert(id)).toEqual(after)
    }), { numRuns: 200 * scale })
  })
})
