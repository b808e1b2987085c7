import { replyLength } from './pdu.ts'

const crcBytes = 2
/** Serial Line 1.02 §2.3: unit, PDU, CRC. */
export const maxFrameBytes = 256

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1
  return crc
})

/** CRC-16/MODBUS of `bytes[start, end)`. */
export function crc16(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffff
  for (let at = start; at < end; at++) crc = (crc >> 8) ^ crcTable[(crc ^ bytes[at]!) & 0xff]!
  return crc
}

export function encodeRtu(unit: number, pdu: Buffer): Buffer {
  const out = Buffer.allocUnsafe(1 + pdu.length + crcBytes)
  out[0] = unit
  pdu.copy(out, 1)
  out.writeUInt16LE(crc16(out, 0, out.length - crcBytes), out.length - crcBytes)
  return out
}

const crcRight = (bytes: Buffer, start: number, end: number): boolean => end <= bytes.length && end - start > crcBytes + 1 && crc16(bytes, start, end - crcBytes) === bytes.readUInt16LE(end - crcBytes)

/** What the bytes since the request are. `noise`: bytes that were skipped; `foreign`: whole frames of others; `silent`: a modem's own texts and nothing else. */
export type Match =
  | { readonly kind: 'more'; readonly crcWrong: boolean; readonly silent: boolean }
  | { readonly kind: 'reply'; readonly pdu: Buffer; readonly noise: number; readonly foreign: number }
  /** More than one answer, or an answer and a tail: nobody can say which is which. */
  | { readonly kind: 'doubtful' }

/** A line driver that switches leaves a glitch or two; more than that before or after a frame is not explained. */
const maxGlitch = 3

/**
 * Finds the answer to `request` of `unit` in what came in since it was sent. The answer must stand alone: before it only whole frames of
 * others (another master's broadcast, another unit's answer), `texts` a modem puts in, and a glitch; after it a glitch at most.
 */
export function matchReply(unit: number, request: Buffer, bytes: Buffer, texts: readonly Buffer[] = []): Match {
  let foreign = 0
  let noise = 0
  let crcWrong = false
  for (let at = 0; at < bytes.length;) {
    const text = texts.find((item) => bytes.subarray(at, at + item.length).equals(item))
    if (text) { at += text.length; continue }
    if (bytes[at] === unit) {
      const length = replyLength(request, bytes.subarray(at + 1))
      const end = at + 1 + length + crcBytes
      if (length > 0 && crcRight(bytes, at, end)) return settle(bytes, at, end, noise, foreign, texts)
      if (length > 0 && end <= bytes.length) crcWrong = true
    }
    const skip = foreignFrame(bytes, at)
    if (skip > 0) { foreign++; at += skip; continue }
    noise++
    if (noise > maxGlitch) return { kind: 'more', crcWrong, silent: false }
    at++
  }
  return { kind: 'more', crcWrong, silent: noise + foreign === 0 }
}

function settle(bytes: Buffer, start: number, end: number, noise: number, foreign: number, texts: readonly Buffer[]): Match {
  const tail = afterTexts(bytes.subarray(end), texts)
  if (tail.length > maxGlitch) return { kind: 'doubtful' }
  return { kind: 'reply', pdu: bytes.subarray(start + 1, end - crcBytes), noise: noise + tail.length, foreign }
}

/** What follows the `texts` with which `bytes` begin, of which a modem may have sent several. */
export function afterTexts(bytes: Buffer, texts: readonly Buffer[]): Buffer {
  for (;;) {
    const text = texts.find((item) => bytes.subarray(0, item.length).equals(item))
    if (!text) return bytes
    bytes = bytes.subarray(text.length)
  }
}

/** Length of a frame with the right CRC that begins at `start`, request or answer of anybody; 0 when there is none. */
export function foreignFrame(bytes: Buffer, start: number): number {
  const code = bytes[start + 1]
  if (code === undefined) return 0
  const byteCount = bytes[start + 2] ?? 0
  const multipleCount = bytes[start + 6] ?? 0
  const lengths = code & 0x80 ? [5] : code <= 4 ? [8, 5 + byteCount] : code === 15 || code === 16 ? [8, 9 + multipleCount] : code === 22 ? [10] : code === 23 ? [5 + byteCount, 13 + (bytes[start + 10] ?? 0)] : [8]
  // The shorter first: a frame and a zero after it have a right CRC too.
  for (const length of lengths.toSorted((a, b) => a - b)) if (length <= maxFrameBytes && crcRight(bytes, start, start + length)) return length
  return 0
}
