import type { ASTNode } from '@marcbachmann/cel-js'
import type { Value } from '../../gateway/contract/index.ts'
import { closest, didYouMean } from '../../gateway/kit/suggest.ts'
import { everySecond, functions, methods, sinceReaches, spans, type Call } from './functions.ts'
import { binary, not, type Operand } from './operators.ts'
import { durationMs, durationText, ExpressionError, limits, maxDurationMs, parse } from './parse.ts'
import type { Comparison, Form, Needs, Part, Scope, Type } from './scope.ts'

export const typeWords: Readonly<Record<Type, string>> = { number: 'a number', boolean: 'true or false', string: 'a text', duration: 'a duration' }

/**
 * Checks and compiles. CEL's grammar and precedence; types and meaning are the ones of rules/README.md: numbers are decimals, and
 * what is missing is unknown. Throws ExpressionError. What it needs while running is added to `needs`.
 */
export function compile(text: string, scope: Scope, needs: Needs, type: Type = 'boolean'): Part {
  const part = new Compiler(text, scope, needs).root()
  if (part.type !== type) throw new ExpressionError(part.start, `this must be ${typeWords[type]}, and is ${typeWords[part.type]}${part.type === 'number' && type === 'boolean' ? '; compare it with something' : ''}`)
  return part
}

class Compiler {
  readonly #text: string
  readonly #scope: Scope
  readonly #needs: Needs
  /** Calls of `since` that no comparison with a constant has taken up. */
  readonly #since = new Map<Part, number>()
  constructor(text: string, scope: Scope, needs: Needs) { this.#text = text; this.#scope = scope; this.#needs = needs }

  root(): Part {
    const part = this.#part(parse(this.#text))
    if (this.#since.size > 0) this.#needs.wakes.push(everySecond)
    return part
  }

  #part(node: ASTNode): Part {
    switch (node.op) {
      case 'value': return this.#literal(node, node.args)
      case 'id': return this.#name(node, node.args)
      case 'call': return this.#call(node, node.args[0], node.args[1])
      case 'rcall': return this.#method(node, ...node.args)
      case '!_': return this.#unary(node, node.args, 'boolean')
      case '-_': return this.#unary(node, node.args, 'number')
      case '?:': return this.#choice(node, node.args)
      case 'in': return this.#in(node, node.args[0], node.args[1])
      case '.': case '.?': throw new ExpressionError(node.start, `there are no fields here; name the point under "inputs" and write that name${/^[a-z0-9-]+\.[a-z0-9-]+$/.test(this.#slice(node)) ? `, such as inputs: { x: ${this.#slice(node)} }` : ''}`)
      case '[]': case '[?]': throw new ExpressionError(node.start, 'there are no lists to pick from here')
      case 'list': case 'map': throw new ExpressionError(node.start, 'a list stands only behind "in"')
      default: return this.#binary(node, node.op, node.args[0], node.args[1])
    }
  }

  #slice({ start, end }: { readonly start: number; readonly end: number }): string { return this.#text.slice(start, end) }
  #make({ start, end }: ASTNode, type: Type, form: Form, run: Part['run'], children: readonly Part[] = []): Part {
    const part: Part = { start, end, type, form, run, children }
    if (form.kind === 'literal' || children.length === 0 || !children.every((child) => child.form.kind === 'literal')) return part
    const value = run(noFrame)
    if (value === null) throw new ExpressionError(start, `${this.#slice(part)} has no value`)
    return { ...part, form: { kind: 'literal', value } }
  }

  #literal(node: ASTNode, value: unknown): Part {
    if (typeof value === 'bigint' && (value > 9_007_199_254_740_991n || value < -9_007_199_254_740_991n)) throw new ExpressionError(node.start, 'this number is too large to be exact')
    if (typeof value === 'string' && value.length > limits.text) throw new ExpressionError(node.start, `a text in an expression has at most ${limits.text} characters`)
    const plain = typeof value === 'bigint' ? Number(value) : value
    if (plain === null) throw new ExpressionError(node.start, 'nothing is null here: what is missing is unknown; ask bad(p) or stale(p, 2m)')
    if (typeof plain !== 'number' && typeof plain !== 'string' && typeof plain !== 'boolean') throw new ExpressionError(node.start, 'write a number, a text, true, false or a duration')
    return this.#constant(node, typeof plain as 'number' | 'string' | 'boolean', plain)
  }
  #constant(node: ASTNode, type: Type, value: Value): Part { return this.#make(node, type, { kind: 'literal', value }, () => value) }

  #name(node: ASTNode, name: string): Part {
    const written = this.#slice(node)
    // See durationsAsNames.
    if (/^\d/.test(written)) return this.#constant(node, 'duration', this.#limited(node, durationMs(written)!))
    const { slot, type } = this.#input(node, name)
    return this.#make(node, type, { kind: 'term', text: name }, (frame) => frame.inputs[slot]!.value)
  }
  #limited(node: ASTNode, ms: number): number {
    if (ms <= maxDurationMs) return ms
    throw new ExpressionError(node.start, `a duration is at most ${durationText(maxDurationMs)}`)
  }
  #input(node: ASTNode, name: string): { readonly slot: number; readonly name: string; readonly type: 'number' | 'boolean' | 'string' } {
    const input = this.#scope.inputs.get(name)
    if (!input) {
      const hint = Object.hasOwn(functions, name) ? `; call it: ${functions[name]!.signature}` : didYouMean(name, this.#scope.inputs.keys()) || (this.#scope.inputs.size > 0 ? `; there are ${[...this.#scope.inputs.keys()].join(', ')}` : '; name it under "inputs"')
      throw new ExpressionError(node.start, `no input "${name.slice(0, 48)}"${hint}`)
    }
    const slot = this.#needs.names.indexOf(name)
    this.#needs.used.add(slot)
    return { slot, name, type: input.type }
  }

