import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import type { Plain } from '../site/plain.ts'

/**
 * What a spreadsheet would run as a formula (= + - @), or turn into something else on opening: 007 into 7, 1-2 into a date, 1e5 into
 * 100000, a long number into a rounded one.
 */
const risky = (text: string): boolean => /^[=+\-@\t\r\n]|^0\d|^\d+[-/]\d|^\d+(\.\d+)?e\d+$|^\d{12,}$/i.test(text)
const bare = (text: string): string => text.replace(/^'+/, '')

/** An apostrophe before a risky text; {@link unguard} takes it away again: unguard(guard(x)) = x for every text. */
export const guard = (text: string): string => (risky(bare(text)) ? `'${text}` : text)
export const unguard = (text: string): string => (text.startsWith("'") && risky(bare(text)) ? text.slice(1) : text)

const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i

interface Reading { readonly decimalComma?: boolean }

/** A value as the site file would hold it, or the reading of the cell that its schema should explain. */
export type Decoded = { readonly value: Plain } | { readonly refused: Plain }

/** The text of a cell that is not empty, read as what its schema takes: number, true or false, JSON, a list with `;`, or the text itself. */
export function decodeCell(cell: string, schema: z.ZodType, options: Reading = {}): Decoded {
  const text = unguard(cell)
  const all = candidates(text, options)
  for (const value of all) if (schema.safeParse(value).success) return { value }
  return { refused: all[0]! }
}

function candidates(text: string, { decimalComma }: Reading): Plain[] {
  const trimmed = text.normalize('NFKC').trim()
  const number = decimalComma && /^[+-]?\d+,\d+$/.test(trimmed) ? trimmed.replace(',', '.') : trimmed
  const words: Plain[] = []
  if (decimal.test(number) || /^0x[0-9a-f]+$/i.test(number)) words.push(Number(number))
  if (/^(true|false)$/i.test(trimmed)) words.push(trimmed.toLowerCase() === 'true')
  if (/^[[{"]/.test(text.trim())) words.push(...json(text.trim()))
  words.push(text)
  if (text !== text.trim()) words.push(text.trim())
  return [...words, trimmed.split(/[;；]/).map((item) => item.trim()).filter((item) => item !== '').map(scalar)]
}

const scalar = (text: string): Plain => (decimal.test(text) || /^0x[0-9a-f]+$/i.test(text) ? Number(text) : /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : text)

function json(text: string): Plain[] {
  try { return [JSON.parse(text) as Plain] } catch { return [] }
}

/** The simplest text that `decodeCell` reads back as this value, made safe for spreadsheets. Numbers stay numbers. */
export function encodeCell(value: Plain, schema: z.ZodType): string {
  if (typeof value === 'number') return String(value)
  const simple = guard(Array.isArray(value) ? value.map(String).join('; ') : typeof value === 'object' ? JSON.stringify(value) : String(value))
  if (simple.trim() === '') return JSON.stringify(value)
  const decoded = decodeCell(simple, schema)
  return 'value' in decoded && isDeepStrictEqual(decoded.value, value) ? simple : guard(JSON.stringify(value))
}
