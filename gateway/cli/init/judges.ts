import type { z } from 'zod'
import { reportGrid } from '../../../firmware-config/site/index.ts'
import { sections } from '../../../firmware-config/site/schema.ts'
import { hasProvince, provinces } from '../../../firmware-config/site/regions.ts'
import { identifier } from '../../kit/schema.ts'
import type { Judge } from '../ask/question.ts'
import { firstProblem, pieces } from './pieces.ts'

/** Refuses what a schema refuses, in its own words; in Chinese with what is wanted instead. */
const by = (schema: z.ZodType, zh: string, of: (value: string) => unknown = (value) => value): Judge => (value) => {
  const en = firstProblem(schema, of(value))
  return en === null ? null : { zh, en }
}

export const given: Judge = (value) => (value === '' ? { zh: '请输入', en: 'type something' } : null)
export const nothingWrong: Judge = () => null

/** An id that nothing else has. */
export const freeId = (taken: Iterable<string>): Judge => {
  const others = new Set(taken)
  const shape = by(identifier, '只能用小写字母 a-z、数字和 -，1 到 48 个字符')
  return (value) => shape(value) ?? (others.has(value) ? { zh: `“${value}”已经用过，请换一个`, en: `"${value}" is taken already; choose another` } : null)
}

const shapeOfRegion = by(sections.site.shape.region, '国标 GB/T 2260 的六位数字，前两位是省级代码，例如 420106')
export const region = (province: string): Judge => (value) => {
  const { zh, en } = provinces.get(province)!
  return shapeOfRegion(value) ?? (hasProvince(value) && !value.startsWith(province) ? { zh: `${zh}的代码以 ${province} 开头`, en: `codes of ${en} begin with ${province}` } : null)
}

export type GridScheme = 'unit-grid-15' | 'cjt-349-20' | 'division-12' | 'custom'
const digits = { 'unit-grid-15': 15, 'cjt-349-20': 20, 'division-12': 12 } as const

/** Against its scheme and the county, as `linli check` does. */
export const grid = (scheme: GridScheme, county: string, pattern?: string): Judge => (code) => {
  let en: string | undefined
  if (code !== '') reportGrid({ scheme, code, pattern }, county, (_, message) => { en ??= typeof message === 'string' ? message : message() })
  else en = 'type the code'
  if (en === undefined) return null
  if (scheme === 'custom') return { zh: `“${code}”不符合 ${pattern}`, en }
  return { zh: scheme === 'cjt-349-20' ? `共 20 位数字，第 7 到 12 位是区县 ${county}` : `共 ${digits[scheme]} 位数字，前 6 位是区县 ${county}`, en }
}
export const pattern: Judge = (value) => {
  try { return value === '' ? given(value) : (new RegExp(value), null) } catch { return { zh: '不是正则表达式', en: 'not a regular expression' } }
}

export const timezone = by(sections.site.shape.timezone, 'IANA 时区名，例如 Asia/Shanghai')
export const serialPath = by(pieces.serialPath, '请输入串口，例如 /dev/serial/by-id/…')
export const host = by(pieces.host, '请输入地址')
export const unitId = (taken: ReadonlyMap<number, string>, serial: boolean): Judge => (value) => {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  const low = serial ? 1 : 0
  const high = serial ? 247 : 255
  if (firstProblem(pieces.unitId, number) !== null || number < low || number > high) return { zh: `站号是 ${low} 到 ${high} 的整数`, en: `a unit id is a whole number from ${low} to ${high}` }
  const other = taken.get(number)
  return other === undefined ? null : { zh: `站号 ${number} 已是“${other}”`, en: `unit id ${number} is already "${other}" on this line` }
}
const portSchema = pieces.port
export const port = (taken: ReadonlySet<number>): Judge => (value) => {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (firstProblem(portSchema, number) !== null) return { zh: '端口是 1 到 65535 的整数', en: 'a port is a whole number from 1 to 65535' }
  return taken.has(number) ? { zh: `端口 ${number} 已经用过`, en: `port ${number} is taken already` } : null
}
export const topicPart = by(pieces.topicVariables, '不能含 # 和 +', (value) => ({ name: value }))
export const uplinkUrl = by(pieces.uplinkUrl, '写成 mqtts://主机:端口 或 mqtt://主机:端口，不含用户名和密码')
export const dutyHours = by(pieces.dutyHours, '写成 "mon-fri 08:00-20:00"，多段用逗号加空格隔开', (value) => hoursOf(value))
/** Spans are apart by a comma and a space: "sat,sun 09:00-12:00" is one. */
export const hoursOf = (value: string): readonly string[] => value.split(/,\s+/).map((part) => part.trim()).filter(Boolean)
/** An offset, or a name. */
export const lineOf = (value: string): number | string => (/^\d{1,5}$/.test(value) ? Number(value) : value)
export const gpioLine = (taken: ReadonlySet<string>): Judge => (value) => {
  const shape = by(pieces.gpioLine, '引脚编号或名称，例如 17 或 GPIO17', lineOf)(value)
  return shape ?? (taken.has(String(lineOf(value))) ? { zh: `引脚 ${value} 已经用过`, en: `line ${value} is taken already` } : null)
}

/** An id made of an English name. */
export function suggestion(name: string, taken: readonly string[] = []): { readonly initial?: string } {
  const id = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40)
  if (id === '') return {}
  if (!taken.includes(id)) return { initial: id }
  let number = 2
  while (taken.includes(`${id}-${number}`)) number++
  return { initial: `${id}-${number}` }
}
