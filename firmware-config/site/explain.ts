import type { z } from 'zod'
import { didYouMean } from '../../gateway/kit/suggest.ts'

const nouns: Readonly<Record<string, string>> = {
  string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'a mapping of keys', record: 'a mapping of keys',
  array: 'a list', tuple: 'a list', null: 'nothing', undefined: 'nothing',
}
export const expectedNoun = (expected: string): string => nouns[expected] ?? expected

/** A found value, short enough for one line. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'number') return `the number ${value}`
  if (typeof value === 'boolean') return String(value)
  return Array.isArray(value) ? 'a list' : 'a mapping'
}

/** Our words for zod's issues; a message that a schema brings itself goes before. Given to every parse as its error map. */
export const wording: z.core.$ZodErrorMap = (issue) => {
  const found = show(issue.input)
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return `required, but missing; expected ${expectedNoun(issue.expected)}`
      return `expected ${expectedNoun(issue.expected)}, found ${found}${quoteHint(issue.expected, issue.input)}`
    case 'invalid_value': return choice(issue.values, issue.input)
    case 'invalid_union': return issue.discriminator && Array.isArray(issue.options) ? choice(issue.options, discriminatorOf(issue.input, issue.discriminator)) : undefined
    case 'too_small': return `${size(issue.origin)} ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}, found ${found}`
    case 'too_big': return `${size(issue.origin)} ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}, found ${found}`
    case 'not_multiple_of': return `must be a multiple of ${issue.divisor}, found ${found}`
    case 'invalid_format': return `${found} does not have the form ${issue.format === 'regex' && issue.pattern ? issue.pattern : issue.format}`
    default: return undefined
  }
}

const size = (origin: string): string => {
  if (origin === 'string') return 'must have a length of'
  return origin === 'array' || origin === 'set' ? 'must have a number of entries of' : 'must be'
}

/** YAML reads 420106 as a number and true as a boolean where text was meant. */
function quoteHint(expected: string, input: unknown): string {
  return expected === 'string' && (typeof input === 'number' || typeof input === 'boolean') ? '; put it in quotes' : ''
}

function discriminatorOf(input: unknown, key: string): unknown {
  return typeof input === 'object' && input !== null ? (input as Record<string, unknown>)[key] : undefined
}

function choice(values: readonly unknown[], input: unknown): string {
  const known = values.map((value) => JSON.stringify(value) ?? String(value))
  const expected = known.length === 1 ? known[0]! : `one of ${known.join(', ')}`
  if (input === undefined) return `required, but missing; expected ${expected}`
  return `expected ${expected}, found ${show(input)}${typeof input === 'string' ? didYouMean(input, values.filter((value) => typeof value === 'string')) : ''}`
}

/** A key of a mapping with free names. */
export function keyIssue(issue: z.core.$ZodIssueInvalidKey): string {
  return issue.issues[0]?.message ?? 'this name is not allowed here'
}
