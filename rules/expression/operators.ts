import type { Comparison, Form, Frame, Known, Part, Type } from './scope.ts'

export type Operand = Comparison | '+' | '-' | '*' | '/' | '%' | '&&' | '||'
type Run = (frame: Frame) => Known
type Made = { readonly type: Type; readonly form: Form; readonly run: Run } | { readonly refused: string; readonly at?: Part }

/** Kleene's three values: unknown only where the known side does not settle it. */
export const and = (left: Run, right: Run): Run => (frame) => {
  const a = left(frame)
  if (a === false) return false
  const b = right(frame)
  if (b === false) return false
  return a === null || b === null ? null : true
}
export const or = (left: Run, right: Run): Run => (frame) => {
  const a = left(frame)
  if (a === true) return true
  const b = right(frame)
  if (b === true) return true
  return a === null || b === null ? null : false
}
export const not = (run: Run): Run => (frame) => { const value = run(frame); return value === null ? null : !value }

const comparisons: Readonly<Record<Comparison, (a: never, b: never) => boolean>> = {
  '==': (a, b) => a === b, '!=': (a, b) => a !== b, '<': (a, b) => a < b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '>=': (a, b) => a >= b,
}
const sums: Readonly<Record<'+' | '-' | '*' | '/' | '%', (a: number, b: number) => number>> = {
  '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b,
}
export const compareValues = (operator: Comparison, a: unknown, b: unknown): boolean => comparisons[operator](a as never, b as never)

const words: Readonly<Record<Type, string>> = { number: 'a number', boolean: 'true or false', string: 'a text', duration: 'a duration' }

/** The operator over two checked sides, or why it does not go over them. */
export function binary(operator: Operand, a: Part, b: Part): Made {
  if (operator === '&&' || operator === '||') {
    for (const part of [a, b]) if (part.type !== 'boolean') return { refused: `"${operator}" joins what is true or false; this is ${words[part.type]}`, at: part }
    return { type: 'boolean', form: { kind: operator === '&&' ? 'and' : 'or' }, run: (operator === '&&' ? and : or)(a.run, b.run) }
  }
  if (Object.hasOwn(comparisons, operator)) return comparison(operator as Comparison, a, b)
  return arithmetic(operator as keyof typeof sums, a, b)
}

function comparison(operator: Comparison, a: Part, b: Part): Made {
  if (a.type !== b.type) return { refused: `${words[a.type]} cannot be compared with ${words[b.type]}${b.type === 'string' && a.type === 'number' ? '; write the number without quotation marks' : ''}${a.type === 'duration' && b.type === 'number' ? '; write a duration, such as 5m' : ''}`, at: b }
  if (a.type === 'boolean' && operator !== '==' && operator !== '!=') return { refused: `true and false have no order; write == or !=`, at: a }
  const test = comparisons[operator] as (a: unknown, b: unknown) => boolean
  const [left, right] = [a.run, b.run]
  const form: Form = { kind: 'compare', operator }
  if (b.form.kind === 'literal') {
    const { value } = b.form
    return { type: 'boolean', form, run: (frame) => { const found = left(frame); return found === null ? null : test(found, value) } }
  }
  return { type: 'boolean', form, run: (frame) => { const x = left(frame); if (x === null) return null; const y = right(frame); return y === null ? null : test(x, y) } }
}

function arithmetic(operator: keyof typeof sums, a: Part, b: Part): Made {
  const durations = a.type === 'duration' && b.type === 'duration' && (operator === '+' || operator === '-')
  if (!durations) {
    for (const part of [a, b]) if (part.type !== 'number') return { refused: part.type === 'string' ? `a text cannot be used with "${operator}"` : `"${operator}" takes numbers; this is ${words[part.type]}`, at: part }
  }
  const sum = sums[operator]
  const [left, right] = [a.run, b.run]
  // A division by zero, or what grows beyond all numbers, says nothing: unknown.
  return {
    type: durations ? 'duration' : 'number', form: { kind: 'other' },
    run: (frame) => { const x = left(frame); if (x === null) return null; const y = right(frame); if (y === null) return null; const value = sum(x as number, y as number); return Number.isFinite(value) ? value : null },
  }
}