  #call(node: ASTNode, name: string, args: readonly ASTNode[]): Part {
    if (name === 'matches') throw refusedMatches(node.start)
    const kind = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (!kind) throw new ExpressionError(node.start, `no function "${name.slice(0, 48)}"${didYouMean(name, Object.keys(functions)) || `; there are ${Object.keys(functions).join(', ')}`}`)
    if (args.length !== kind.arguments) throw new ExpressionError(node.start, `${name} is written ${kind.signature}: ${kind.means}`)
    const made = kind.make(this.#callOf(node, name, args, kind.signature))
    const { type, run, children = [], least, most } = made
    const form: Form = name === 'duration' ? { kind: 'literal', value: run(noFrame)! } : { kind: 'term', text: this.#slice(node), ...(least === undefined ? {} : { least }), ...(most === undefined ? {} : { most }) }
    const part = this.#make(node, type, form, run, children)
    if (name === 'since') this.#since.set(part, this.#needs.names.indexOf((args[0]!.args as string)))
    return part
  }

  #callOf(node: ASTNode, name: string, args: readonly ASTNode[], signature: string): Call {
    const fail = (index: number, message: string): never => { throw new ExpressionError((args[index] ?? node).start, message) }
    const duration = (index: number): number => {
      const at = args[index]!
      const written = at.op === 'value' && typeof at.args === 'string' ? durationMs(at.args) : at.op === 'id' || at.op === 'call' ? durationOf(this.#part(at)) : null
      return written === null ? fail(index, `${name} takes a duration here, as in ${signature}`) : this.#limited(at, written)
    }
    return {
      name, text: this.#slice(node), scope: this.#scope, needs: this.#needs, start: node.start, duration, fail,
      input: (index, ...types) => {
        const at = args[index]!
        if (at.op !== 'id' || /^\d/.test(this.#slice(at))) return fail(index, `${name} takes the name of an input here, as in ${signature}`)
        const input = this.#input(at, at.args)
        return types.length === 0 || types.includes(input.type) ? input : fail(index, `${name} takes ${types.map((type) => typeWords[type]).join(' or ')}; ${input.name} is ${typeWords[input.type]}`)
      },
      span: (index) => {
        const ms = duration(index)
        return ms >= spans.least && ms <= spans.most ? ms : fail(index, `${name} looks back ${durationText(spans.least)} to ${durationText(spans.most)}, not ${durationText(ms)}`)
      },
      constant: (index) => { const at = args[index]!; return at.op === 'value' && typeof at.args === 'string' ? { value: at.args, start: at.start } : fail(index, `${name} takes a text in quotation marks here, as in ${signature}`) },
      part: (index, type) => { const part = this.#part(args[index]!); return part.type === type ? part : fail(index, `${name} takes ${typeWords[type]}; this is ${typeWords[part.type]}`) },
    }
  }

  #method(node: ASTNode, name: string, target: ASTNode, args: readonly ASTNode[]): Part {
    if (name === 'matches') throw refusedMatches(node.start)
    const run = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (!run) throw new ExpressionError(node.start, `nothing here has .${name.slice(0, 48)}()${didYouMean(name, Object.keys(methods)) || (closest(name, Object.keys(functions)) ? `; write ${functions[closest(name, Object.keys(functions))!]!.signature}` : '')}`)
    const [text, argument] = [this.#part(target), args.length === 1 ? this.#part(args[0]!) : null]
    for (const part of [text, argument]) if (part?.type !== 'string') throw new ExpressionError(part?.start ?? node.start, `.${name}() is written text.${name}('part')${part ? `; this is ${typeWords[part.type]}` : ''}`)
    return this.#make(node, 'boolean', { kind: 'term', text: this.#slice(node) }, (frame) => {
      const value = text.run(frame), part = argument!.run(frame)
      return value === null || part === null ? null : run(value as string, part as string)
    }, [text, argument!])
  }

  #unary(node: ASTNode, operand: ASTNode, type: 'boolean' | 'number'): Part {
    const part = this.#part(operand)
    if (part.type !== type && !(type === 'number' && part.type === 'duration')) throw new ExpressionError(part.start, `${type === 'boolean' ? '"!"' : '"-"'} stands before ${typeWords[type]}; this is ${typeWords[part.type]}`)
    if (type === 'boolean') return this.#make(node, 'boolean', { kind: 'not' }, not(part.run), [part])
    return this.#make(node, part.type, { kind: 'other' }, (frame) => { const value = part.run(frame); return value === null ? null : -(value as number) }, [part])
  }

  #choice(node: ASTNode, [condition, yes, no]: readonly [ASTNode, ASTNode, ASTNode]): Part {
    const [when, then, otherwise] = [this.#part(condition), this.#part(yes), this.#part(no)]
    if (when.type !== 'boolean') throw new ExpressionError(when.start, `before "?" stands true or false; this is ${typeWords[when.type]}`)
    if (then.type !== otherwise.type) throw new ExpressionError(otherwise.start, `both sides of ":" must be alike; one is ${typeWords[then.type]}, the other ${typeWords[otherwise.type]}`)
    return this.#make(node, then.type, { kind: 'choice' }, (frame) => { const value = when.run(frame); return value === null ? null : value ? then.run(frame) : otherwise.run(frame) }, [when, then, otherwise])
  }

  #in(node: ASTNode, needle: ASTNode, list: ASTNode): Part {
    if (list.op !== 'list') throw new ExpressionError(list.start, `behind "in" stands a list, such as ['a', 'b']`)
    const part = this.#part(needle)
    const values = new Set(list.args.map((item) => {
      const each = this.#part(item)
      if (each.type !== part.type) throw new ExpressionError(each.start, `${typeWords[part.type]} is never in a list with ${typeWords[each.type]}`)
      if (each.form.kind !== 'literal') throw new ExpressionError(each.start, 'a list holds constants only')
      return each.form.value
    }))
    return this.#make(node, 'boolean', { kind: 'in' }, (frame) => { const value = part.run(frame); return value === null ? null : values.has(value) }, [part])
  }

