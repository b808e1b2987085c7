import { parseText, textOf, type SourceDocument } from './document.ts'
import { isOlder } from './migrations/index.ts'
import { migrate } from './migrations/migrate.ts'
import { isObject } from './plain.ts'
import type { Problems } from './problems.ts'

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
  const now = migrated && parseText(file, migrated.text, problems, { text, back: migrated.back, spell: migrated.spell })
  return now && { ...now, older: version }
}

/** The same of a file. */
export async function readSiteText(file: string, problems: Problems): Promise<SiteDocument | null> {
  const text = await textOf(file, problems)
  return text === null ? null : parseSiteText(file, text, problems)
}
