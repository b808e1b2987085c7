import { isDeepStrictEqual } from 'node:util'
import type { ChangedField } from '../../gateway/contract/index.ts'
import { isObject } from '../site/plain.ts'

const secretName = /password|passphrase|secret|token|credential|webhook|key$/i
const hidden = '(not shown)'
const maxText = 120

/** Every key of one side that the other has not, or has otherwise. References to secrets are shown, secrets are not. */
export function fieldsBetween(before: unknown, after: unknown): readonly ChangedField[] {
  const [old, now] = [flat(before), flat(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((path) => {
    const [a, b] = [old.get(path), now.get(path)]
    return isDeepStrictEqual(a, b) ? [] : [{ path, before: a === undefined ? null : shown(path, a), after: b === undefined ? null : shown(path, b) }]
  })
}

/** By path. Lists of things with ids are told by id: one in the middle moves nobody. */
function flat(value: unknown, path = '', out = new Map<string, unknown>()): Map<string, unknown> {
  const below = (part: string, item: unknown): void => { flat(item, path === '' ? part : part.startsWith('[') ? `${path}${part}` : `${path}.${part}`, out) }
  if (Array.isArray(value) && value.some(isObject)) for (const [index, item] of value.entries()) below(`[${idOf(item) ?? index}]`, item)
  else if (isObject(value) && Object.getPrototypeOf(value) === Object.prototype) for (const [key, item] of Object.entries(value)) { if (item !== undefined) below(key, item) }
  else out.set(path, value)
  return out
}

/** Of an entry of a list. */
export const idOf = (entry: unknown): string | undefined => {
  const { id } = isObject(entry) ? entry : {}
  return typeof id === 'string' ? id : undefined
}

function shown(path: string, value: unknown): string {
  const keys = path.split('.')
  // `password.env` and `password.file` say where it is, and may be read by anybody; so may a public key.
  const refers = ['env', 'file', 'publicKey'].includes(keys.at(-1)!)
  if (!refers && keys.some((key) => secretName.test(key))) return hidden
  const text = typeof value === 'string' ? value.replace(/\?\S+/, '?…') : JSON.stringify(value) ?? String(value)
  return text.length > maxText ? `${text.slice(0, maxText)}…` : text
}
