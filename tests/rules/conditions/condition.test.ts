/* oxlint-disable unicorn/no-thenable -- a word of the site file; nobody awaits it */
import { describe, expect, it } from 'vitest'
import type { RaiseAlert } from '../../../gateway/contract/index.ts'
import { conditionSchema } from '../../../rules/conditions/schema.ts'
import { reading } from '../../support/points.ts'
import { brief, condition, inputOf, play, restarted, start, title, told } from './support.ts'

describe('a condition', () => {
  it('raises after its wait and clears when it is over, each at its own moment', () => {
    expect(told(condition({ when: 't > 30', for: '5s' }), [[0, 'tick'], [1, 'hall.t', 31], [4, 'tick'], [9, 'tick'], [10, 'hall.t', 29]])).toEqual([['raise', 6, 'r'], ['clear', 10, 'r']])
  })
  it('does not raise for a peak, and waits as long to clear as it is told', () => {
    expect(told(condition({ when: 't > 30', for: '5s', clearFor: '3s' }), [[1, 'hall.t', 31], [5, 'hall.t', 29], [7, 'hall.t', 31], [20, 'hall.t', 29], [22, 'hall.t', 31], [23, 'hall.t', 29], [30, 'tick']])).toEqual([['raise', 12, 'r'], ['clear', 26, 'r']])
  })
  it('clears by its own expression: hysteresis', () => {
    expect(told(condition({ when: 't > 30', clear: 't < 28' }), [[1, 'hall.t', 31], [2, 'hall.t', 29], [3, 'hall.t', 31], [4, 'hall.t', 27]])).toEqual([['raise', 1, 'r'], ['clear', 4, 'r']])
  })
  it('joins devices', () => {
    expect(told(condition({ when: 't > 30 && !open' }), [[1, 'hall.t', 31], [2, 'door.open', false], [3, 'door.open', true]])).toEqual([['raise', 2, 'r'], ['clear', 3, 'r']])
  })
  it('ignores a reading older than the newest of its point', () => {
    const rule = condition({ when: 't > 30' })
    expect(told(rule, [[10, 'hall.t', 31]])).toEqual([['raise', 10, 'r']])
    expect(rule.step({ reading: reading('hall.t', 20, start + 5_000, { receivedAt: start + 11_000 }) }).effects).toEqual([])
  })
  it('is not fooled by the clock of a device that is ahead', () => {
    const rule = condition({ when: 't > 30', for: '10s' })
    rule.step({ reading: reading('hall.t', 31, start + 500_000, { receivedAt: start }) })
    expect(told(rule, [[9, 'tick'], [10, 'tick']])).toEqual([['raise', 10, 'r']])
  })
  it('says what it saw, with the values in its title', () => {
    const [raise] = play(condition({ inputs: { t: 'hall.t' }, when: 't > 30', title: { zh: '{t}，过热', en: 'hot: {t}' } }), [[1, 'hall.t', 31.256]]) as [RaiseAlert]
    expect(raise).toMatchObject({ title: { zh: '31.26，过热', en: 'hot: 31.26' }, deviceId: 'hall', data: { when: 't > 30', point: 'hall.t', value: 31.256, values: { t: 31.256 }, points: { t: 'hall.t' } } })
  })
  it('puts what a device sends into a title as plain text, once', () => {
    const hostile = `{t} \u202e${'长'.repeat(100)}\n<b>`
    const [raise] = play(condition({ when: `mode != 'ok'`, title: { zh: '{mode}', en: '{mode} {t}' } }), [[0, 'hall.t', 1], [1, 'panel.mode', hostile]]) as [RaiseAlert]
    expect(raise.title.zh).toMatch(/^\{t\} {2}长+…$/)
    expect([...raise.title.zh].length).toBeLessThanOrEqual(65)
    expect(raise.title.en.endsWith(' 1')).toBe(true)
    expect(String((raise.data.values as Record<string, string>).mode).length).toBeLessThanOrEqual(200)
  })
  it('looks back through windows, also when nothing new is said', () => {
    expect(told(condition({ when: 'avg(t, 1m) > 30' }), [[0, 'hall.t', 20], [60, 'hall.t', 50], [150, 'tick']])).toEqual([['raise', 80, 'r']])
    expect(told(condition({ when: 'count(open, 1m) >= 3' }), [[0, 'door.open', false], ...[40, 42, 44].flatMap((at) => [[at, 'door.open', true], [at + 1, 'door.open', false]] as const), [200, 'tick']])).toEqual([['raise', 44, 'r'], ['clear', 100, 'r']])
  })
  it('measures how long a value has been so, to the millisecond', () => {
    expect(told(condition({ when: 'open && since(open) >= 20s' }), [[0, 'door.open', false], [5, 'door.open', true], [60, 'tick'], [61, 'door.open', false]])).toEqual([['raise', 25, 'r'], ['clear', 61, 'r']])
    expect(told(condition({ when: 'open && since(open) > 20s' }), [[5, 'door.open', true], [60, 'tick']])).toEqual([['raise', 25.001, 'r']])
    expect(told(condition({ when: 'open && since(open) - 5s > 20s' }), [[5, 'door.open', true], [60, 'tick']])).toEqual([['raise', 31, 'r']])
  })
  it('finds silence of a pushed point and badness of a polled one', () => {
    expect(told(condition({ when: 'stale(wet, 2m)' }), [[0, 'tick'], [100, 'leak.wet', false], [200, 'leak.wet', false], [400, 'tick'], [401, 'leak.wet', false]])).toEqual([['raise', 320, 'r'], ['clear', 401, 'r']])
    expect(told(condition({ when: 'stale(t, 2m)' }), [[0, 'hall.t', 1], [500, 'hall.t', null], [700, 'tick'], [701, 'hall.t', 1]])).toEqual([['raise', 620, 'r'], ['clear', 701, 'r']])
    expect(told(condition({ when: 'bad(open)' }), [[0, 'door.open', false], [5, 'door.open', null], [6, 'door.open', true]])).toEqual([['raise', 5, 'r'], ['clear', 6, 'r']])
  })
  it('tells each change once, as something nobody can clear', () => {
    const effects = play(condition({ when: 'changed(open) && open' }), [[0, 'door.open', false], [1, 'door.open', true], [2, 'door.open', true], [3, 'door.open', false], [4, 'door.open', true]])
    expect(brief(effects)).toEqual([['raise', 1, 'r'], ['raise', 4, 'r']])
    expect(effects.every((effect) => effect.kind === 'raise' && effect.momentary)).toBe(true)
  })
  it('stays raised after a change where a clear ends it', () => {
    expect(told(condition({ when: 'changed(open)', clear: 't > 1' }), [[0, 'door.open', false], [1, 'door.open', true], [2, 'door.open', false], [3, 'hall.t', 2]])).toEqual([['raise', 1, 'r'], ['clear', 3, 'r']])
  })
  it('counts only within its hours', () => {
    const schedules = [{ id: 'night', weekly: ['mon-sun 22:00-06:00'] }]
    expect(told(condition({ when: 'open', during: 'night' }, { schedules }), [[0, 'door.open', true], [3600 * 24, 'tick']])).toEqual([['raise', 3600 * 14, 'r'], ['clear', 3600 * 22, 'r']])
    expect(told(condition({ when: 'open', during: 'not night' }, { schedules }), [[0, 'door.open', true], [3600 * 15, 'tick']])).toEqual([['raise', 0, 'r'], ['clear', 3600 * 14, 'r']])
    expect(told(condition({ inputs: {}, when: `schedule('night') && hour() >= 23` }, { schedules }), [[0, 'tick'], [3600 * 17, 'tick']])).toEqual([['raise', 3600 * 15, 'r'], ['clear', 3600 * 16, 'r']])
  })
  it('goes on when the clock is put back', () => {
    const rule = condition({ when: 't > 30', for: '10s' })
    expect(told(rule, [[1_000, 'hall.t', 31], [4, 'tick'], [5, 'hall.t', 31], [13, 'tick'], [15, 'tick']])).toEqual([['raise', 14, 'r']])
  })
})

