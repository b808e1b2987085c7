import { expect, it, onTestFinished } from 'vitest'
import type { AlertAct, ConnectionConfig, Facility, GatewayEvent, Intake, Journal, Rule, RuleInput } from '../../gateway/contract/index.ts'
import { FakeClock, silentLog, StoreError, systemClock } from '../../gateway/kit/index.ts'
import type { Action } from '../../gateway/consequences.ts'
import { Feed, type FeedItem } from '../../gateway/feed.ts'
import { LiveValues } from '../../gateway/live.ts'
import { Pipeline, type PipelineParts } from '../../gateway/pipeline.ts'
import { Repeats } from '../../gateway/repeats.ts'
import { TelemetryBranch } from '../../gateway/telemetry.ts'
import { TimeKeeper } from '../../gateway/time.ts'
import { createAlertDesk } from '../../rules/alerts/desk.ts'
import { createEngine } from '../../rules/engine.ts'
import { rule, timer, write } from '../support/engine-rules.ts'
import { contentOf, drain, journalIn } from '../support/journals.ts'
import { device, point } from '../support/points.ts'
import { tempFolder } from '../support/resources.ts'
import { rulesOf } from '../support/rules.ts'
import { all, historyIn } from './history/support.ts'
import { usualAlerts } from '../support/alerts.ts'

const connection: ConnectionConfig = { id: 'line', driver: 'fake', settings: {}, devices: [device('hall', [point({ id: 'hall.open', type: 'boolean' })]), device('door', [])] }

let ids = 0
async function lineOf(rules: readonly Rule[], more: Partial<PipelineParts> = {}, wrap: (journal: Journal) => Journal = (journal) => journal) {
  const journal = await journalIn(await tempFolder())
  const reader = await journal.reader('city', { from: 'start' })
  const live = new LiveValues([connection])
  const engine = createEngine(rules)
  const feed = new Feed()
  const seen: FeedItem[] = []
  feed.subscribe((item) => seen.push(item))
  const logged: GatewayEvent[] = []
  const taken: Action[] = []
  const desk = createAlertDesk({ config: usualAlerts, newId: () => String(++ids).padStart(16, '0') })
  const line = new Pipeline({
    journal: wrap(journal), live, telemetry: new TelemetryBranch(live.points), repeats: new Repeats(), engine, desk, feed, time: new TimeKeeper(systemClock, () => true), clock: systemClock, log: silentLog(),
    eventLog: { record: (events) => { logged.push(...events) } }, actions: { take: (action) => { taken.push(action); return { events: [], state: [{ key: 'write/x', value: 1 }] } } }, ...more,
  })
  line.start()
  onTestFinished(() => line.stop())
  const accept = (intake: Omit<Intake, 'settled'>): Promise<string> => new Promise((resolve) => line.accept('line', { ...intake, settled: resolve }))
  return { journal, reader, line, desk, engine, accept, seen, logged, taken }
}
const open = (raw: boolean) => ({ samples: [{ pointId: 'hall.open', raw, at: Date.now(), quality: 'good' as const }] })
const mayDo = (id: string): AlertAct => ({ id: '00000000000000aa', alert: id, at: Date.now(), by: 'duty', origin: 'site', act: 'acknowledge' })
const kindOf = (input: RuleInput): string => Object.keys(input)[0]!

