import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * LevelDB's tables (doc/table_format.md), held against their own sums. LevelDB does not look at them when it merges: a flipped bit in a
 * key makes it abort the process, at each start anew.
 */

/** The tables of a closed database that are not sound. */
export async function unsoundTables(folder: string): Promise<readonly string[]> {
  const unsound: string[] = []
  for (const name of await readdir(folder).catch((): string[] => [])) {
    if (!name.endsWith('.ldb')) continue
    const bytes = await readFile(path.join(folder, name)).catch(() => Buffer.alloc(0))
    if (!isSoundTable(bytes)) unsound.push(name)
  }
  return unsound
}

const footerBytes = 48
const magic = 0xdb4775248b80fb57n
const snappy = 1

export function isSoundTable(table: Buffer): boolean {
  if (table.length < footerBytes || table.readBigUInt64LE(table.length - 8) !== magic) return false
  try {
    const footer = reader(table.subarray(table.length - footerBytes))
    // The index names the data, the block before it the filters.
    return [handle(footer), handle(footer)].every((block) => isSoundBlock(table, block) && handlesIn(contentOf(table, block)).every((inner) => isSoundBlock(table, inner)))
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

interface Handle { readonly offset: number; readonly size: number }
interface Reader { readonly bytes: Buffer; at: number }

const reader = (bytes: Buffer): Reader => ({ bytes, at: 0 })

function varint(from: Reader): number {
  let value = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = from.bytes.readUInt8(from.at++)
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}

const handle = (from: Reader): Handle => ({ offset: varint(from), size: varint(from) })

function isSoundBlock(table: Buffer, { offset, size }: Handle): boolean {
  const end = offset + size + 1
  return end + 4 <= table.length - footerBytes && table.readUInt32LE(end) === masked(crc32c(table, offset, end))
}

function contentOf(table: Buffer, { offset, size }: Handle): Buffer {
  const content = table.subarray(offset, offset + size)
  return table.readUInt8(offset + size) === snappy ? unsnap(content) : content
}

/** Entries of an index block: shared, unshared, value length, rest of the key, value; restart points and their number behind them. */
function handlesIn(block: Buffer): readonly Handle[] {
  const end = block.length - 4 - 4 * block.readUInt32LE(block.length - 4)
  const handles: Handle[] = []
  for (const from = reader(block); from.at < end;) {
    varint(from)
    const unshared = varint(from)
    const length = varint(from)
    from.at += unshared
    const next = from.at + length
    handles.push(handle(from))
    from.at = next
  }
  return handles
}

/** Snappy's raw format (format_description.txt). Throws RangeError for what is none. */
function unsnap(packed: Buffer): Buffer {
  const from = reader(packed)
  const out = Buffer.alloc(varint(from))
  for (let at = 0; from.at < packed.length;) {
    const tag = packed.readUInt8(from.at++)
    const kind = tag & 3
    if (kind === 0) {
      const short = tag >> 2
      const length = (short < 60 ? short : packed.readUIntLE(from.at, short - 59)) + 1
      from.at += short < 60 ? 0 : short - 59
      at += packed.copy(out, at, from.at, from.at += length)
      continue
    }
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const back = kind === 1 ? (tag >> 5) * 256 + packed.readUInt8(from.at) : kind === 2 ? packed.readUInt16LE(from.at) : packed.readUInt32LE(from.at)
    from.at += kind === 3 ? 4 : kind
    for (let i = 0; i < length; i++, at++) out.writeUInt8(out.readUInt8(at - back), at)
  }
  return out
}

const polynomial = 0x82f63b78
const tables = Array.from({ length: 4 }, () => new Uint32Array(256))
for (let n = 0; n < 256; n++) {
  let crc = n
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
  tables[0]![n] = crc
}
for (let n = 0; n < 256; n++) for (let k = 1; k < 4; k++) tables[k]![n] = (tables[k - 1]![n]! >>> 8) ^ tables[0]![tables[k - 1]![n]! & 0xff]!

/** Castagnoli, four bytes at a time. */
function crc32c(bytes: Buffer, from: number, to: number): number {
  const [a, b, c, d] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  let crc = 0xffffffff
  let at = from
  for (; at + 4 <= to; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc = d[crc & 0xff]! ^ c[(crc >>> 8) & 0xff]! ^ b[(crc >>> 16) & 0xff]! ^ a[crc >>> 24]!
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ a[(crc ^ bytes[at]!) & 0xff]!
  return (crc ^ 0xffffffff) >>> 0
}

const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
