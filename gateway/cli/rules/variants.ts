import { createRequire } from 'node:module'
import type { Variant } from '../../../rules/backtest.ts'
import { rulesOfCases } from '../../../rules/cases.ts'
import { lookBackMs } from '../../../rules/look-back.ts'
import { ConfigError } from '../../kit/index.ts'
import { didYouMean } from '../../kit/suggest.ts'
import { readSite, type Site } from '../rooms.ts'

/** A site file's rules, and how much of the past they want to have seen. */
export interface SiteVariant extends Variant { readonly site: Site; readonly lookBackMs: number }

/** `sets`: `RULE.key=value`. Throws SiteError as `linli check` does, ConfigError BACKTEST_USAGE. */
export async function siteVariant(file: string, sets: readonly string[] = []): Promise<SiteVariant> {
  const changes = sets.map(changeOf)
  const site = await readSite(file, changes.length === 0 ? {} : { override: (raw) => changes.reduce(changed, structuredClone(raw)) })
  const { facility } = site
  return { name: [file, ...sets].join(' '), site, lookBackMs: lookBackMs(site.decisions, facility), make: () => rulesOfCases(site.decisions, facility) }
}

interface Change { readonly rule: string; readonly keys: readonly string[]; readonly value: unknown; readonly text: string }

function changeOf(text: string): Change {
  const [, rule, keys, value] = /^([a-z0-9-]+)\.([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)=(.*)$/.exec(text) ?? []
  if (rule === undefined) throw new ConfigError('BACKTEST_USAGE', `"${text}" is no change of a rule; write --set RULE.for=60s, or RULE.with.above=30 for a rule of the library`)
  const { parse } = createRequire(import.meta.url)('yaml') as typeof import('yaml')
  try {
    return { rule, keys: keys!.split('.'), value: parse(value!) as unknown, text }
  } catch (cause) {
    throw new ConfigError('BACKTEST_USAGE', `"${value}" cannot be read; put texts with blanks or colons in quotation marks`, { cause })
  }
}

function changed(raw: unknown, { rule, keys, value, text }: Change): unknown {
  const rules = isObject(raw) && Array.isArray(raw.rules) ? (raw.rules as readonly unknown[]).filter(isObject) : []
  const entry = rules.find(({ id }) => id === rule)
  if (!entry) throw new ConfigError('BACKTEST_USAGE', `--set ${text}: the site file has no rule "${rule}"${didYouMean(rule, rules.map(({ id }) => String(id)))}`)
  let place = entry
  for (const key of keys.slice(0, -1)) {
    const inner = place[key]
    if (!isObject(inner)) throw new ConfigError('BACKTEST_USAGE', `--set ${text}: the rule "${rule}" has nothing below "${key}"`)
    place = inner
  }
  place[keys.at(-1)!] = value
  return raw
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
