import { crc32 } from 'node:zlib'
import type { Operation } from './database.ts'

/**
 * JSON under a key, with its CRC over key and text in front. LevelDB checks no sums when it reads: without this, one flipped bit in a
 * reader's place would pass over records without a word.
 */
export function seal(key: string, value: unknown): Buffer {
  const text = JSON.stringify(value)
  return Buffer.from(`${sumOf(key, text)} ${text}`)
}

/** undefined for what is absent or damaged. */
export function unseal<T>(key: string, value: Buffer | undefined): T | undefined {
  if (!value) return undefined
  const text = value.toString()
  if (text[sumDigits] !== ' ' || text.slice(0, sumDigits) !== sumOf(key, text.slice(sumDigits + 1))) return undefined
  return JSON.parse(text.slice(sumDigits + 1)) as T
}

export const putSealed = (key: string, value: unknown): Operation => ({ type: 'put', key, value: seal(key, value) })

const sumDigits = 8
const sumOf = (key: string, text: string): string => crc32(text, crc32(key)).toString(16).padStart(sumDigits, '0')
