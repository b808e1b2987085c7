import type { ChangeLine } from '../../gateway/contract/index.ts'
import type { SiteConfig } from '../site/index.ts'
import { parseSiteText } from '../site/site-text.ts'
import { migrate } from '../site/migrations/migrate.ts'
import { isObject, type PlainObject } from '../site/plain.ts'
import { Problems } from '../site/problems.ts'

/** One text of a site file: as it was checked, and as it was written. */
export interface SiteVersion { readonly site: SiteConfig; readonly root: PlainObject }

/** What a plan's words are made of. */
export interface PlanFacts { readonly before: SiteVersion; readonly after: SiteVersion; readonly lines: readonly ChangeLine[] }

/** `text` is what `site` was read from. */
export function versionOf(site: SiteConfig, text: string): SiteVersion {
  const value = parseSiteText(site.file, text, new Problems())?.value ?? null
  return { site, root: isObject(value) ? value : {} }
}

/** Whether `now` is the good text `old`, written as `linli migrate` does: it says the same. */
export const isMigrated = (old: string, now: string): boolean => migrate(old)?.text === now