describe('what cannot be told', () => {
  it('holds: nothing moves, a wait goes on, a notice comes after a while and goes', () => {
    expect(told(condition({ when: 't > 30', for: '5s' }), [[0, 'hall.t', 31], [3, 'hall.t', null], [600, 'tick'], [700, 'hall.t', 31], [701, 'hall.t', null], [2_000, 'hall.t', 29]]))
      .toEqual([['raise', 603, 'r/unknown'], ['clear', 700, 'r/unknown'], ['raise', 700, 'r'], ['raise', 1301, 'r/unknown'], ['clear', 2000, 'r/unknown'], ['clear', 2000, 'r']])
  })
  it('tells of a point that never spoke', () => {
    expect(told(condition({ when: 't > 30', noticeAfter: '1m' }), [[0, 'tick'], [90, 'tick']])).toEqual([['raise', 60, 'r/unknown']])
  })
  it('gives a window the time to fill before that', () => {
    expect(told(condition({ when: 'avg(t, 1h) > 30' }), [[0, 'hall.t', 40], [1_799, 'tick'], [1_801, 'tick']])).toEqual([['raise', 1800, 'r']])
  })
  it('clears or raises where the rule says so', () => {
    expect(told(condition({ when: 't > 30', unknown: 'clear' }), [[0, 'hall.t', 31], [3, 'hall.t', null], [5, 'hall.t', 31]])).toEqual([['raise', 0, 'r'], ['clear', 3, 'r'], ['raise', 5, 'r']])
    expect(told(condition({ when: 't > 30', unknown: 'raise', for: '5s' }), [[0, 'hall.t', 20], [3, 'hall.t', null], [20, 'tick'], [30, 'hall.t', 20]])).toEqual([['raise', 8, 'r'], ['clear', 30, 'r']])
  })
  it('is settled by the side that is known', () => {
    expect(told(condition({ when: 't > 30 || open' }), [[0, 'hall.t', null], [1, 'door.open', true], [2, 'hall.t', 20], [3, 'hall.t', null], [4, 'door.open', false], [5, 'hall.t', 20]])).toEqual([['raise', 1, 'r'], ['clear', 5, 'r']])
  })
})

