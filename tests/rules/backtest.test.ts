/* oxlint-disable unicorn/no-thenable -- a word of the site file; nobody awaits it */
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import type { ConnectionConfig, Effect, HistoryEntry, Rule, StartScene } from '../../gateway/contract/index.ts'
import { silentLog } from '../../gateway/kit/index.ts'
import { Feed } from '../../gateway/feed.ts'
import { openRaw } from '../../gateway/history/index.ts'
import { LiveValues } from '../../gateway/live.ts'
import { Pipeline } from '../../gateway/pipeline.ts'
import { Repeats } from '../../gateway/repeats.ts'
import { TelemetryBranch } from '../../gateway/telemetry.ts'
import { TimeKeeper } from '../../gateway/time.ts'
import { createAlertDesk } from '../../rules/alerts/desk.ts'
import { backtest, type Transition, type Trial } from '../../rules/backtest.ts'
import { rulesOfCases } from '../../rules/cases.ts'
import { createEngine, type Engine } from '../../rules/engine.ts'
import { lookBackMs } from '../../rules/look-back.ts'
import { decisionSchemas, type Decisions } from '../../rules/site.ts'
import { facilityOf } from '../support/facility.ts'
import { journalIn } from '../support/journals.ts'
import { device, point, reading } from '../support/points.ts'
import { tempFolder } from '../support/resources.ts'
import { scale, seed } from '../support/seed.ts'
import { historyIn, pass, start } from '../gateway/history/support.ts'
import { usualAlerts } from '../support/alerts.ts'

const title = { zh: '题', en: 'title' }
const facility = facilityOf({ 'hall.t': 'number', 'hall.open': 'boolean', 'leak.wet': { type: 'boolean', pushed: true }, 'relays.fan': 'boolean', 'ctl.open': 'boolean', 'ctl.unlock': 'boolean' })
const decisions = z.object(decisionSchemas).parse({
  rules: [
    { id: 'limit', kind: 'threshold', point: 'hall.t', above: 30, hysteresis: 2, for: '4s', severity: 3, title },
    { id: 'mean', kind: 'condition', inputs: { t: 'hall.t' }, when: 'avg(t, 20s) > 25', clear: 'avg(t, 20s) < 24', for: '3s', severity: 3, title, then: [{ scene: 'air' }], otherwise: [{ write: { point: 'relays.fan', value: false } }] },
    { id: 'ajar', kind: 'condition', inputs: { open: 'hall.open' }, when: 'since(open) > 7s && open', severity: 2, title, then: [{ notify: { channels: ['duty'], text: title } }] },
    { id: 'silent', kind: 'condition', inputs: { wet: 'leak.wet' }, when: 'stale(wet, 30s) || wet', unknown: 'raise', clearFor: '2s', noticeAfter: '10s', severity: 1, title },
    { id: 'busy', kind: 'condition', inputs: { open: 'hall.open' }, when: 'count(open, 1m) >= 3', severity: 4, title },
    { id: 'blink', kind: 'condition', inputs: { open: 'hall.open' }, when: 'changed(open) && minute() % 2.0 == 0.0', severity: 4, title },
  ],
  scenes: [{ id: 'air', again: 'restart', steps: [{ write: { point: 'relays.fan', value: true } }, { wait: '6s' }, { raise: { severity: 4, title } }, { wait: '5s' }, { write: { point: 'relays.fan', value: false } }] }],
  doors: [{ id: 'east', name: title, contact: 'ctl.open', lock: { point: 'ctl.unlock', pulse: '3s' }, reader: 'ctl', heldOpenAfter: '10s', grantWindow: '5s', grace: '1s' }],
  kiosks: [{ id: 'k', name: title, device: 'leak', downAfter: '5s' }],
}) as Decisions
const connection: ConnectionConfig = {
  id: 'line', driver: 'fake', settings: {},
  devices: [...facility.devices.keys()].map((id) => device(id, [...facility.points.values()].filter(({ deviceId }) => deviceId === id).map(({ id: pointId, type }) => point({ id: pointId, type })))),
}

type Step =
  | { readonly after: number; readonly what: 'number' | 'open' | 'wet' | 'contact' | 'card' | 'device' | 'restart' | 'nothing'; readonly value: number; readonly age: number }
  /** The wall clock jumps while timers wait. */
  | { readonly after: number; readonly what: 'clock'; readonly value: number }

