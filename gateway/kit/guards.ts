/**
 * Shapes of JSON that every start reads back: by hand and not by zod, because nothing else there needs schemas (docs/decisions/0029). What
 * people write goes through zod, which says what is wrong.
 */
export type Guard = (value: unknown) => boolean

export const text: Guard = (value) => typeof value === 'string'
export const number: Guard = (value) => typeof value === 'number' && Number.isFinite(value)
export const count: Guard = (value) => Number.isSafeInteger(value) && value as number >= 0
export const ordinal: Guard = (value) => count(value) && value !== 0
export const flag: Guard = (value) => typeof value === 'boolean'
export const nullOr = (inner: Guard): Guard => (value) => value === null || inner(value)
export const one = (...values: readonly unknown[]): Guard => (value) => values.includes(value)
export const list = (entry: Guard): Guard => (value) => Array.isArray(value) && value.every(entry)
/** These keys and no others. */
export const record = (needed: Readonly<Record<string, Guard>>, optional: Readonly<Record<string, Guard>> = {}): Guard => (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const known = { ...needed, ...optional }
  return Object.keys(needed).every((key) => Object.hasOwn(value, key)) && Object.entries(value).every(([key, item]) => Object.hasOwn(known, key) && known[key]!(item))
}
