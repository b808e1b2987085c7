import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AlertAct, AlertState } from '../../../gateway/contract/index.ts'
import { essence, lifeOf } from '../../support/alert-city.ts'
import { clear, day, DeskBench, hour, minute, raise, t0 } from '../../support/alerts.ts'
import { scale } from '../../support/seed.ts'

const acts = ['acknowledge', 'assign', 'shelve', 'unshelve', 'resolve', 'evaluate', 'reopen', 'comment'] as const
type Act = (typeof acts)[number]
type Step = { readonly gap: number } & ({ readonly do: 'raise' | 'clear'; readonly key: number } | { readonly do: 'tick' } | { readonly do: 'restart' } | { readonly do: 'act'; readonly act: Act; readonly which: number; readonly score: number; readonly length: number })

const keys = ['hot', 'call', 'paper'] as const
const severities = { hot: 2, call: 1, paper: 4 } as const
const gap = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 2_000 }) }, fc.integer({ min: 0, max: 40 * minute }), { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * day }) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ gap, do: fc.constantFrom('raise' as const, 'clear' as const), key: fc.nat(2) }) },
  { weight: 5, arbitrary: fc.record({ gap, do: fc.constant('act' as const), act: fc.constantFrom(...acts), which: fc.nat(5), score: fc.integer({ min: 1, max: 5 }), length: fc.integer({ min: 1, max: 3 * hour }) }) },
  { weight: 2, arbitrary: fc.record({ gap, do: fc.constant('tick' as const) }) },
  { weight: 1, arbitrary: fc.record({ gap: fc.constant(0), do: fc.constant('restart' as const) }) },
)
const steps = fc.array(step, { minLength: 1, maxLength: 60 })

const saying = (act: Act, at: number, { score, length }: { score: number; length: number }) => ({
  acknowledge: {}, assign: { to: 'li' }, shelve: { until: at + length, reason: 'x' }, unshelve: {}, resolve: { note: 'x' }, evaluate: { score }, reopen: { note: 'x' }, comment: { text: 'x' },
})[act]

/** The same house told without folds: what the README says, step by step. */
class Model {
  readonly alerts: { key: string; state: AlertState; condition: string; count: number; reopened: number; endedAt: number; resolvedAt: number | null; ratedAt: number; shelvedUntil: number | null }[] = []
  newest(key: string) { return this.alerts.findLast((alert) => alert.key === key) }
  raise(key: string, at: number): void {
    const known = this.newest(key)
    const ended = known && (known.state === 'resolved' || known.state === 'closed')
    if (!known || (ended && at - known.endedAt > 15 * minute)) { this.alerts.push({ key, state: 'raised', condition: key === 'call' ? 'momentary' : 'active', count: 1, reopened: 0, endedAt: 0, resolvedAt: null, ratedAt: -1, shelvedUntil: null }); return }
    if (!ended && known.condition === 'active') return
    known.count++
    if (known.condition === 'returned') known.condition = 'active'
    if (ended) { this.ask(known); known.reopened++ } else if (known.shelvedUntil === null) known.state = 'raised'
  }
  clear(key: string, at: number): void {
    const known = this.newest(key)
    if (!known || known.condition !== 'active' || known.state === 'resolved' || known.state === 'closed') return
    known.condition = 'returned'
    if (key === 'paper') this.close(known, at)
  }
  act(index: number, act: Act, at: number, { score, length }: { score: number; length: number }): 'applied' | 'already' | 'refused' {
    const one = this.alerts[index]!
    const open = one.state === 'raised' || one.state === 'acknowledged'
    if (act === 'comment') return 'applied'
    if (act === 'acknowledge') { if (one.state !== 'raised') return 'already'; one.state = 'acknowledged'; return 'applied' }
    if (act === 'assign') { if (!open) return 'refused'; one.state = 'acknowledged'; return 'applied' }
    if (act === 'shelve') { if (!open) return 'refused'; one.shelvedUntil = at + length; return 'applied' }
    if (act === 'unshelve') { if (!open || one.shelvedUntil === null) return 'already'; one.shelvedUntil = null; return 'applied' }
    if (act === 'reopen') { if (open) return 'already'; this.ask(one); one.reopened++; return 'applied' }
    if (act === 'resolve') {
      if (!open) return 'already'
      if (one.condition === 'active') return 'refused'
      Object.assign(one, { state: 'resolved', endedAt: at, resolvedAt: at, shelvedUntil: null })
      return 'applied'
    }
    if (open) return 'refused'
    if (one.ratedAt >= (one.resolvedAt ?? 0)) return 'already'
    one.ratedAt = at
    if (score <= 2) { this.ask(one); one.reopened++ } else one.state = 'closed'
    return 'applied'
  }
  tick(at: number): void {
    for (const one of this.alerts) {
      if (one.shelvedUntil !== null && one.shelvedUntil <= at) { one.shelvedUntil = null; if (one.key === 'paper' && one.condition === 'returned') this.close(one, at) }
      if (one.state === 'resolved' && one.resolvedAt! + 7 * day <= at) one.state = 'closed'
    }
  }
  private ask(one: Model['alerts'][number]): void { Object.assign(one, { state: 'raised', resolvedAt: null, shelvedUntil: null }) }
  private close(one: Model['alerts'][number], at: number): void { Object.assign(one, { state: 'closed', endedAt: at, resolvedAt: at, shelvedUntil: null }) }
}