const gap = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 3_000 }) }, { weight: 1, arbitrary: fc.integer({ min: 3_000, max: 200_000 }) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ after: gap, what: fc.constantFrom('number', 'open', 'wet', 'contact', 'card', 'device'), value: fc.integer({ min: 0, max: 45 }), age: fc.constantFrom(0, 0, 5, 400) }) as fc.Arbitrary<Step> },
  { weight: 1, arbitrary: fc.record({ after: gap, what: fc.constantFrom('restart', 'nothing'), value: fc.constant(0), age: fc.constant(0) }) as fc.Arbitrary<Step> },
  { weight: 1, arbitrary: fc.record({ after: gap, what: fc.constant('clock'), value: fc.constantFrom(3, 40, 700, -300, -7_200_000) }) as fc.Arbitrary<Step> },
)

const effectLine = (effect: Exclude<Effect, StartScene>): readonly string[] => {
  const about = effect.kind === 'raise' || effect.kind === 'clear' ? effect.key : effect.kind === 'write' ? effect.point : effect.kind === 'publish' ? effect.topic : ''
  return effect.kind === 'record' || effect.kind === 'act' ? [] : [`${effect.at} ${effect.kind} ${effect.kind === 'notify' ? effect.channels.join() : about}`]
}
const transitionLine = ({ at, kind, key }: Transition): string => `${at} ${kind} ${key}`

/** The gateway's own line from intake to journal and history, with a clock that the test turns; what its rules did. */
async function lived(steps: readonly Step[]): Promise<{ readonly effects: string[]; readonly folder: string; readonly close: () => Promise<void>; readonly to: number }> {
  const folder = await tempFolder()
  const { history, clock } = historyIn(folder)
  const journal = await journalIn(folder, { clock })
  const effects: string[] = []
  const begin = async (): Promise<Pipeline> => {
    const live = new LiveValues([connection])
    const engine = createEngine(rulesOfCases(decisions, facility))
    const note = <T extends { readonly effects: readonly Exclude<Effect, StartScene>[] }>(outcome: T): T => { effects.push(...outcome.effects.flatMap(effectLine)); return outcome }
    const heard: Engine = { ...engine, step: (...given) => note(engine.step(...given)), tick: (at) => note(engine.tick(at)) }
    heard.restore(await journal.state.entries('rule/'))
    history.restarted(clock.now())
    let ids = 0
    const line = new Pipeline({ journal, live, telemetry: new TelemetryBranch(live.points), repeats: new Repeats(), engine: heard, desk: createAlertDesk({ config: usualAlerts, newId: () => String(++ids).padStart(16, '0') }), feed: new Feed(), history, time: new TimeKeeper(clock, () => true), clock, log: silentLog() })
    line.start()
    await clock.advance(0)
    return line
  }
  const stop = async (line: Pipeline): Promise<void> => {
    let stopped = false
    const ended = line.stop().then(() => { stopped = true })
    while (!stopped) { await clock.advance(1); await new Promise((resolve) => setTimeout(resolve, 1)) }
    await ended
  }
  let line = await begin()
  for (const each of steps) {
    await pass(history, clock, each.after)
    const at = clock.now()
    if (each.what === 'restart') { await stop(line); await pass(history, clock, each.after); line = await begin() }
    else if (each.what === 'clock') clock.step(each.value)
    else if (each.what === 'card') line.accept('line', { samples: [], occurrences: [{ deviceId: 'ctl', type: 'access', at: at - each.age, data: { result: each.value % 3 === 0 ? 'denied' : 'granted' } }] })
    else if (each.what === 'device') line.accept('line', { samples: [], devices: [{ deviceId: 'leak', state: each.value % 2 ? 'offline' : 'online', at: at - each.age }] })
    else if (each.what !== 'nothing') {
      const id = { number: 'hall.t', open: 'hall.open', wet: 'leak.wet', contact: 'ctl.open' }[each.what]
      const bad = each.value > 42
      line.accept('line', { samples: [{ pointId: id, raw: bad ? null : each.what === 'number' ? each.value : each.value % 2 === 1, at: at - each.age, quality: bad ? 'bad' : 'good', ...(bad ? { reason: 'MODBUS_TIMEOUT' } : {}) }] })
    }
  }
  await clock.advance(1)
  const to = clock.now()
  await stop(line)
  expect(history.statistics().lost).toBe(0)
  return { effects, folder: `${folder}/history`, to, close: async () => { await history[Symbol.asyncDispose](); await journal[Symbol.asyncDispose]() } }
}

async function* list(entries: readonly HistoryEntry[]): AsyncGenerator<HistoryEntry> { yield* entries }
const at = (seconds: number): number => start + seconds * 1_000
const told = (pointId: string, ...values: readonly (readonly [seconds: number, value: number | boolean])[]): HistoryEntry[] => values.map(([seconds, value]) => ({ reading: reading(pointId, value, at(seconds)) }))

