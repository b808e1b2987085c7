/** As much of DER [ITU-T X.690] as a certificate is written in. Writing only: nothing from outside is parsed here. */
const tagged = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const bytes: number[] = []
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.concat([Buffer.from([tag, ...(content.length < 128 ? [content.length] : [0x80 | bytes.length, ...bytes])]), content])
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tagged(0x30, ...parts)
export const set = (...parts: readonly Uint8Array[]): Buffer => tagged(0x31, ...parts)
/** Big-endian, as it is: the caller sees to the sign. */
export const integer = (bytes: Uint8Array | number): Buffer => tagged(0x02, typeof bytes === 'number' ? Buffer.from([bytes]) : bytes)
export const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]))
export const octets = (content: Uint8Array): Buffer => tagged(0x04, content)
/** `unused`: bits of the last byte that do not count. */
export const bits = (content: Uint8Array, unused = 0): Buffer => tagged(0x03, Buffer.from([unused]), content)
export const utf8 = (text: string): Buffer => tagged(0x0c, Buffer.from(text))
/** `[n]` around what has a tag of its own. */
export const explicit = (n: number, content: Uint8Array): Buffer => tagged(0xa0 | n, content)
/** `[n]` in place of the tag; `inside`: of a SEQUENCE. */
export const implicit = (n: number, content: Uint8Array, inside = false): Buffer => tagged((inside ? 0xa0 : 0x80) | n, content)

/** Base 128, the first two numbers in one [X.690 §8.19]. */
export function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split('.').map(Number) as [number, number, ...number[]]
  const base128 = (value: number): number[] => {
    const digits = [value % 128]
    for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left % 128))
    return digits
  }
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)))
}

/** UTCTime until 2049, GeneralizedTime after [RFC 5280 §4.1.2.5]; whole seconds. */
export function time(at: number): Buffer {
  const digits = new Date(at).toISOString().slice(0, 19).replaceAll(/[^0-9]/g, '')
  return Number(digits.slice(0, 4)) < 2050 ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tagged(0x18, Buffer.from(`${digits}Z`))
}
