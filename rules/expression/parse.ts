import { createRequire } from 'node:module'
import type { ASTNode, Environment, ParseError } from '@marcbachmann/cel-js'
import { DataError } from '../../gateway/kit/errors.ts'

/** Where an expression is wrong: `offset` into its text. Never leaves the room: reviews make a problem of it. */
export class ExpressionError extends DataError {
  readonly offset: number
  constructor(offset: number, message: string) {
    super('EXPRESSION_INVALID', message, { values: { offset } })
    this.offset = offset
  }
}

/** What an expression may be at most. A rule is a sentence, not a program. */
export const limits = { length: 1_000, nodes: 200, depth: 24, list: 50, arguments: 4, text: 200 } as const

let environment: Environment | undefined
/** Loaded with the first expression: a site without one pays nothing. */
function grammar(): Environment {
  if (environment) return environment
  const cel = createRequire(import.meta.url)('@marcbachmann/cel-js') as typeof import('@marcbachmann/cel-js')
  environment = new cel.Environment({ unlistedVariablesAreDyn: true, limits: { maxAstNodes: limits.nodes, maxDepth: limits.depth, maxListElements: limits.list, maxMapEntries: 1, maxCallArguments: limits.arguments } })
  return environment
}

/** CEL's grammar, with durations also written bare (`5m`, `1h30m`). Throws ExpressionError. */
export function parse(text: string): ASTNode {
  if (text.length > limits.length) throw new ExpressionError(limits.length, `an expression has at most ${limits.length} characters, this one ${text.length}; split the rule`)
  try {
    return grammar().parse(durationsAsNames(text)).ast
  } catch (error) {
    if (!isParseError(error)) throw error
    throw new ExpressionError(Math.min(error.range?.start ?? 0, text.length), inWords(error, text))
  }
}

const isParseError = (error: unknown): error is ParseError => error instanceof Error && error.name === 'ParseError'

/** Texts and comments, passed over; a number with a unit. A digit that belongs to a name or a number is none. */
const tokens = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\/\/[^\n]*|(?<![\w.])(?:\d+(?:ms|[smhd]))+(?!\w)/g
const letters = 'ABCDEFGHIJ'

/**
 * CEL's lexer refuses `5m`. Its first digit becomes a capital letter: a name of the same length, so that every offset stays true.
 * Names of inputs begin with a small letter, so none is taken for a duration.
 */
function durationsAsNames(text: string): string {
  return text.replace(tokens, (token) => (/^\d/.test(token) ? letters[Number(token[0])]! + token.slice(1) : token))
}

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
export const maxDurationMs = 31 * units.d

/** Of a text such as `1h30m`; null for anything else. */
export function durationMs(text: string): number | null {
  if (!/^(?:\d+(?:ms|[smhd]))+$/.test(text)) return null
  return [...text.matchAll(/(\d+)(ms|[smhd])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units], 0)
}

/** `90000` as `1m30s`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s'
  let rest = Math.abs(Math.round(ms))
  const parts = (['d', 'h', 'm', 's', 'ms'] as const).flatMap((unit) => {
    const count = Math.floor(rest / units[unit])
    rest -= count * units[unit]
    return count > 0 ? [`${count}${unit}`] : []
  })
  return (ms < 0 ? '-' : '') + parts.slice(0, 2).join('')
}

const tokenWords: Readonly<Record<string, string>> = { EOF: 'its end', RPAREN: 'a ")"', LPAREN: 'a "("', RBRACKET: 'a "]"', COMMA: 'a ","', COLON: 'a ":"' }

function inWords(error: ParseError, text: string): string {
  const at = error.range?.start ?? 0
  if (error.code === 'limit_exceeded') return `this expression is too large (${error.summary}); split the rule`
  if (error.code === 'unterminated_string') return 'this text has no closing quotation mark'
  if (error.code === 'reserved_identifier') return `${error.summary}: CEL keeps this word for itself; name the input otherwise`
  if (at >= text.length) return 'the expression ends too early; something is missing after its last word'
  const near = text.slice(at)
  if (/^=[^=]/.test(near) && !/[=!<>]/.test(text[at - 1] ?? '')) return 'write == to compare'
  const word = /^(and|or)\b/i.exec(near)?.[1]?.toLowerCase()
  if (/\bnot\s+$/i.test(text.slice(0, at))) return 'write ! instead of "not"'
  if (word) return `write ${{ and: '&&', or: '||' }[word]} instead of "${word}"`
  const expected = /^Expected (\w+)/.exec(error.summary)?.[1]
  if (expected) return `expected ${tokenWords[expected] ?? expected.toLowerCase()} here, found ${JSON.stringify(near.slice(0, 12))}`
  return `cannot be read from here: ${JSON.stringify(near.slice(0, 20))}`
}