describe('a backtest', () => {
  it('of the rules that ran finds what they did: the same, at the same moments, also over restarts and set clocks', { timeout: 120_000 }, async () => {
    let found = 0
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const { effects, folder, to, close } = await lived(steps)
      await close()
      const raw = (await openRaw(folder))!
      const again: string[] = []
      const later = Math.max(to, raw.span!.to) + 1_000
      await backtest(raw.replay(0, later), [{ name: 'same', make: () => rulesOfCases(decisions, facility) }], { since: 0, to: later, onTransition: (_, transition) => again.push(transitionLine(transition)) })
      found += effects.length
      expect(again.slice(0, effects.length)).toEqual(effects)
      // What fell due after the gateway's end has nobody seen; a door's alert tells the moment of its cause, some seconds before.
      expect(again.slice(effects.length).filter((line) => Number(line.split(' ')[0]) < to - 15_000)).toEqual([])
    }), { seed, numRuns: 25 * scale })
    expect(found).toBeGreaterThan(100)
  })
  it('counts alerts, time raised, writes, and wakes rules that want another moment than those that ran', async () => {
    const make = (hold: string) => (): readonly Rule[] => rulesOfCases(z.object({ rules: decisionSchemas.rules, scenes: decisionSchemas.scenes, schedules: decisionSchemas.schedules, calendar: decisionSchemas.calendar }).parse({ rules: [{ id: 'hot', kind: 'condition', inputs: { t: 'hall.t' }, when: 't > 30', for: hold, severity: 3, title, then: [{ write: { point: 'relays.fan', value: true } }] }] }), facility)
    const entries = [...told('hall.t', [0, 20], [10, 31], [15, 20], [100, 35], [130, 20], [300, 40])]
    const trials = await backtest(list(entries), [{ name: '0s', make: make('0s') }, { name: '20s', make: make('20s') }, { name: '60s', make: make('60s') }], { since: at(0), to: at(360) })
    expect(trials.map(({ rules: [hot] }) => hot)).toEqual([
      { rule: 'hot', alerts: 3, raisedMs: 95_000, longestMs: 60_000, raised: true, unknown: 0, writes: 3, messages: 0 },
      { rule: 'hot', alerts: 2, raisedMs: 50_000, longestMs: 40_000, raised: true, unknown: 0, writes: 2, messages: 0 },
      { rule: 'hot', alerts: 0, raisedMs: 0, longestMs: 0, raised: false, unknown: 0, writes: 0, messages: 0 },
    ] satisfies Trial['rules'])
  })
  it('counts from since on, and knows what was raised before', async () => {
    const seen: string[] = []
    const limit = { id: 'hot', kind: 'threshold', point: 'hall.t', above: 30, severity: 3, title }
    const make = (): readonly Rule[] => rulesOfCases({ ...decisions, doors: [], kiosks: [], scenes: [], rules: decisionSchemas.rules.parse([limit]) }, facility)
    const [trial] = await backtest(list(told('hall.t', [0, 31], [60, 20], [70, 31], [80, 20])), [{ name: 'x', make }], { since: at(50), to: at(200), onTransition: (_, transition) => seen.push(transitionLine(transition)) })
    expect(seen).toEqual([`${at(60)} clear hot`, `${at(70)} raise hot`, `${at(80)} clear hot`])
    expect(trial!.rules.find(({ rule }) => rule === 'hot')).toMatchObject({ alerts: 1, raisedMs: 20_000, longestMs: 10_000, raised: false })
  })
  it('sets a rule that throws aside and names it', async () => {
    const broken: Rule = { id: 'broken', watches: ['hall.t'], step: () => { throw new TypeError('x') }, state: () => null, restore: () => {} }
    onTestFinished(() => {})
    expect(await backtest(list([...told('hall.t', [0, 1]), { restart: at(1) }, ...told('hall.t', [2, 1])]), [{ name: 'x', make: () => [broken] }], { since: at(0), to: at(10) })).toMatchObject([{ failed: ['broken'] }])
  })
  it('looks back as far as windows and waits do, and at least an hour', () => {
    const of = (...rules: readonly object[]): number => lookBackMs({ rules: decisionSchemas.rules.parse(rules), scenes: [] }, facility)
    const hot = { id: 'hot', kind: 'condition', inputs: { t: 'hall.t' }, severity: 3, title }
    expect(of()).toBe(3_600_000)
    expect(of({ ...hot, when: 't > 3', for: '10m' })).toBe(3_600_000)
    expect(of({ ...hot, when: 'avg(t, 1d12h) > 3', for: '10m' })).toBe(36 * 3_600_000 + 600_000)
    expect(of({ id: 'a', kind: 'threshold', point: 'hall.t', above: 3, for: '90m', severity: 3, title })).toBe(90 * 60_000)
  })
})