interface House { bench: DeskBench; readonly ids: string[]; now: number }
const config = { chattering: { raises: 100, within: '1s' }, flood: { alerts: 1_000 }, shelve: '24h' }

function live(house: House, one: Step): string | undefined {
  house.now += one.gap
  const { bench, now, ids } = house
  const told = ((): readonly { readonly subject?: string }[] | string => {
    if (one.do === 'raise') return bench.apply(raise({ key: keys[one.key]!, severity: severities[keys[one.key]!], at: now, ...(keys[one.key] === 'call' ? { momentary: true } : {}) }))
    if (one.do === 'clear') return bench.apply(clear({ key: keys[one.key]!, at: now }))
    if (one.do === 'tick') return bench.tick(now)
    if (one.do === 'restart') { house.bench = bench.restarted(); return [] }
    if (one.do !== 'act' || ids.length === 0) return []
    return bench.act({ act: one.act, alert: ids[one.which % ids.length]!, ...saying(one.act, now, one) } as AlertAct, now).outcome
  })()
  if (typeof told === 'string') return told
  for (const { subject } of told) if (subject && !ids.includes(subject)) ids.push(subject)
  return undefined
}

describe('the machine', () => {
  it('does what the README says, act by act, over restarts', () => {
    fc.assert(fc.property(steps, (list) => {
      const house: House = { bench: new DeskBench({ config }), ids: [], now: t0 }
      const model = new Model()
      for (const one of list) {
        const outcome = live(house, one)
        const { now } = house
        if (one.do === 'raise') model.raise(keys[one.key]!, now)
        else if (one.do === 'clear') model.clear(keys[one.key]!, now)
        else if (one.do === 'tick') model.tick(now)
        else if (one.do === 'act' && outcome !== undefined) expect(model.act(one.which % house.ids.length, one.act, now, one), `${one.act} on ${one.which}`).toBe(outcome)
        const seen = house.ids.map((id) => house.bench.alert(id)).map(({ key, state, condition, count, reopened, shelved }) => ({ key, state, condition, count, reopened, shelved: shelved?.until ?? null }))
        expect(seen).toEqual(model.alerts.map(({ key, state, condition, count, reopened, shelvedUntil: shelved }) => ({ key, state, condition, count, reopened, shelved })))
      }
    }), { numRuns: 300 * scale })
  })
  it('tells everything: whoever takes the latest record, and whoever folds all of them, has the same alert', () => {
    fc.assert(fc.property(steps, (list) => {
      const house: House = { bench: new DeskBench({ config }), ids: [], now: t0 }
      for (const one of list) live(house, one)
      for (const id of house.ids) {
        const alert = house.bench.alert(id)
        const records = house.bench.events.filter(({ subject }) => subject === id)
        expect(records.at(-1)!.data).toMatchObject({ phase: alert.state, condition: alert.condition, count: alert.count })
        expect(essence(lifeOf(records))).toEqual(essence(alert))
      }
    }), { numRuns: 200 * scale })
  })
  it('is the same after a restart at any moment', () => {
    fc.assert(fc.property(steps, (list) => {
      const house: House = { bench: new DeskBench({ config: { chattering: { raises: 2 }, flood: { alerts: 3 } } }), ids: [], now: t0 }
      for (const one of list) live(house, one)
      const again = house.bench.restarted()
      expect(again.desk.open()).toEqual(house.bench.desk.open())
      expect(again.desk.closed()).toEqual(house.bench.desk.closed())
    }), { numRuns: 200 * scale })
  })
  it('sleeps: a tick before its time changes nothing, and none that is due comes twice', () => {
    fc.assert(fc.property(steps, (list) => {
      const house: House = { bench: new DeskBench({ config: { chattering: { raises: 2 }, flood: { alerts: 3 } } }), ids: [], now: t0 }
      for (const one of list) live(house, one)
      const { bench } = house
      bench.tick(house.now)
      for (let n = 0; n < 50; n++) {
        const wake = bench.desk.wakeAt()
        if (wake === undefined) return
        expect(wake).toBeGreaterThan(house.now)
        expect(bench.tick(wake - 1)).toEqual([])
        house.now = wake
        bench.tick(wake)
      }
      expect.unreachable('it wakes for ever')
    }), { numRuns: 200 * scale })
  })
})
