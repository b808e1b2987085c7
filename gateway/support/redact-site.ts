import { isReference, type Scrubber } from './scrub.ts'

const removed = '[redacted]'

/**
 * A site file as it may leave the box: where a secret is kept stays, what could hold one goes. Comments are gone already. It may be any
 * tree: a broken site file is what support is asked about most.
 */
export const redactSite = (tree: unknown, scrubber: Scrubber): unknown => scrubber.json(prepare(tree, 0))

const maxDepth = 40

/** What no pattern finds: the value of a header, the path of a web hook, an argument of a program. */
function prepare(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return value
  if (Array.isArray(value)) return value.map((item) => prepare(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, special(key, item) ?? prepare(item, depth + 1)]))
}

function special(key: string, value: unknown): unknown {
  if (key === 'headers' && typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, isReference(item) ? item : removed]))
  if (key === 'command' && Array.isArray(value)) return value.map((word: unknown, index) => (index === 0 ? word : argument(word)))
  if ((key === 'url' || key === 'baseUrl') && typeof value === 'string') return originOf(value)
  if (key === 'body' && typeof value === 'string') return `[text, ${value.length} characters]`
  return undefined
}

/** Options and placeholders say what is done; what stands between them may be anything. */
function argument(word: unknown): unknown {
  if (typeof word !== 'string') return removed
  const [, option] = /^(--?[a-zA-Z][\w-]*=).+$/.exec(word) ?? []
  if (option !== undefined) return `${option}${removed}`
  return /^(--?[a-zA-Z][\w-]*|(\{[a-zA-Z]+\})+)$/.test(word) ? word : removed
}

/** Whoever has the rest of a web hook's address may use it. */
function originOf(text: string): string {
  const [, origin, rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/[^/?#\s]+)(.*)$/i.exec(text) ?? []
  return origin === undefined ? text : `${origin}${rest === '' || rest === '/' ? rest : `/${removed}`}`
}
