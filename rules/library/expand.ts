import type { Facility, Json, JsonObject, Label, PointId } from '../../gateway/contract/index.ts'
import { ConfigError } from '../../gateway/kit/errors.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { conditionSchema, type ConditionConfig } from '../conditions/schema.ts'
import { isDuration, type LibraryConfig, type Parameter, type Template } from './schema.ts'
import type { RuleConfig } from '../schema.ts'
import { template, templateNames } from './templates.ts'

type Given = string | number | boolean
export interface Expanded {
  readonly rules: readonly ConditionConfig[]
  /** Below the entry. */
  readonly faults: readonly { readonly path: readonly (string | number)[]; readonly message: string }[]
}

/** What each of a site's library rules stands for, by its id. Made when the site file is read, so that a start needs no template. */
export type Expansions = ReadonlyMap<string, readonly ConditionConfig[]>

/** Throws ConfigError CONFIG_INVALID for what `linli check` refuses. */
export function expandLibrary(rules: readonly RuleConfig[], facility: Pick<Facility, 'points' | 'devices'>): Expansions {
  return new Map(rules.flatMap((entry) => {
    if (entry.kind !== 'library') return []
    const { rules: conditions, faults } = expand(entry, facility)
    if (faults.length > 0) throw new ConfigError('CONFIG_INVALID', `rule "${entry.id}": ${faults[0]!.message}; run linli check`)
    return [[entry.id, conditions] as const]
  }))
}

/** The entry as plain conditions. A parameter is a number, a duration, a name of a point or schedule: never a piece of an expression. */
export function expand(entry: LibraryConfig, facility: Pick<Facility, 'points' | 'devices'>): Expanded {
  const found = template(entry.use)
  if (!found) return refused(['use'], `no rule "${entry.use}" in the library${didYouMean(entry.use, templateNames()) || `; there are ${templateNames().join(', ')}`}`)
  const faults = Object.keys(entry.with).filter((name) => !Object.hasOwn(found.parameters, name))
    .map((name) => ({ path: ['with', name], message: `${entry.use} has no parameter "${name}"${didYouMean(name, Object.keys(found.parameters)) || `; there are ${Object.keys(found.parameters).join(', ')}`}` }))
  const lists = Object.entries(entry.with).filter(([, value]) => Array.isArray(value))
  if (lists.length > 1) faults.push({ path: ['with', lists[1]![0]], message: `only one parameter may be a list; ${lists[0]![0]} is one already` })
  for (const [name, parameter] of Object.entries(found.parameters)) {
    const values = [entry.with[name]].flat()
    values.forEach((value, index) => {
      const why = wrong(parameter, value, facility)
      if (why) faults.push({ path: Array.isArray(entry.with[name]) ? ['with', name, index] : value === undefined ? ['with'] : ['with', name], message: value === undefined ? `${name} is missing: ${parameter.about.en}` : why } as (typeof faults)[number])
    })
  }
  if (faults.length > 0) return { rules: [], faults }
  const [each] = lists
  if (!each) return filled(found, entry.id, parametersOf(found, entry.with), facility)
  const all = (each[1] as readonly string[]).map((item) => filled(found, `${entry.id}-${item.replace('.', '-')}`, parametersOf(found, { ...entry.with, [each[0]]: item }), facility))
  return { rules: all.flatMap(({ rules }) => rules), faults: all.flatMap((one) => one.faults) }
}

const refused = (path: readonly string[], message: string): Expanded => ({ rules: [], faults: [{ path, message }] })

/** What is wrong with a given value; null for nothing, also where the default serves. */
function wrong(parameter: Parameter, value: Given | undefined, { points }: Pick<Facility, 'points'>): string | null {
  if (value === undefined) return 'default' in parameter && parameter.default !== undefined ? null : 'optional' in parameter && parameter.optional ? null : 'missing'
  switch (parameter.type) {
    case 'point': {
      const point = points.get(String(value))
      if (!point) return `no point "${String(value)}"${didYouMean(String(value), points.keys())}`
      return point.type === parameter.of ? null : `${point.id} is a ${point.type}; a ${parameter.of} is needed`
    }
    case 'number': return typeof value !== 'number' || value < (parameter.min ?? -Infinity) || value > (parameter.max ?? Infinity) ? `expected a number${parameter.min === undefined ? '' : ` from ${parameter.min}`}${parameter.max === undefined ? '' : ` to ${parameter.max}`}` : null
    case 'duration': return isDuration(value) ? null : 'write a duration as 500ms, 5s, 10m or 2h'
    case 'severity': return value === 1 || value === 2 || value === 3 || value === 4 ? null : 'expected 1, 2, 3 or 4'
    case 'schedule': return typeof value === 'string' && /^[a-z0-9-]{1,48}$/.test(value) ? null : 'name a schedule of the site file'
  }
}

function parametersOf({ parameters }: Template, given: LibraryConfig['with']): Readonly<Record<string, Given | undefined>> {
  return Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, given[name] as Given | undefined ?? ('default' in parameter ? parameter.default : undefined)]))
}

function filled({ parameters, rules }: Template, id: string, given: Readonly<Record<string, Given | undefined>>, facility: Pick<Facility, 'points' | 'devices'>): Expanded {
  const point = Object.entries(parameters).flatMap(([name, { type }]) => (type === 'point' && given[name] !== undefined ? [String(given[name])] : []))[0]
  const device = deviceName(point, facility)
  const parsed = rules.filter(({ needs }) => needs === undefined || given[needs] !== undefined).map(({ suffix, rule }) => {
    const json = substitute(rule as JsonObject, given, device) as JsonObject
    return conditionSchema.safeParse({ ...json, inputs: withoutMissing(json.inputs), kind: 'condition', id: `${id}${suffix}` })
  })
  return {
    rules: parsed.flatMap(({ data }) => data ?? []),
    faults: parsed.flatMap(({ error }) => error?.issues.slice(0, 1).map(({ path, message }) => ({ path: path[0] === 'id' ? ['id'] : [], message: path[0] === 'id' ? `the ids of its rules become too long: ${message}` : `${path.join('.')}: ${message}` })) ?? []),
  }
}

const withoutMissing = (inputs: Json | undefined): Json => (typeof inputs === 'object' && inputs !== null ? Object.fromEntries(Object.entries(inputs).filter(([, point]) => point !== null)) : {})

function deviceName(point: PointId | undefined, { points, devices }: Pick<Facility, 'points' | 'devices'>): Label {
  const device = devices.get(points.get(point ?? '')?.deviceId ?? '')
  return device?.name ?? { zh: point ?? '', en: point ?? '' }
}

/** `$name` alone becomes the value itself, within a text its digits. `$device` is put into titles only, where it is plain text. */
function substitute(json: Json, given: Readonly<Record<string, Given | undefined>>, device: Label, language?: string): Json {
  if (Array.isArray(json)) return json.map((item: Json) => substitute(item, given, device, language))
  if (typeof json === 'object' && json !== null) return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, substitute(item as Json, given, device, key)]))
  if (typeof json !== 'string') return json
  const [, whole] = /^\$([A-Za-z0-9]+)$/.exec(json) ?? []
  if (whole !== undefined && Object.hasOwn(given, whole)) return given[whole] ?? null
  return json.replace(/\$([A-Za-z0-9]+)/g, (written, name: string) => {
    // A name of the site file is no placeholder for an input.
    if (name === 'device') return (language === 'zh' ? device.zh : device.en).replaceAll(/[{}]/g, ' ')
    return Object.hasOwn(given, name) ? String(given[name] ?? '') : written
  })
}
