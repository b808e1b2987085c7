import type { Value } from '../../gateway/contract/index.ts'
import { compareValues } from './operators.ts'
import type { Comparison, Part } from './scope.ts'

/** What one quantity may still be. Of numbers an interval, of the rest values it is or is not. */
interface Allowed { readonly low: number; readonly lowOpen: boolean; readonly high: number; readonly highOpen: boolean; readonly is?: Value; readonly not: readonly Value[] }
type Case = ReadonlyMap<string, Allowed>

const anything: Allowed = { low: -Infinity, lowOpen: false, high: Infinity, highOpen: false, not: [] }
/** Beyond so many cases nothing is claimed. */
const most = 64

/**
 * Whether the expression can be `wanted` at all, each quantity taken for itself: `t > 30 && t < 20` cannot be true. `true` also
 * where nothing can be told.
 */
export const canBe = (part: Part, wanted: boolean): boolean => cases(part, wanted).length > 0

/** Whether both can be true at once. */
export const canBothBe = (a: Part, b: Part): boolean => join(cases(a, true), cases(b, true)).length > 0

/** The quantities an expression speaks about, each by its own text. */
export function quantities(part: Part): Set<string> {
  return part.form.kind === 'term' ? new Set([part.form.text]) : new Set(part.children.flatMap((child) => [...quantities(child)]))
}

/** The smallest part that cannot be true or false, for the place of a message. */
export function culprit(part: Part, wanted: boolean): Part {
  const narrower = part.children.find((child) => child.type === 'boolean' && child.form.kind !== 'literal' && part.form.kind === (wanted ? 'and' : 'or') && !canBe(child, wanted))
  return narrower ? culprit(narrower, wanted) : part
}

function cases(part: Part, wanted: boolean): readonly Case[] {
  const { form, children } = part
  switch (form.kind) {
    case 'literal': return form.value === wanted ? [new Map()] : []
    case 'not': return cases(children[0]!, !wanted)
    case 'and': return wanted ? join(cases(children[0]!, true), cases(children[1]!, true)) : either(children, false)
    case 'or': return wanted ? either(children, true) : join(cases(children[0]!, false), cases(children[1]!, false))
    case 'term': return [new Map([[form.text, { ...anything, is: wanted }]])]
    case 'compare': return comparison(children[0]!, form.operator, children[1]!, wanted)
    default: return [new Map()]
  }
}

function either(children: readonly Part[], wanted: boolean): readonly Case[] {
  const all = children.flatMap((child) => cases(child, wanted))
  return all.length > most ? [new Map()] : all
}

function join(left: readonly Case[], right: readonly Case[]): readonly Case[] {
  if (left.length * right.length > most) return left
  return left.flatMap((a) => right.flatMap((b) => {
    const both = new Map(a)
    for (const [name, allowed] of b) both.set(name, both.has(name) ? meet(both.get(name)!, allowed) : allowed)
    return [...both.values()].every(isPossible) ? [both] : []
  }))
}

const opposite: Readonly<Record<Comparison, Comparison>> = { '==': '!=', '!=': '==', '<': '>=', '<=': '>', '>': '<=', '>=': '<' }
const mirrored: Readonly<Record<Comparison, Comparison>> = { '==': '==', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

function comparison(left: Part, operator: Comparison, right: Part, wanted: boolean): readonly Case[] {
  if (left.form.kind === 'literal' && right.form.kind !== 'literal') return comparison(right, mirrored[operator], left, wanted)
  const sign = wanted ? operator : opposite[operator]
  if (left.form.kind === 'term' && right.form.kind === 'term' && left.form.text === right.form.text) return compareValues(sign, 0, 0) ? [new Map()] : []
  if (left.form.kind !== 'term' || right.form.kind !== 'literal') return [new Map()]
  const { text, least = -Infinity, most: greatest = Infinity } = left.form
  const allowed = meet({ ...anything, low: least, high: greatest }, limit(sign, right.form.value))
  return isPossible(allowed) ? [new Map([[text, allowed]])] : []
}

function limit(sign: Comparison, value: Value): Allowed {
  if (sign === '!=') return { ...anything, not: [value] }
  if (typeof value !== 'number') return sign === '==' ? { ...anything, is: value } : anything
  switch (sign) {
    case '==': return { ...anything, low: value, high: value }
    case '<': return { ...anything, high: value, highOpen: true }
    case '<=': return { ...anything, high: value }
    case '>': return { ...anything, low: value, lowOpen: true }
    case '>=': return { ...anything, low: value }
  }
}

function meet(a: Allowed, b: Allowed): Allowed {
  const lower = a.low > b.low ? a : b.low > a.low ? b : { low: a.low, lowOpen: a.lowOpen || b.lowOpen }
  const upper = a.high < b.high ? a : b.high < a.high ? b : { high: a.high, highOpen: a.highOpen || b.highOpen }
  const clash = a.is !== undefined && b.is !== undefined && a.is !== b.is
  const is = a.is ?? b.is
  return { low: clash ? 1 : lower.low, lowOpen: lower.lowOpen, high: clash ? 0 : upper.high, highOpen: upper.highOpen, ...(is === undefined ? {} : { is }), not: [...a.not, ...b.not] }
}

function isPossible({ low, lowOpen, high, highOpen, is, not }: Allowed): boolean {
  if (low > high || (low === high && (lowOpen || highOpen))) return false
  if (is !== undefined && not.includes(is)) return false
  if (is === undefined && not.includes(true) && not.includes(false)) return false
  return !(low === high && not.includes(low))
}
