import { parseText, textOf, type SourceDocument } from './document.ts'
import { isOlder } from './migrations/index.ts'
import { migrate, type NewerName } from './migrations/migrate.ts'
import { isObject } from './plain.ts'
import { Problems } from './problems.ts'

/** A site file as the present version says it. */
export interface SiteDocument extends SourceDocument {
  /** What the file's own `linli:` says, where that is an older version; nothing was written back. */
  readonly older?: number
}

/**
 * A site file of any version that was, read as one of today. Places and names in problems are those of the text that was given. null when
 * nothing usable was found; a problem was reported then. Never throws.
 */
export function parseSiteText(file: string, text: string, problems: Problems): SiteDocument | null {
  const document = parseText(file, text, problems)
  const version = isObject(document?.value) ? document.value.linli : undefined
  if (!isOlder(version)) return document
  // What YAML itself refuses comes first: a migration must know what it changes.
  const migrated = problems.any ? null : migrate(text)
  if (!document || !migrated) return null
  const { newer, back, spell } = migrated
  for (const each of newer) problems.in(document)(each.path, newerName(version, each), 'key')
  // Two names of one key became one name written twice, which is told already.
  const now = parseText(file, migrated.text, newer.some(({ both }) => both) ? new Problems() : problems, { text, back, spell })
  return now && { ...now, older: version }
}

/** Read without a word, it would be one that a program of the file's own version refuses; and of two names for one thing one would be dropped. */
function newerName(version: number, { path, since, older, both }: NewerName): string {
  const [name, before] = [path.at(-1), older].map((each) => JSON.stringify(each))
  return both
    ? `${name} is what version ${since} of the site file calls ${before}, which stands here too; keep ${before}, or write linli: ${since} and keep ${name}`
    : `${name} came with version ${since} of the site file, and this one says linli: ${version}; call it ${before}, or write linli: ${since}`
}

/** The same of a file. */
export async function readSiteText(file: string, problems: Problems): Promise<SiteDocument | null> {
  const text = await textOf(file, problems)
  return text === null ? null : parseSiteText(file, text, problems)
}
