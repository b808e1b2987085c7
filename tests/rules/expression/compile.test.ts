import { describe, expect, it } from 'vitest'
import { compile } from '../../../rules/expression/compile.ts'
import { durationMs, durationText, ExpressionError } from '../../../rules/expression/parse.ts'
import { Needs, type Frame, type InputState, type InputType, type Known, type WindowPort } from '../../../rules/expression/scope.ts'

const types: Readonly<Record<string, InputType['type']>> = { t: 'number', u: 'number', open: 'boolean', lit: 'boolean', mode: 'string' }
const scope = { inputs: new Map(Object.entries(types).map(([name, type]): [string, InputType] => [name, { point: `hall.${name}`, type }])), schedules: new Set(['office-hours']) }
const names = Object.keys(types)

function frame(values: Readonly<Record<string, Known>>, more: Partial<Frame> & { readonly states?: Readonly<Record<string, Partial<InputState>>> } = {}): Frame {
  const inputs = names.map((name): InputState => ({ value: values[name] ?? null, seen: values[name] !== undefined, bad: values[name] === null, last: values[name] ?? null, changedAt: 0, heardAt: 0, badSince: values[name] === null ? 0 : -1, pulse: false, pushed: false, ...more.states?.[name] }))
  const window: WindowPort = { measure: (what) => ({ avg: 21, min: 20, max: 22, sum: 5, count: 3, rate: 6, delta: -1 })[what], boundary: () => Infinity }
  const calendar = { open: () => true, boundary: () => Infinity, fields: () => ({ hour: 9, minute: 30, weekday: 3, workday: true, holiday: false }), next: () => Infinity }
  return { now: 100_000, startedAt: 0, inputs, windows: Array.from({ length: 9 }, () => window), calendar, ...more }
}
const run = (text: string, values: Readonly<Record<string, Known>> = {}, more?: Parameters<typeof frame>[1]): Known => compile(text, scope, new Needs(names)).run(frame(values, more))
function refusal(text: string): { readonly offset: number; readonly message: string } {
  try { compile(text, scope, new Needs(names)) } catch (error) { if (error instanceof ExpressionError) return { offset: error.offset, message: error.message }; throw error }
  return { offset: -1, message: 'nothing refused' }
}

describe('an expression', () => {
  it('compares a decimal with a whole number as people do', () => {
    expect([run('t > 30', { t: 30.5 }), run('t == 30', { t: 30 }), run('30 < t', { t: 29 }), run('t * 2 - 1 >= 59', { t: 30 }), run('t / 4 == 7.5', { t: 30 })]).toEqual([true, true, false, true, true])
  })
  it('knows texts, truth and choice', () => {
    expect(run(`mode in ['auto', 'eco'] && !open`, { mode: 'eco', open: false })).toBe(true)
    expect(run(`mode.startsWith('au') || mode == "x"`, { mode: 'auto' })).toBe(true)
    expect(run('(open ? t : u) > 10', { open: true, t: 11, u: 1 })).toBe(true)
    expect(run(`size(mode) == 4 && mode.contains('ut') && mode.endsWith('o')`, { mode: 'auto' })).toBe(true)
  })
  it('keeps what is missing unknown, unless the other side settles it', () => {
    expect([run('t > 30'), run('t > 30 && open', { open: false }), run('open && t > 30', { open: true }), run('t > 30 || open', { open: true }), run('open || t > 30', { open: false }), run('!(t > 30)')]).toEqual([null, false, null, true, null, null])
    expect([run('t == u', { t: 1 }), run('(open ? t : u) > 1', { t: 1, u: 2 }), run(`mode in ['a']`), run('-t < 0')]).toEqual([null, null, null, null])
  })
  it('has no number for a division by zero', () => {
    expect([run('t / u > 1', { t: 1, u: 0 }), run('t % u == 0', { t: 1, u: 0 }), run('t * t > 0', { t: 1e300 })]).toEqual([null, null, null])
  })
  it('takes durations bare, in the forms of the site file and longer', () => {
    expect([run('since(t) > 1m30s', { t: 1 }), run('since(t) > 2m', { t: 1 }), run(`since(t) >= duration('100s')`, { t: 1 }), run('since(t) + 1m > 2m30s', { t: 1 }), run('since(t) > 5m')]).toEqual([true, false, true, true, null])
    expect([durationMs('1h30m'), durationMs('500ms'), durationMs('2d'), durationMs('5'), durationMs('5m x'), durationText(5_400_000), durationText(0), durationText(1_500)]).toEqual([5_400_000, 500, 172_800_000, null, null, '1h30m', '0s', '1s500ms'])
  })
  it('leaves a duration within a text or a comment alone', () => {
    expect(run(`mode == '5m' // not 10m`, { mode: '5m' })).toBe(true)
    expect(run(`mode == "a\\"5m" || avg(t, 5m) > 1`, { mode: 'x' })).toBe(true)
  })
  it('asks windows, one for each span', () => {
    const needs = new Needs(names)
    const part = compile('avg(t, 5m) > 20 && max(t, 5m) < 30 && delta(u, 1h) < 0 && count(open, 1h) == 3 && avg(t, 10m) > 1', scope, needs)
    expect(part.run(frame({}))).toBe(true)
    expect(needs.windows.map(({ input, spanMs, measures }) => [input, spanMs, [...measures]])).toEqual([[0, 300_000, ['avg', 'max']], [1, 3_600_000, ['delta']], [2, 3_600_000, ['count']], [0, 600_000, ['avg']]])
  })
  it('calls a polled point stale when it has been bad for so long, a pushed one when it is silent', () => {
    expect([run('stale(t, 90s)', { t: null }), run('stale(t, 2m)', { t: null }), run('stale(t, 1s)', { t: 1 }), run('stale(t, 90s)')]).toEqual([true, false, false, true])
    const pushed = (heardAt: number) => ({ states: { t: { pushed: true, heardAt } } })
    expect([run('stale(t, 30s)', { t: 1 }, pushed(60_000)), run('stale(t, 30s)', { t: 1 }, pushed(80_000)), run('stale(t, 30s)', {}, { states: { t: { pushed: true } } })]).toEqual([true, false, true])
  })
  it('tells bad from unheard of, and knows the calendar', () => {
    expect([run('bad(t)', { t: null }), run('bad(t)', { t: 1 }), run('bad(t)')]).toEqual([true, false, null])
    expect(run(`schedule('office-hours') && workday() && !holiday() && hour() == 9 && minute() >= 30 && weekday() == 3`)).toBe(true)
    expect(run('changed(open)', { open: true }, { states: { open: { pulse: true } } })).toBe(true)
  })
})

