import { createHash } from 'node:crypto'
import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { EpochMs } from '../contract/index.ts'

/** A record as it lies in the database. `records` and `bytes` count the stream from its beginning, this record included. */
export interface Frame {
  readonly at: EpochMs
  readonly encoding: 'json' | 'zstd'
  readonly prevHash: string
  readonly records: number
  readonly bytes: number
  readonly payload: Uint8Array
}

const headerBytes = 4 + 1 + 1 + 8 + 8 + 8 + 32
const version = 1
/** Below this, compressing costs more than it saves. */
const worthCompressing = 1024
const maxUncompressedBytes = 64 << 20

export const sizeOf = (payload: Uint8Array): number => headerBytes + payload.length

/** crc32 (over key and all that follows) | version | encoding | at | records | bytes | prevHash | payload. Big-endian. */
export function encodeFrame(key: string, frame: Frame): Buffer {
  const out = Buffer.allocUnsafe(headerBytes + frame.payload.length)
  out[4] = version
  out[5] = frame.encoding === 'zstd' ? 1 : 0
  out.writeDoubleBE(frame.at, 6)
  out.writeDoubleBE(frame.records, 14)
  out.writeDoubleBE(frame.bytes, 22)
  out.fill(0, 30, 62)
  if (frame.prevHash) out.write(frame.prevHash, 30, 'hex')
  out.set(frame.payload, headerBytes)
  out.writeUInt32BE(crc32(out.subarray(4), crc32(key)), 0)
  return out
}

/** null for a damaged or misplaced record. The payload is a view into `value`. */
export function decodeFrame(key: string, value: Buffer): Frame | null {
  if (value.length < headerBytes || value[4] !== version) return null
  if (value.readUInt32BE(0) !== crc32(value.subarray(4), crc32(key))) return null
  const prevHash = value.subarray(30, 62)
  return {
    at: value.readDoubleBE(6), records: value.readDoubleBE(14), bytes: value.readDoubleBE(22), encoding: value[5] === 1 ? 'zstd' : 'json',
    prevHash: prevHash.every((byte) => byte === 0) ? '' : prevHash.toString('hex'), payload: value.subarray(headerBytes),
  }
}

export function pack(bytes: Uint8Array): Pick<Frame, 'encoding' | 'payload'> {
  if (bytes.length < worthCompressing) return { encoding: 'json', payload: bytes }
  return { encoding: 'zstd', payload: zstdCompressSync(bytes) }
}

/** SHA-256 (hex) of the uncompressed bytes. */
export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export const hashOfFrame = ({ encoding, payload }: Frame): string => hashOfStored({ encoding, bytes: payload })

interface Packed { readonly encoding: 'json' | 'zstd'; readonly bytes: Uint8Array }

/** The uncompressed bytes. */
export const plainOf = ({ encoding, bytes }: Packed): Uint8Array => (encoding === 'zstd' ? zstdDecompressSync(bytes, { maxOutputLength: maxUncompressedBytes }) : bytes)

export const hashOfStored = (packed: Packed): string => hashOf(plainOf(packed))
