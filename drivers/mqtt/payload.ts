import type { Json } from '../../gateway/contract/index.ts'

/** Far above any device's message, far below what hurts. */
export const jsonLimits = { depth: 32, items: 10_000 } as const

export type Payload = { readonly document: Json; readonly text: string } | { readonly malformed: string }

const decoder = new TextDecoder('utf-8', { fatal: true })
const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket, comma] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c]

/** `json`: nothing but JSON is expected. Otherwise what is no JSON is a text. Never throws. */
export function parsePayload(payload: Uint8Array, json: boolean): Payload {
  const tooMuch = beyondLimits(payload)
  if (tooMuch) return { malformed: tooMuch }
  let text: string
  try { text = decoder.decode(payload) } catch { return { malformed: 'not UTF-8' } }
  try { return { document: JSON.parse(text) as Json, text } } catch { return json ? { malformed: 'not JSON' } : { document: text, text } }
}

/** One pass over the bytes, before the parser recurses into them. Null when they are fit to be parsed. */
export function beyondLimits(bytes: Uint8Array, { depth: maxDepth, items: maxItems }: { readonly depth: number; readonly items: number } = jsonLimits): string | null {
  let depth = 0
  let items = 0
  let inText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (inText) {
      if (byte === backslash) at++
      else if (byte === quote) inText = false
    } else if (byte === quote) inText = true
    else if (byte === comma) { if (++items > maxItems) return `more than ${maxItems} keys and elements` }
    else if (byte === openBrace || byte === openBracket) { if (++depth > maxDepth) return `nested deeper than ${maxDepth}` }
    else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return null
}

const numeric = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/

/** Numbers as text ("23.5"), spaces around them allowed. "23,5", "0x1A", "" and "23.5 °C" are none: nothing is guessed. */
export function numberOf(text: string): number | null {
  const trimmed = text.trim()
  if (!numeric.test(trimmed)) return null
  const value = Number(trimmed)
  return Number.isFinite(value) ? value : null
}

export type Path = readonly string[]

export const pathOf = (pointer: string): Path => pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

/** RFC 6901; own properties only, so that no prototype answers. */
export function readAt(document: Json, path: Path): Json | undefined {
  let at: Json | undefined = document
  for (const key of path) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined
    at = (at as { readonly [key: string]: Json })[key]
  }
  return at
}
