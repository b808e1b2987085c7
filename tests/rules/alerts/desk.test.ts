import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { AlertAct, Json } from '../../../gateway/contract/index.ts'
import { table } from '../../../rules/alerts/life.ts'
import { clear, day, DeskBench, hour, minute, raise, t0 } from '../../support/alerts.ts'

const settled = (bench: DeskBench) => { bench.apply(raise(), clear()); bench.act({ act: 'resolve', note: 'fan was off' }, t0 + 2_000) }

describe('an alert', () => {
  it('is one alert of one condition, however often it is raised', () => {
    const bench = new DeskBench()
    const events = bench.apply(raise(), raise())
    expect(events).toMatchObject([{ stream: 'alert', type: 'alert', at: t0, subject: bench.only().id, data: { state: 'raised', phase: 'raised', condition: 'active', count: 1, severity: 2, value: 31, due: { acknowledge: t0 + 5 * minute, resolve: t0 + 4 * hour } } }])
    expect([...bench.stored.keys()]).toEqual([`alert/${bench.only().id}`])
  })
  it('stays when its cause is gone, until somebody has resolved it', () => {
    const bench = new DeskBench()
    bench.apply(raise(), clear(), clear())
    expect(bench.only()).toMatchObject({ state: 'raised', condition: 'returned' })
    expect(bench.act({ act: 'resolve', note: 'fan was off' }, t0 + 2_000)).toMatchObject({ outcome: 'applied', alert: { state: 'resolved', acknowledged: { by: 'wang' }, resolved: { note: 'fan was off' } } })
    expect(bench.steps()).toEqual(['raised', 'cleared', 'resolved'])
  })
  it('cannot be resolved while its cause is there', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    expect(bench.act({ act: 'resolve', note: 'x' })).toMatchObject({ outcome: 'refused', code: 'ALERT_STILL_ACTIVE' })
    expect(bench.steps()).toEqual(['raised'])
  })
  it('tells the second who was first', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    bench.act({ act: 'acknowledge', by: 'wang' }, t0 + 1_000)
    expect(bench.act({ act: 'acknowledge', by: 'ioc/duty', origin: 'city' }, t0 + 2_000)).toMatchObject({ outcome: 'already', events: [], state: [], alert: { acknowledged: { by: 'wang', at: t0 + 1_000 } } })
  })
  it('takes an act that comes late for what it was: the first wins, whoever is heard first', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    bench.act({ act: 'acknowledge', by: 'wang' }, t0 + 5_000)
    const answer = bench.act({ act: 'acknowledge', by: 'ioc/duty', origin: 'city', at: t0 + 1_000 }, t0 + minute)
    expect(answer).toMatchObject({ outcome: 'applied', alert: { acknowledged: { by: 'ioc/duty', at: t0 + 1_000 } } })
  })
  it('asks again when its cause comes back after somebody has acknowledged', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    bench.act({ act: 'acknowledge' }, t0 + 500)
    bench.apply(clear(), raise({ at: t0 + 2_000 }))
    expect(bench.only()).toMatchObject({ state: 'raised', condition: 'active', count: 2, due: { acknowledge: t0 + 2_000 + 5 * minute } })
    expect(bench.only().acknowledged).toBeUndefined()
  })
  it('comes back by itself after it was shelved, and may not be shelved for ever', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    expect(bench.act({ act: 'shelve', until: t0 + 2 * day, reason: 'painters' })).toMatchObject({ outcome: 'refused', code: 'ALERT_ACT_INVALID' })
    bench.act({ act: 'shelve', until: t0 + hour, reason: 'painters' })
    expect(bench.desk.summary(t0)).toMatchObject({ open: { 2: 0 }, shelved: 1 })
    expect(bench.desk.wakeAt()).toBe(t0 + hour)
    expect(bench.tick(t0 + hour)).toMatchObject([{ data: { state: 'unshelved', by: 'gateway' } }])
    expect(bench.only()).toMatchObject({ state: 'raised', due: { acknowledge: t0 + hour + 5 * minute } })
    expect(bench.desk.summary(t0 + hour)).toMatchObject({ open: { 2: 1 }, shelved: 0 })
  })
  it('is closed by a good rating and reopened by a poor one', () => {
    const good = new DeskBench()
    settled(good)
    expect(good.act({ act: 'evaluate', score: 4, by: 'kiosk', origin: 'resident' }, t0 + 3_000)).toMatchObject({ outcome: 'applied', alert: { state: 'closed', evaluated: { score: 4 } } })
    const poor = new DeskBench()
    settled(poor)
    expect(poor.act({ act: 'evaluate', score: 2, text: 'still hot', by: 'kiosk', origin: 'resident' }, t0 + 3_000)).toMatchObject({ alert: { state: 'raised', reopened: 1, condition: 'returned' } })
    expect(poor.steps().slice(-2)).toEqual(['evaluated', 'reopened'])
    poor.act({ act: 'resolve', note: 'again' }, t0 + 4_000)
    expect(poor.act({ act: 'evaluate', score: 5 }, t0 + 5_000)).toMatchObject({ outcome: 'applied', alert: { state: 'closed' } })
  })
  it('closes by itself when nobody rates it', () => {
    const bench = new DeskBench()
    settled(bench)
    expect(bench.desk.wakeAt()).toBe(t0 + 2_000 + 7 * day)
    bench.tick(t0 + 2_000 + 7 * day)
    expect(bench.only()).toMatchObject({ state: 'closed', closedAt: t0 + 2_000 + 7 * day })
    expect(bench.desk.open()).toEqual([])
  })
  it('is the same one again shortly after, and another one later', () => {
    const bench = new DeskBench()
    settled(bench)
    const first = bench.only().id
    expect(bench.apply(raise({ at: t0 + 5 * minute }))).toMatchObject([{ subject: first, data: { state: 'reopened', count: 2, reopened: 1 } }])
    bench.apply(clear({ at: t0 + 6 * minute }))
    bench.act({ act: 'resolve', note: 'x', alert: first }, t0 + 7 * minute)
    const [event] = bench.apply(raise({ at: t0 + 30 * minute }))
    expect(event!.subject).not.toBe(first)
    expect(bench.desk.open()).toHaveLength(2)
  })
  it('of the gateway, and a routine one, closes by itself when its cause is gone', () => {
    for (const of of [{ ruleId: 'gateway' }, { severity: 4 as const }]) {
      const bench = new DeskBench()
      bench.apply(raise(of), clear(of.ruleId ? { ruleId: of.ruleId } : {}))
      expect(bench.steps()).toEqual(['raised', 'cleared', 'closed'])
      expect(bench.desk.open()).toEqual([])
      // Soon again: the same one.
      bench.apply(raise({ ...of, at: t0 + minute }))
      expect(bench.steps().at(-1)).toBe('reopened')
    }
  })
  it('without a cause that could go away waits for an answer alone, and each call asks again', () => {
    const bench = new DeskBench()
    bench.apply(raise({ momentary: true }))
    bench.act({ act: 'acknowledge' }, t0 + 10)
    bench.apply(raise({ momentary: true, at: t0 + 20 }))
    expect(bench.only()).toMatchObject({ state: 'raised', condition: 'momentary', count: 2 })
    expect(bench.act({ act: 'resolve', note: 'went there' }, t0 + 30)).toMatchObject({ outcome: 'applied' })
  })
  it('is asked for again when it gets graver', () => {
    const bench = new DeskBench()
    bench.apply(raise({ severity: 3 }))
    bench.act({ act: 'acknowledge' }, t0 + 10)
    expect(bench.apply(raise({ severity: 3, at: t0 + 20 }))).toEqual([])
    expect(bench.apply(raise({ severity: 1, at: t0 + 30 }))).toMatchObject([{ data: { state: 'raised', severity: 1, phase: 'raised' } }])
  })
  it('lets a resident rate and comment, and nothing else', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    expect(bench.act({ act: 'acknowledge', origin: 'resident' })).toMatchObject({ outcome: 'refused', code: 'ALERT_NOT_ALLOWED' })
    expect(bench.act({ act: 'comment', text: 'it is hot here', origin: 'resident' })).toMatchObject({ outcome: 'applied' })
  })
  it('keeps receipts in its timeline', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    expect(bench.note(bench.only().id, { at: t0 + 5, what: 'delivered', data: { channel: 'wecom' } })).toMatchObject([{ data: { state: 'delivered', channel: 'wecom', phase: 'raised' } }])
    expect(bench.note('0000', { at: t0, what: 'delivered' })).toEqual([])
    expect(bench.only().timeline.map(({ what }) => what)).toEqual(['raised', 'delivered'])
  })
  it('does not let what a rule says stand for what the desk says', () => {
    const bench = new DeskBench()
    expect(bench.apply(raise({ data: { state: 'closed', severity: 9, notify: ['x'], id: 'fake' } }))[0]!.data).toMatchObject({ state: 'raised', severity: 2, id: bench.only().id })
  })
  it('never waits in the future, whatever the clock of a device says', () => {
    const bench = new DeskBench({ now: () => t0 })
    bench.apply(raise({ at: t0 + 365 * day }))
    expect(bench.only()).toMatchObject({ raisedAt: t0, due: { acknowledge: t0 + 5 * minute } })
  })
  it('keeps its order when the clock is set back', () => {
    const bench = new DeskBench()
    bench.apply(raise({ at: t0 + hour }), clear({ at: t0 }))
    expect(bench.only()).toMatchObject({ condition: 'returned' })
    bench.act({ act: 'acknowledge' }, t0 + 5)
    bench.apply(raise({ at: t0 + 10 }))
    expect(bench.only()).toMatchObject({ state: 'raised', condition: 'active', count: 2 })
  })
})

