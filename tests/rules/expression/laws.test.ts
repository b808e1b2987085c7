import { Environment } from '@marcbachmann/cel-js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compile } from '../../../rules/expression/compile.ts'
import { ExpressionError } from '../../../rules/expression/parse.ts'
import { canBe } from '../../../rules/expression/possible.ts'
import { Needs, type Frame, type InputState, type InputType, type Known } from '../../../rules/expression/scope.ts'
import { scale } from '../../support/seed.ts'

const types = { a: 'number', b: 'number', p: 'boolean', q: 'boolean', s: 'string' } as const
const names = Object.keys(types)
const scope = { inputs: new Map(Object.entries(types).map(([name, type]): [string, InputType] => [name, { point: `x.${name}`, type }])), schedules: new Set<string>() }
const calendar: Frame['calendar'] = { open: () => false, boundary: () => Infinity, fields: () => ({ hour: 0, minute: 0, weekday: 1, workday: true, holiday: false }), next: () => Infinity }
const frameOf = (values: Readonly<Record<string, Known>>): Frame => ({
  now: 0, startedAt: 0, windows: [], calendar,
  inputs: names.map((name): InputState => ({ value: values[name]!, seen: true, bad: values[name] === null, last: values[name]!, changedAt: 0, heardAt: 0, badSince: -1, pulse: false, pushed: false })),
})
const run = (text: string, values: Readonly<Record<string, Known>>): Known => compile(text, scope, new Needs(names)).run(frameOf(values))

/** Small values, so that comparisons come out both ways. */
const value = { number: fc.integer({ min: -4, max: 4 }).map((n) => n / 2), boolean: fc.boolean(), string: fc.constantFrom('a', 'b', 'ab') }
const values = fc.record({ a: value.number, b: value.number, p: value.boolean, q: value.boolean, s: value.string })
const holes = fc.subarray(names)

/** Numbers are written as decimals: whole ones CEL divides without rest, which is refused here. */
const { truth, number } = fc.letrec<{ truth: string; number: string }>((tie) => ({
  number: fc.oneof({ maxDepth: 3, withCrossShrink: true }, fc.constantFrom('a', 'b'), value.number.map((n) => (n < 0 ? `(${n.toFixed(1)})` : n.toFixed(1))),
    fc.tuple(tie('number'), fc.constantFrom('+', '-', '*'), tie('number')).map(([x, sign, y]) => `(${x} ${sign} ${y})`), tie('number').map((x) => `-(${x})`), fc.tuple(tie('truth'), tie('number'), tie('number')).map(([c, x, y]) => `(${c} ? ${x} : ${y})`)),
  truth: fc.oneof({ maxDepth: 4, withCrossShrink: true }, fc.constantFrom('p', 'q', 'true', 'false', `s == 'a'`, `s in ['a', 'b']`, `s.contains('b')`, `s.startsWith('a')`, `s < 'b'`),
    fc.tuple(tie('number'), fc.constantFrom('==', '!=', '<', '<=', '>', '>='), tie('number')).map(([x, sign, y]) => `${x} ${sign} ${y}`),
    fc.tuple(tie('truth'), fc.constantFrom('&&', '||'), tie('truth')).map(([x, sign, y]) => `(${x} ${sign} ${y})`), tie('truth').map((x) => `!(${x})`), fc.tuple(tie('truth'), tie('truth'), tie('truth')).map(([c, x, y]) => `(${c} ? ${x} : ${y})`)),
}))
const expressions = fc.oneof(truth, fc.tuple(number, number).map(([x, y]) => `${x} < ${y}`)).filter((text) => text.length < 900)

/** What is too large to compile says nothing about the law. */
const fits = (text: string): boolean => { try { compile(text, scope, new Needs(names)); return true } catch (error) { if (error instanceof ExpressionError) return false; throw error } }