it('gives rules what came in as history keeps it, each in its order, and repeats to nobody', async () => {
  const seen: RuleInput[] = []
  const { history } = historyIn(await tempFolder(), { clock: systemClock as never })
  const { accept } = await lineOf([rule('all', (input) => { seen.push(input); return {} }, { watches: ['hall.open'], devices: ['door'] })], { history })
  const occurrence = { deviceId: 'door', type: 'access' as const, at: 5, data: { reader: 1 }, sourceId: 'a' }
  await accept({ ...open(true), occurrences: [occurrence], devices: [{ deviceId: 'door', state: 'online', at: Date.now() }] })
  await accept({ samples: [], occurrences: [occurrence], devices: [{ deviceId: 'door', state: 'online', at: Date.now() }] })
  await expect.poll(() => seen.map(kindOf)).toContain('tick')
  expect(seen.map(kindOf).filter((kind) => kind !== 'tick')).toEqual(['reading', 'device', 'occurrence'])
  expect(await all(history.replay(0, Date.now() + 1_000))).toEqual(seen)
})
it('puts what a rule found out, writes and remembers into the batch of what led to it', async () => {
  const found: GatewayEvent = { stream: 'event', type: 'access', at: 3, subject: 'door', data: { what: 'forced' } }
  const { accept, engine, journal, reader, taken, logged } = await lineOf([rule('door', (input) => ('occurrence' in input ? { effects: [{ kind: 'record', event: found }, write('door', 3)] } : {}), { devices: ['door'], state: () => 7 })])
  await expect.poll(() => engine.wakeAt()).not.toBe(-Infinity)
  const before = journal.statistics().commits
  await accept({ samples: [], occurrences: [{ deviceId: 'door', type: 'access', at: 5, data: {} }] })
  expect(journal.statistics().commits - before).toBe(1)
  expect((await drain(reader, 'event')).map((record) => contentOf(record).data)).toEqual([{ device: 'door' }, { what: 'forced' }])
  expect(await journal.state.entries('rule/')).toEqual([['rule/door', 7]])
  expect(await journal.state.entries('write/')).toEqual([['write/x', 1]])
  expect(taken).toEqual([write('door', 3)])
  expect(logged.map(({ data }) => data)).toEqual([{ device: 'door' }, { what: 'forced' }])
})
it('marks events and alerts of devices and places that are worked on', async () => {
  const raises = rule('door', (input) => ('occurrence' in input ? { effects: [{ kind: 'raise', key: 'heat', ruleId: 'door', severity: 2, at: 5, title: { zh: '热', en: 'heat' }, data: {}, place: 'hall' }, { kind: 'raise', key: 'door/forced', ruleId: 'door', severity: 2, at: 5, title: { zh: '强开', en: 'forced' }, data: {}, deviceId: 'door' }] } : {}), { devices: ['door'] })
  const { accept, line, desk, logged } = await lineOf([raises], { modes: { of: (id, place) => (id === 'door' || place === 'hall' ? 'maintenance' : undefined) } })
  await accept({ samples: [], occurrences: [{ deviceId: 'door', type: 'access', at: 5, data: {} }], devices: [{ deviceId: 'hall', state: 'online', at: 1 }] })
  await line.record([{ stream: 'event', type: 'command', at: 1, subject: 'door', data: {} }], [])
  expect(desk.open()).toMatchObject([{ key: 'heat', mode: 'maintenance' }, { key: 'door/forced', mode: 'maintenance' }])
  expect(logged.filter(({ type }) => type !== 'alert').map(({ type, mode }) => [type, mode])).toEqual([['device', undefined], ['access', 'maintenance'], ['command', 'maintenance']])
})
it('wakes a rule at its moment, and remembers at once what it must not forget', async () => {
  const { accept, journal, desk, taken } = await lineOf([timer('open', 'hall.open', 60)])
  await accept(open(true))
  expect(await journal.state.entries('rule/')).toMatchObject([['rule/open', { fired: false }]])
  await expect.poll(() => desk.open().map(({ key }) => key), { interval: 5 }).toEqual(['open'])
  expect(taken).toHaveLength(1)
  await expect.poll(() => journal.state.entries('rule/')).toMatchObject([['rule/open', { fired: true }]])
})
it('holds a wait by how long it lasted, also when the clock is set back meanwhile', async () => {
  const clock = new FakeClock()
  const facility: Facility = { timezone: 'Asia/Shanghai', devices: new Map(), points: new Map([['hall.open', { id: 'hall.open', deviceId: 'hall', connectionId: 'line', name: { zh: '门', en: 'door' }, type: 'boolean', writable: false, pollMs: 100, pushed: false, seenWithinMs: 100 }]]) }
  const titled = { severity: 2, title: { zh: '门', en: 'door' }, for: '5s' }
  const rules = rulesOf({ rules: [{ id: 'limit', kind: 'threshold', point: 'hall.open', equals: true, ...titled }, { id: 'rule', kind: 'condition', inputs: { open: 'hall.open' }, when: 'open', ...titled }] }, facility)
  const { line, desk } = await lineOf(rules, { clock, time: new TimeKeeper(clock, () => true) })
  await clock.advance(100)
  line.accept('line', { samples: [{ pointId: 'hall.open', raw: true, at: clock.now(), quality: 'good' }] })
  await clock.advance(2_000)
  clock.step(-3_600_000)
  await clock.advance(2_900)
  expect(desk.open()).toEqual([])
  // Up to a second may go by before the step is noticed, and what passed since the last input counts anew.
  await clock.advance(3_000)
  expect(desk.open().map(({ key }) => key).toSorted()).toEqual(['limit', 'rule'])
})
it('brings what rules remember to the disk at a clean stop', async () => {
  const { accept, journal, line } = await lineOf([rule('quiet', () => ({}), { watches: ['hall.open'], state: () => 'known' })])
  await accept(open(true))
  expect(await journal.state.entries('rule/')).toEqual([])
  await line.stop()
  expect(await journal.state.entries('rule/')).toEqual([['rule/quiet', 'known']])
})
it('commits and shows what a person does with an alert, and refuses what is none', async () => {
  const { accept, line, desk, reader, seen } = await lineOf([timer('open', 'hall.open', 0)])
  await accept(open(true))
  await expect.poll(() => desk.open().length).toBe(1)
  const [alert] = desk.open()
  expect(await line.act(mayDo(alert!.id))).toMatchObject({ outcome: 'applied', alert: { state: 'acknowledged' } })
  expect((await drain(reader, 'alert')).map((record) => contentOf(record).data.state)).toEqual(['raised', 'acknowledged'])
  expect(seen.flatMap((item) => (item.kind === 'event' ? [item.event.data.state] : []))).toEqual(['raised', 'acknowledged'])
  expect(await line.act(mayDo('nobody-knows-it'))).toMatchObject({ outcome: 'refused', code: 'ALERT_UNKNOWN' })
  await line.note(alert!.id, { at: Date.now(), what: 'delivered', data: { channel: 'dingtalk' } })
  expect((await drain(reader, 'alert')).map((record) => contentOf(record).data.state)).toEqual(['delivered'])
})
it('answers a person also while the disk takes nothing', async () => {
  let frozen = false
  const { accept, line, desk } = await lineOf([timer('open', 'hall.open', 0)], {}, (journal) => new Proxy(journal, {
    get(target, key) {
      if (key === 'commit' && frozen) return () => new Promise(() => {})
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value as () => void).bind(target) : value
    },
  }))
  await accept(open(true))
  await expect.poll(() => desk.open().length).toBe(1)
  frozen = true
  expect(await line.act(mayDo(desk.open()[0]!.id))).toMatchObject({ outcome: 'applied' })
  frozen = false
})
it('writes again what a rule must not forget when the store refused the batch that held it', async () => {
  let refusing = true
  const { accept, journal, line, logged } = await lineOf([timer('open', 'hall.open', 60_000)], {}, (inner) => new Proxy(inner, {
    get(target, key) {
      if (key === 'commit' && refusing) return () => Promise.reject(new StoreError('JOURNAL_OVERLOADED', 'full', { retriable: true }))
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value as () => void).bind(target) : value
    },
  }))
  expect(await accept({ ...open(true), devices: [{ deviceId: 'door', state: 'online', at: 1 }] })).toBe('refused')
  refusing = false
  await line.stop()
  expect(await journal.state.entries('rule/')).toMatchObject([['rule/open', { fired: false }]])
  // What was not committed is in no log.
  expect(logged.filter(({ type }) => type === 'device')).toEqual([])
})
