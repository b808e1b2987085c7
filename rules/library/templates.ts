import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../../gateway/kit/errors.ts'
import { templateSchema, type Template } from './schema.ts'

export const libraryFolder = fileURLToPath(new URL('.', import.meta.url))
const loaded = new Map<string, Template>()

export const templateNames = (): readonly string[] => readdirSync(libraryFolder).filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -'.yaml'.length)).toSorted()

/** Read when a rule of the site names it; undefined: there is none. Throws ConfigError LIBRARY_INVALID for a file of ours that is wrong. */
export function template(name: string): Template | undefined {
  const known = loaded.get(name)
  if (known) return known
  if (!templateNames().includes(name)) return undefined
  const { parse } = createRequire(import.meta.url)('yaml') as typeof import('yaml')
  const result = templateSchema.safeParse(parse(readFileSync(path.join(libraryFolder, `${name}.yaml`), 'utf8')))
  if (!result.success || result.data.library !== name) throw new ConfigError('LIBRARY_INVALID', `rules/library/${name}.yaml is wrong at ${result.error?.issues[0]?.path.join('.') ?? 'library'}: ${result.error?.issues[0]?.message ?? 'it names another rule'}; install the gateway anew`, { cause: result.error })
  loaded.set(name, result.data)
  return result.data
}