describe('the desk', () => {
  it('refuses acts that make no sense, with a code, and changes nothing', () => {
    const bench = new DeskBench()
    bench.apply(raise())
    const wrong: readonly object[] = [{ act: 'acknowledge', id: 'x' }, { act: 'acknowledge', by: 'gateway' }, { act: 'acknowledge', by: '' }, { act: 'resolve', note: '  ' }, { act: 'evaluate', score: 6 }, { act: 'assign', to: '' }, { act: 'shelve', until: t0 - 1, reason: 'x' }, { act: 'shelve', until: t0 + 5, reason: '' }, { act: 'comment', text: 'x'.repeat(1_001) }, { act: 'explode' }, { act: 'acknowledge', origin: 'mars' }]
    for (const act of wrong) expect(bench.act(act as AlertAct)).toMatchObject({ outcome: 'refused', code: 'ALERT_ACT_INVALID' })
    expect(bench.act({ act: 'acknowledge', alert: 'ffff' })).toMatchObject({ outcome: 'refused', code: 'ALERT_UNKNOWN' })
    expect(bench.act({ act: 'evaluate', score: 5 })).toMatchObject({ outcome: 'refused', code: 'ALERT_NOT_ALLOWED' })
    expect(bench.steps()).toEqual(['raised'])
  })
  it('goes on after a restart where it was, with running deadlines', () => {
    const bench = new DeskBench()
    bench.apply(raise(), raise({ key: 'b', severity: 1, momentary: true }))
    bench.act({ act: 'shelve', until: t0 + hour, reason: 'painters', alert: bench.desk.open()[1]!.id })
    const again = bench.restarted()
    expect(again.desk.open()).toEqual(bench.desk.open())
    expect(again.desk.wakeAt()).toBe(bench.desk.wakeAt())
    expect(again.apply(raise())).toEqual([])
  })
  it('takes over what the version before has stored', () => {
    const bench = new DeskBench({}, new Map<string, Json>([['alert/hot', { id: 'old', key: 'hot', ruleId: 'hot', severity: 2, title: { zh: '热', en: 'hot' }, raisedAt: t0, state: 'raised', data: {} }]]))
    expect(bench.only()).toMatchObject({ id: 'old', state: 'raised', count: 1 })
    bench.apply(clear())
    expect([...bench.stored.keys()]).toEqual(['alert/old'])
  })
  it('takes any JSON for a restore and keeps only alerts', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.jsonValue())), (entries) => {
      expect(new DeskBench({}, new Map(entries as [string, Json][])).desk.open()).toEqual([])
    }))
  })
  it('survives damage inside a stored alert', () => {
    const bench = new DeskBench()
    settled(bench)
    const [[key, value]] = [...bench.stored] as [[string, Json]]
    fc.assert(fc.property(fc.jsonValue(), fc.nat(30), (junk, at) => {
      const copy = JSON.parse(JSON.stringify(value)) as Record<string, unknown>
      const places: [Record<string, unknown>, string][] = []
      const walk = (node: unknown): void => { if (node && typeof node === 'object') for (const name of Object.keys(node)) { places.push([node as Record<string, unknown>, name]); walk((node as Record<string, unknown>)[name]) } }
      walk(copy)
      const [node, name] = places[at % places.length]!
      node[name] = junk
      const damaged = new DeskBench({}, new Map([[key, copy as Json]]))
      damaged.apply(raise({ at: t0 + minute }))
      damaged.tick(t0 + 30 * day)
    }))
  })
  it('tells one alert that comes and goes all the time once, and when it has calmed', () => {
    const bench = new DeskBench()
    for (let n = 0; n < 40; n++) bench.apply(raise({ at: t0 + n * 10_000 }), clear({ at: t0 + n * 10_000 + 5_000 }))
    expect(bench.steps().filter((step) => step === 'raised')).toHaveLength(5)
    expect(bench.steps().filter((step) => step === 'chattering')).toHaveLength(1)
    expect(bench.only()).toMatchObject({ chattering: true, count: 40, condition: 'returned' })
    expect(bench.restarted().only()).toMatchObject({ chattering: true, count: 40 })
    bench.tick(bench.desk.wakeAt()!)
    expect(bench.steps().at(-1)).toBe('chattering')
    bench.tick(bench.desk.wakeAt()!)
    expect(bench.steps().at(-1)).toBe('calmed')
    expect(bench.only().chattering).toBeUndefined()
    expect(bench.events.at(-1)!.data).toMatchObject({ count: 40, condition: 'returned' })
  })
  it('knows a flood: one notice, and the rest is grouped, until half as many come', () => {
    const told = { notify: ['wecom'], mention: [] }
    const bench = new DeskBench({ roster: { first: () => told, steps: () => [], escalate: () => told } })
    for (let n = 0; n < 14; n++) bench.apply(raise({ key: `k${n}`, at: t0 + n * 1_000, severity: n === 13 ? 1 : 3 }))
    const floods = bench.events.filter(({ data }) => data.key === 'gateway/flood')
    expect(floods).toMatchObject([{ data: { state: 'raised', notify: ['wecom'] } }])
    expect(bench.events.filter(({ data }) => data.notify && data.key !== 'gateway/flood').map(({ data }) => data.key)).toEqual([...Array.from({ length: 10 }, (_, n) => `k${n}`), 'k13'])
    expect(bench.desk.summary(t0 + 20_000).flood).toEqual({ since: t0, count: 14 })
    expect(bench.restarted().desk.summary(t0 + 20_000).flood).toEqual({ since: t0, count: 14 })
    const over = bench.desk.wakeAt()!
    expect(over).toBeLessThanOrEqual(t0 + 11 * minute)
    bench.tick(over)
    expect(bench.desk.summary(over).flood).toBeNull()
    expect(bench.steps().slice(-2)).toEqual(['cleared', 'closed'])
  })
  it('keeps 500 closed alerts, and as many open ones as there is room for: the least grave and oldest go, told', () => {
    const bench = new DeskBench({ maxOpen: 20, config: { flood: { alerts: 1_000 } } })
    for (let n = 0; n < 30; n++) bench.apply(raise({ key: `k${n}`, at: t0 + n, severity: n === 0 ? 1 : 3 }))
    expect(bench.desk.open()).toHaveLength(21)
    expect(bench.desk.open().map(({ key }) => key)).toContain('k0')
    expect(bench.events.filter(({ data }) => data.reason === 'room')).toHaveLength(10)
    expect(bench.desk.open().map(({ key }) => key)).toContain('gateway/alerts/full')
    expect(bench.stored.size).toBe(21)
    const many = new DeskBench({ config: { flood: { alerts: 1_000 }, reopenWithin: '0s' } })
    for (let n = 0; n < 600; n++) many.apply(raise({ key: `k${n}`, at: t0 + n * 10, severity: 4 }), clear({ key: `k${n}`, at: t0 + n * 10 + 5 }))
    expect(many.desk.closed()).toHaveLength(500)
    expect(many.desk.closed()[0]!.key).toBe('k599')
    expect(many.stored.size).toBe(500)
  })
  it('keeps a timeline of bounded length, and of what was folded away the first and the last', () => {
    const bench = new DeskBench({ config: { chattering: { raises: 100, within: '1s' } } })
    for (let n = 0; n < 500; n++) {
      bench.apply(raise({ at: t0 + n * minute }))
      bench.act({ act: 'comment', text: `look ${n}` }, t0 + n * minute + 1)
      bench.apply(clear({ at: t0 + n * minute + 2 }))
    }
    const { timeline, count } = bench.only()
    expect(count).toBe(500)
    expect(timeline.length).toBeLessThan(170)
    expect(timeline[0]).toMatchObject({ what: 'raised', at: t0 })
    expect(timeline.some(({ what }) => what === 'omitted')).toBe(true)
    expect(JSON.stringify([...bench.stored.values()]).length).toBeLessThan(60_000)
    expect(bench.restarted().only()).toEqual(bench.only())
  })
  it('a test alarm says TEST everywhere, is in no figure, and ends by itself', () => {
    const bench = new DeskBench()
    const [event] = bench.test(1, 'wang', t0)
    expect(event).toMatchObject({ mode: 'test', data: { state: 'raised', severity: 1, title: { zh: expect.stringMatching(/^【测试】/), en: expect.stringMatching(/^TEST /) } } })
    expect(bench.desk.summary(t0)).toMatchObject({ open: { 1: 0 }, waiting: 0 })
    expect(bench.desk.wakeAt()).toBe(t0 + 30_000)
    bench.tick(t0 + 30_000)
    expect(bench.steps()).toEqual(['raised', 'cleared', 'closed'])
    expect(bench.events.every(({ mode }) => mode === 'test')).toBe(true)
    expect(bench.desk.statistics(0, t0 + hour).rules).toEqual([])
  })
  it('in maintenance is muted, and what is still so afterwards is told', () => {
    const told = { notify: ['wecom'], mention: [] }
    const bench = new DeskBench({ roster: { first: () => told, steps: () => [], escalate: () => told } })
    bench.apply(raise({ mode: 'maintenance', deviceId: 'env' }), raise({ key: 'b', mode: 'maintenance', deviceId: 'env' }), clear({ key: 'b' }), raise({ key: 'c', mode: 'maintenance', deviceId: 'other' }))
    expect(bench.events.some(({ data }) => data.notify)).toBe(false)
    expect(bench.desk.summary(t0)).toMatchObject({ open: { 2: 0 }, waiting: 0 })
    expect(bench.unmute(({ deviceId }) => deviceId === 'env', t0 + hour)).toMatchObject([{ data: { state: 'raised', key: 'hot', notify: ['wecom'], due: { acknowledge: t0 + hour + 5 * minute } } }])
    expect(bench.desk.summary(t0 + hour)).toMatchObject({ open: { 2: 1 }, waiting: 1 })
  })
  it('counts what stands for more than a day, and figures of each rule', () => {
    const bench = new DeskBench()
    bench.apply(raise(), raise({ key: 'b', ruleId: 'b', at: t0 }))
    bench.act({ act: 'acknowledge', alert: bench.desk.open()[0]!.id }, t0 + minute)
    expect(bench.desk.summary(t0 + 25 * hour).standing).toBe(2)
    expect(bench.desk.statistics(0, t0 + 25 * hour)).toMatchObject({ rules: [{ rule: 'b', acknowledgeMs: null }, { rule: 'hot', alerts: 1, raised: 1, acknowledgeMs: minute }], per10Min: { peak: 2 }, standing: 2 })
  })
  it('tells a listener each change with the alert as it is then', () => {
    const bench = new DeskBench()
    const seen: string[] = []
    const stop = bench.desk.onChange(({ state, condition }) => seen.push(`${state} ${condition}`))
    bench.apply(raise(), clear())
    bench.act({ act: 'acknowledge' })
    stop()
    bench.act({ act: 'resolve', note: 'x' })
    expect(seen).toEqual(['raised returned', 'acknowledged returned'])
  })
})

describe('the table of the README', () => {
  it('is the table of the code', () => {
    const page = readFileSync(new URL('../../../rules/alerts/README.md', import.meta.url), 'utf8')
    const rows = new Map([...page.matchAll(/^\| `([a-z]+)` \|(.*)\|$/gm)].map(([, act, cells]) => [act!, cells!.split('|').map((cell) => cell.trim())]))
    for (const [act, states] of Object.entries(table)) {
      expect(rows.get(act)?.map((cell) => (cell === 'already' ? 'already' : cell === 'refused' ? 'ALERT_NOT_ALLOWED' : 'does')), act)
        .toEqual(Object.values(states).map((move) => (typeof move === 'string' ? move : 'does')))
    }
  })
})
