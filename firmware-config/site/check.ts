import type { z } from 'zod'
import { expectedNoun, keyIssue, show, wording } from './explain.ts'
import { renamed } from './migrations/index.ts'
import { valueAt } from './plain.ts'
import type { Path, Report } from './problems.ts'
import { keysAt } from './schema-keys.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'

type Issue = z.core.$ZodIssue

/** Parses, or reports every issue below `path` and gives null. Never throws for a wrong value. */
export function check<T extends z.ZodType>(schema: T, value: unknown, report: Report, path: Path = []): { readonly data: z.output<T> } | null {
  // A site file is read once a start: zod's own compiler would write 130 KB of code for that, 40 ms of it.
  const result = schema.safeParse(value, { error: wording, reportInput: true, jitless: true })
  if (result.success) return { data: result.data }
  for (const issue of result.error.issues) explain(schema, value, issue, [], (at, message, part) => report([...path, ...at], message, part))
  return null
}

/** One zod issue may be several problems (unknown keys), or hide the real ones in a union's branches. */
function explain(schema: z.core.$ZodType, value: unknown, issue: Issue, base: Path, report: Report): void {
  const path: Path = [...base, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))]
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) report([...path, key], (spell = (name) => name) => unknownKey(key, keysAt(schema, path).map((name) => spell(name))), 'key')
    return
  }
  if (issue.code === 'invalid_key') return report(path, keyIssue(issue), 'key')
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return report(path, withoutSecret(issue.message, value, path))
  const branch = bestBranch(issue.errors)
  if (branch) for (const inner of branch) explain(schema, value, inner, path, report)
  else report(path, withoutSecret(`expected ${alternatives(issue.errors)}, found ${show(valueAt(value, path))}`, value, path))
}

export function unknownKey(key: string, known: Iterable<string>): string {
  const names = [...known]
  const today = renamed.get(key)
  const hint = today && names.includes(today.to) ? `; since version ${today.since} of the site file it is called ${JSON.stringify(today.to)}` : didYouMean(key, names)
  return `unknown key ${JSON.stringify(key.slice(0, 100))}${hint}`
}

/** The branch the author most likely meant: the right kind of value, and the fewest things wrong in it. */
function bestBranch(branches: readonly Issue[][]): readonly Issue[] | undefined {
  const kind = (issues: readonly Issue[]) => issues.every(({ code, path }) => path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value'))
  return branches.filter(kind).toSorted((a, b) => a.length - b.length)[0]
}

function alternatives(branches: readonly Issue[][]): string {
  const nouns = branches.flatMap((issues) => issues.slice(0, 1).map((issue) => {
    if (issue.code === 'invalid_type') return expectedNoun(issue.expected)
    return issue.code === 'invalid_value' ? issue.values.map((each) => JSON.stringify(each)).join(', ') : 'another value'
  }))
  return [...new Set(nouns)].join(' or ')
}

/** A password written where a reference belongs must not reach the terminal or a log. */
function withoutSecret(message: string, value: unknown, path: Path): string {
  if (!path.some((part) => /password|passphrase|secret|token|key$/i.test(String(part)))) return message
  const found = valueAt(value, path)
  return typeof found === 'string' || typeof found === 'number' ? message.replaceAll(show(found), 'a value (not shown)') : message
}