describe('actions', () => {
  const actions = { severity: undefined, title: undefined, when: 't > 30' }
  it('are carried out when it begins and when it ends', () => {
    const rule = condition({ when: 't > 30', then: [{ write: { point: 'relays.fan', value: true } }, { publish: { topic: 'fan/state', payload: { on: true, t: '{t}', text: 'at {t}' } } }, { notify: { channels: ['duty'], text: { zh: '{t}', en: '{t}' } } }, { scene: 'cool' }], otherwise: [{ write: { point: 'relays.fan', value: false, deadline: '2s' } }] })
    const effects = play(rule, [[1, 'hall.t', 31], [2, 'hall.t', 20]])
    expect(brief(effects)).toEqual([['raise', 1, 'r'], ['write', 1, 'relays.fan=true'], ['publish', 1, 'fan/state'], ['notify', 1, 'duty'], ['start', 1, 'cool'], ['clear', 2, 'r'], ['write', 2, 'relays.fan=false']])
    expect(effects[1]).toMatchObject({ deadlineMs: 10_000, ruleId: 'r' })
    expect(effects[2]).toMatchObject({ payload: { on: true, t: 31, text: 'at 31' } })
    expect(effects[6]).toMatchObject({ deadlineMs: 2_000 })
  })
  it('are held back by an interlock, also by one that cannot be told, and that is recorded', () => {
    const rule = (interlock: object) => condition({ ...actions, then: [{ write: { point: 'relays.fan', value: true, ...interlock } }] })
    expect(told(rule({ onlyIf: '!open' }), [[0, 'door.open', false], [1, 'hall.t', 31]])).toEqual([['write', 1, 'relays.fan=true']])
    expect(told(rule({ onlyIf: '!open' }), [[0, 'door.open', true], [1, 'hall.t', 31]])).toEqual([['record', 1, 'RULE_INTERLOCK']])
    expect(play(rule({ onlyIf: '!open' }), [[1, 'hall.t', 31]])).toMatchObject([{ kind: 'record', event: { type: 'command', subject: 'relays', data: { state: 'rejected', actor: 'rule:r', point: 'relays.fan', value: true, detail: 'held back by onlyIf: !open' } } }])
    expect(told(rule({ unless: 'open' }), [[1, 'hall.t', 31]])).toEqual([['record', 1, 'RULE_INTERLOCK']])
    expect(told(rule({ unless: 'open' }), [[0, 'door.open', false], [1, 'hall.t', 31]])).toEqual([['write', 1, 'relays.fan=true']])
  })
  it('an interlock is asked and does not call', () => {
    const rule = condition({ ...actions, then: [{ write: { point: 'relays.fan', value: true, unless: 'fan' } }] })
    expect(told(rule, [[0, 'relays.fan', false], [1, 'hall.t', 31], [2, 'relays.fan', true], [3, 'relays.fan', false]])).toEqual([['write', 1, 'relays.fan=true']])
  })
  it('write no more often than they may, which is told once', () => {
    const rule = condition({ ...actions, then: [{ write: { point: 'relays.fan', value: true } }], writes: { atMost: 2, per: '1m' } })
    const steps = [1, 2, 3, 4, 5].flatMap((at) => [[at, 'hall.t', 31], [at + 0.5, 'hall.t', 20]] as const)
    expect(told(rule, [...steps, [62, 'hall.t', 31]])).toEqual([['write', 1, 'relays.fan=true'], ['write', 2, 'relays.fan=true'], ['record', 3, 'RULE_WRITE_LIMIT'], ['raise', 3, 'r/writes'], ['write', 62, 'relays.fan=true'], ['clear', 62, 'r/writes']])
  })
})