describe('an expression is refused', () => {
  const cases: readonly (readonly [text: string, offset: number, message: RegExp])[] = [
    ['t > 30 && temprature > 3', 10, /no input "temprature"; there are t, u/],
    ['tt > 30', 0, /no input "tt"/], ['opn', 0, /did you mean "open"/], ['average(t, 5m) > 3', 0, /no function "average"/], ['agv(t, 5m) > 3', 0, /did you mean "avg"/],
    ['mode / 2 > 1', 0, /a text cannot be used with "\/"/], ['t / mode > 1', 4, /a text cannot/], [`t > '30'`, 4, /a number cannot be compared with a text; write the number without/],
    ['open == 1', 8, /true or false cannot be compared with a number/], ['open > true', 0, /no order/], ['t', 0, /must be true or false, and is a number; compare it/], ['t && open', 0, /joins what is true or false/],
    ['!t', 1, /"!" stands before true or false/], ['-open == 1', 1, /"-" stands before a number/], [`mode.matches('(a+)+$')`, 0, /matches is not available/], [`matches(mode, 'a')`, 0, /matches is not available/],
    ['avg(t) > 1', 0, /avg is written avg\(p, 5m\)/], ['avg(mode, 5m) > 1', 4, /avg takes a number or true or false; mode is a text/], ['avg(t, 5) > 1', 7, /takes a duration/], ['avg(t + 1, 5m) > 1', 4, /takes the name of an input/],
    ['avg(t, 1s) > 1', 7, /looks back 5s to 31d, not 1s/], ['avg(t, 60d) > 1', 7, /at most 31d/], ['avg(t, t) > 1', 7, /takes a duration here/], ['since(t) > 5', 11, /write a duration/],
    [`schedule('ofice-hours')`, 9, /no schedule "ofice-hours"; did you mean "office-hours"/], ['schedule(mode)', 9, /quotation marks/], ['t = 30', 2, /write == to compare/], ['t > 1 and open', 6, /write && instead/], ['not open', 4, /write ! instead/],
    ['t >', 3, /ends too early/], ['(t > 1', 6, /ends too early/], ['t > 1)', 5, /expected|cannot be read/], [`mode == 'x`, 8, /no closing quotation mark/], ['t > null', 4, /nothing is null here/], [`mode == b'a'`, 8, /write a number/],
    ['hall-env.temperature > 3', 0, /no input "hall"|name the point under "inputs"/], ['t.x > 1', 0, /name the point under "inputs"/], ['[1, 2].exists(x, x > 1)', 0, /nothing here has .exists/], [`{'a': 1} == 2`, 0, /a list stands only/], ['t in [1, mode]', 9, /never in a list with/],
    ['t in u', 5, /behind "in" stands a list/], ['t > 9007199254740993', 4, /too large to be exact/], ['t > 5 / 2', 4, /without rest: write 5.0 \/ 2 for 2.5/], ['t > 1 / 0', 4, /has no value/], ['t ? open : open', 0, /before "\?" stands true or false/], ['(open ? 1 : mode) == 1', 12, /both sides of ":"/],
    ['__proto__ > 1', 0, /Reserved identifier/], ['constructor(t)', 0, /no function "constructor"/], ['mode.constructor()', 0, /nothing here has .constructor/], ['mode.toString()', 0, /nothing here has/], ['hasOwnProperty > 1', 0, /no input/], ['avg > 1', 0, /call it: avg/], ['Fm > since(t)', 0, /no input "Fm"/],
    [`mode == '${'x'.repeat(201)}'`, 8, /at most 200/], [`${'('.repeat(30)}t${')'.repeat(30)} > 1`, 24, /too large/], [`t in [${Array.from({ length: 51 }, (_, n) => n).join(',')}]`, 146, /too large/], ['t > 1 || '.repeat(120) + 'open', 1_000, /at most 1000 characters/], ['t+'.repeat(150) + 't > 1', 199, /too large/],
  ]
  for (const [text, offset, message] of cases) {
    it(`${text.slice(0, 40)}: ${message.source.slice(0, 40)}`, () => {
      const found = refusal(text)
      expect(found.message).toMatch(message)
      if (!found.message.includes('too large')) expect(found.offset).toBe(offset)
    })
  }
})