describe('laws of expressions', () => {
  const cel = new Environment()
  for (const [name, type] of Object.entries(types)) cel.registerVariable(name, { number: 'double', boolean: 'bool', string: 'string' }[type])

  it('where everything is known it says what CEL says', () => {
    fc.assert(fc.property(expressions, values, (text, known) => {
      fc.pre(fits(text))
      expect(run(text, known)).toBe(cel.evaluate(text, known))
    }), { numRuns: 2_000 * scale })
  })
  it('what it says with something unknown it says whatever that turns out to be', () => {
    fc.assert(fc.property(expressions, values, values, holes, (text, known, other, missing) => {
      fc.pre(fits(text))
      const partly = Object.fromEntries(names.map((name) => [name, missing.includes(name) ? null : known[name as keyof typeof known]]))
      const said = run(text, partly)
      if (said === null) return
      for (const filling of [known, other]) expect(run(text, { ...partly, ...Object.fromEntries(missing.map((name) => [name, filling[name as keyof typeof filling]])) })).toBe(said)
    }), { numRuns: 2_000 * scale })
  })
  it('what check calls impossible never comes', () => {
    fc.assert(fc.property(expressions, fc.array(values, { minLength: 1, maxLength: 20 }), (text, many) => {
      fc.pre(fits(text))
      const part = compile(text, scope, new Needs(names))
      const [maybe, maybeNot] = [canBe(part, true), canBe(part, false)]
      for (const known of many) {
        const said = part.run(frameOf(known))
        if (!maybe) expect(said).toBe(false)
        if (!maybeNot) expect(said).toBe(true)
      }
    }), { numRuns: 2_000 * scale })
  })
  it('any text gives an expression or a place where it is wrong, and quickly', () => {
    const pieces = fc.constantFrom('a', 'p', 's', '5m', '30', ' ', '(', ')', '&&', '||', '!', '>', '==', `'`, '"', '\\', 'avg(', ', ', '.', '[', ']', '?', ':', '{', '//', '\n', 'matches', 'since(', '\u{1F600}', '中')
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.array(pieces, { maxLength: 40 }).map((all) => all.join(''))), (text) => {
      try { compile(text, scope, new Needs(names)) } catch (error) {
        if (!(error instanceof ExpressionError)) throw error
        expect(error.offset).toBeGreaterThanOrEqual(0)
        expect(error.offset).toBeLessThanOrEqual(text.length)
      }
    }), { numRuns: 3_000 * scale })
  })
})

describe('what can never be', () => {
  const truthOf = (text: string, wanted = true): boolean => canBe(compile(text, scope, new Needs(names)), wanted)
  it('is found on one quantity', () => {
    for (const text of ['a > 30 && a < 20', 'a > 30 && a <= 30', 'p && !p', 'p && false', `s == 'a' && s == 'b'`, `s == 'a' && s != 'a'`, 'hour() > 23', 'weekday() == 0', 'since(a) < 0s', 'count(a, 5m) < 0', 'a > a', '!(a > 1 || a <= 1)', '(a > 1 && a < 0) || (p && !p)', 'a == 1 && a == 2', '5 > 6', 'p != true && p', 'avg(a, 5m) > 3 && avg(a, 5m) < 2']) expect([text, truthOf(text)]).toEqual([text, false])
  })
  it('and not where it may be', () => {
    for (const text of ['a > 20 && a < 30', 'a > b && b > 3', 'a >= 30 && a <= 30', `s == 'a' || s == 'b'`, 'hour() >= 22 || hour() < 6', 'a + 1 > 3 && a < 0', 'avg(a, 5m) > 3 && avg(a, 10m) < 2', 'p', '!p', 'min(a, 5m) > 3 && a < 2']) expect([text, truthOf(text)]).toEqual([text, true])
  })
  it('nor what always is', () => {
    for (const text of ['a > 1 || a <= 1', 'true || p', 'hour() < 24', 'p || !p', 'a != 1 || a != 2']) expect([text, truthOf(text, false)]).toEqual([text, false])
  })
})