  #binary(node: ASTNode, operator: Operand, left: ASTNode, right: ASTNode): Part {
    const [a, b] = [this.#part(left), this.#part(right)]
    const made = binary(operator, a, b)
    if ('refused' in made) throw new ExpressionError((made.at ?? a).start, made.refused)
    if (operator === '/' && wholeRest(a, b) && [a, b].every((part) => !/[.eE]/.test(this.#slice(part)))) throw new ExpressionError(node.start, `CEL divides whole numbers without rest: write ${this.#slice(a)}.0 / ${this.#slice(b)} for ${Number(literal(a)) / Number(literal(b))}`)
    this.#takeUpSince(operator, a, b)
    return this.#make(node, made.type, made.form, made.run, [a, b])
  }

  #takeUpSince(operator: Operand, a: Part, b: Part): void {
    if (!(['==', '!=', '<', '<=', '>', '>='] as readonly Operand[]).includes(operator as Comparison)) return
    for (const [call, other] of [[a, b], [b, a]] as const) {
      const slot = this.#since.get(call)
      if (slot === undefined || other.form.kind !== 'literal') continue
      this.#since.delete(call)
      this.#needs.wakes.push(sinceReaches(slot, other.form.value as number))
    }
  }
}

const refusedMatches = (at: number): ExpressionError => new ExpressionError(at, 'matches is not available: a pattern can keep the gateway busy for seconds; use contains, startsWith, endsWith or in')
const literal = (part: Part): Value | undefined => (part.form.kind === 'literal' ? part.form.value : undefined)
const durationOf = (part: Part): number | null => (part.type === 'duration' ? literal(part) as number | undefined ?? null : null)
const wholeRest = (a: Part, b: Part): boolean => Number.isInteger(literal(a)) && Number.isInteger(literal(b)) && literal(b) !== 0 && Number(literal(a)) % Number(literal(b)) !== 0
/** Constants read nothing of it. */
const noFrame = Object.freeze({ now: 0, startedAt: 0, inputs: [], windows: [], calendar: { open: () => false, boundary: () => Infinity, fields: () => ({ hour: 0, minute: 0, weekday: 1, workday: false, holiday: false }), next: () => Infinity } })