describe('a restart', () => {
  it('goes on with a wait, and does not fire twice', () => {
    const make = () => condition({ when: 't > 30', for: '60s' })
    const first = make()
    first.step(inputOf([0, 'hall.t', 31]))
    const second = restarted(first, make())
    expect(told(second, [[50, 'tick'], [70, 'tick']])).toEqual([['raise', 60, 'r']])
    expect(told(restarted(second, make()), [[71, 'tick'], [72, 'hall.t', 31], [80, 'hall.t', 20]])).toEqual([['clear', 80, 'r']])
  })
  it('after a long stop waits for a polled value before it raises, and trusts a pushed one', () => {
    const polled = () => condition({ when: 't > 30', for: '60s' })
    const [a, b] = [polled(), polled()]
    for (const rule of [a, b]) rule.step(inputOf([0, 'hall.t', 31]))
    expect(told(restarted(a, polled()), [[7_200, 'tick'], [7_201, 'hall.t', 20]])).toEqual([])
    expect(told(restarted(b, polled()), [[7_200, 'tick'], [7_201, 'hall.t', 31]])).toEqual([['raise', 7201, 'r']])
    const pushed = () => condition({ when: 'wet', for: '60s' })
    const c = pushed()
    c.step(inputOf([0, 'leak.wet', true]))
    expect(told(restarted(c, pushed()), [[7_200, 'tick']])).toEqual([['raise', 60, 'r']])
  })
  it('does not take its own stop for the silence of a point', () => {
    const make = () => condition({ when: 'stale(wet, 1h)' })
    const first = make()
    first.step(inputOf([0, 'leak.wet', false]))
    expect(told(restarted(first, make()), [[7_200, 'tick'], [10_799, 'tick'], [10_800, 'tick']])).toEqual([['raise', 10_800, 'r']])
  })
  it('remembers when a point was last heard', () => {
    const make = () => condition({ when: 'stale(wet, 1m)' })
    const first = make()
    for (const at of [0, 50]) first.step(inputOf([at, 'leak.wet', false]))
    expect(told(restarted(first, make()), [[60, 'tick'], [120, 'tick']])).toEqual([['raise', 110, 'r']])
  })
  it('keeps an alert whose condition was written anew until that is known to be over', () => {
    const first = condition({ when: 't > 30' })
    first.step(inputOf([0, 'hall.t', 31]))
    expect(told(restarted(first, condition({ when: 't > 35' })), [[10, 'tick']])).toEqual([['clear', 0, 'r']])
    expect(told(restarted(first, condition({ when: 't > 25' })), [[10, 'tick'], [11, 'hall.t', 20]])).toEqual([['clear', 11, 'r']])
  })
  it('asks for storing only where something began or ended', () => {
    const rule = condition({ when: 't > 30', for: '60s' })
    expect([inputOf([0, 'hall.t', 20]), inputOf([1, 'hall.t', 21]), inputOf([2, 'hall.t', 31]), inputOf([3, 'hall.t', 32]), inputOf([4, 'hall.t', 29])].map((input) => rule.step(input).changed ?? false)).toEqual([true, false, true, false, true])
  })
})

describe('a site entry', () => {
  const parse = (entry: object) => conditionSchema.safeParse({ id: 'r', kind: 'condition', inputs: { t: 'hall.t' }, when: 't > 30', severity: 3, title, ...entry }).error?.issues.map(({ message, path }) => `${path.join('.')}: ${message}`) ?? []
  it('names its inputs in its texts', () => {
    expect(parse({ title: { zh: '{tt}', en: 'x' } })).toEqual(['title.zh: {tt} is no input; did you mean "t"?'])
    expect(parse({ then: [{ notify: { channels: ['x'], text: { zh: '{t}', en: '{u}' } } }] })).toEqual(['then.0.notify.text.en: {u} is no input; did you mean "t"?'])
  })
  it('does something', () => {
    expect(parse({ severity: undefined, title: undefined })).toEqual([expect.stringContaining('it does nothing')])
    expect(parse({ severity: undefined })).toEqual([expect.stringContaining('severity and a title')])
  })
  it('has inputs with plain names', () => {
    for (const name of ['T', '1t', 'a-b', '__proto__x', 'constructor()']) expect(parse({ inputs: { t: 'hall.t', [name]: 'hall.u' } }).length).toBeGreaterThan(0)
  })
})
