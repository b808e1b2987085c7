import type { Json, Label } from '../../gateway/contract/index.ts'
import type { Known } from '../expression/scope.ts'

const placeholder = /\{([a-z][a-z0-9_]{0,31})\}/g
export const placeholders = (text: string): readonly string[] => [...text.matchAll(placeholder)].map(([, name]) => name!)

export type Values = (name: string) => { readonly value: Known; readonly unit?: string } | undefined

/** `{t}` becomes the input's value, once and as plain text: what stands in a value is never looked at again. */
export const fillLabel = (label: Label, values: Values): Label => (label.zh.includes('{') || label.en.includes('{')
  ? { zh: fill(label.zh, values, 'zh'), en: fill(label.en, values, 'en') } : label)

const fill = (text: string, values: Values, language: 'zh' | 'en'): string => text.replace(placeholder, (whole, name: string) => {
  const found = values(name)
  return found ? shown(found.value, found.unit, language) : whole
})

/** The texts of a payload; a text that is one placeholder and nothing else becomes the value itself. */
export function fillPayload(payload: Json, values: Values): Json {
  if (typeof payload === 'string') {
    const [whole, name] = /^\{([a-z][a-z0-9_]{0,31})\}$/.exec(payload) ?? []
    const found = whole ? values(name!) : undefined
    return found ? found.value : fill(payload, values, 'en')
  }
  if (Array.isArray(payload)) return payload.map((item: Json) => fillPayload(item, values))
  if (typeof payload !== 'object' || payload === null) return payload
  return Object.fromEntries(Object.entries(payload).map(([key, item]) => [key, fillPayload(item as Json, values)]))
}

/** UCUM codes that read otherwise on a page. */
const unitWords: Readonly<Record<string, string>> = { Cel: '°C', '1': '', '%': '%', '[ppm]': 'ppm', 'm3': 'm³', 'ug/m3': 'µg/m³' }

function shown(value: Known, unit: string | undefined, language: 'zh' | 'en'): string {
  if (value === null) return language === 'zh' ? '未知' : 'unknown'
  if (typeof value === 'boolean') return { zh: value ? '是' : '否', en: value ? 'yes' : 'no' }[language]
  if (typeof value === 'string') return clean(value)
  const mark = unit === undefined ? '' : unitWords[unit] ?? unit
  return `${Number(value.toFixed(2))}${mark === '' || mark === '%' ? mark : ` ${mark}`}`
}

/** A device's text on a line of a page: no control or bidirectional characters, not longer than a line. */
// oxlint-disable-next-line no-control-regex
const unfit = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
const clean = (text: string): string => { const plain = text.slice(0, 200).replace(unfit, ' ').trim(); return [...plain].length > 64 ? `${[...plain].slice(0, 64).join('')}…` : plain }
