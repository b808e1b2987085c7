import { open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import type { EpochMs } from '../contract/index.ts'

export type BlockKind = 'raw' | 'minutes'

export interface BlockHead {
  readonly seq: number
  readonly kind: BlockKind
  /** Earliest and latest time of arrival in it. */
  readonly from: EpochMs
  readonly to: EpochMs
}
export interface Block extends BlockHead { readonly payload: Buffer }

export interface Segment {
  readonly file: string
  readonly first: number
  bytes: number
  /** Unknown until it was read once. */
  times?: { readonly from: EpochMs; readonly to: EpochMs }
}

export const segmentBytes = 4 << 20
const maxSegments = 4_096
const headBytes = 40
/** Heads are read many at a time. */
const windowBytes = 64 << 10
const maxPayload = 16 << 20
const kinds: readonly BlockKind[] = ['raw', 'minutes']
const suffix = '.log'

/**
 * Blocks, one behind the other in files of about 4 MiB, numbered without a hole; the oldest file goes first. Never synced: what the
 * kernel has survives a killed process, and a power cut costs its last seconds. A file is written by one run only.
 */
export class BlockLog {
  readonly #folder: string
  #segments: Segment[] = []
  #handle: FileHandle | null = null
  #next = 1
  bytesWritten = 0

  constructor(folder: string) { this.#folder = folder }

  get segments(): readonly Segment[] { return this.#segments }
  get bytes(): number { return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0) }
  /** Number of the last block. */
  get last(): number { return this.#next - 1 }

  /** Finds the files and the last block's number. */
  async find(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => /^\d{16}\.log$/.test(name)).toSorted()
    for (const name of names) {
      const file = path.join(this.#folder, name)
      this.#segments.push({ file, first: Number(name.slice(0, -suffix.length)), bytes: (await stat(file)).size })
    }
    const newest = this.#segments.at(-1)
    if (!newest) return
    this.#next = newest.first
    for await (const { seq } of this.heads(newest)) this.#next = seq + 1
    // A file whose first block is lost keeps its name to itself.
    if (this.#next === newest.first) this.#next++
  }

  /** The next block has at least this number. */
  reserve(seq: number): void { this.#next = Math.max(this.#next, seq) }

  /** Throws what the file system throws; then the block is not in the log, and the next one begins a new file. */
  async append(kind: BlockKind, from: EpochMs, to: EpochMs, payload: Buffer): Promise<void> {
    const seq = this.#next
    const block = encodeBlock({ seq, kind, from, to, payload })
    // A number is used up also by a block that could not be written, so that none is used twice.
    this.#next++
    try {
      const segment = await this.#open(seq)
      for (let done = 0; done < block.length;) done += (await this.#handle!.write(block, done, block.length - done)).bytesWritten
      this.bytesWritten += block.length
      segment.bytes += block.length
      segment.times = { from: Math.min(segment.times?.from ?? Infinity, from), to: Math.max(segment.times?.to ?? -Infinity, to) }
    } catch (error) {
      await this.#giveUp()
      throw error
    }
  }

  /** Takes back the torn block; what stood before it stays. */
  async #giveUp(): Promise<void> {
    const segment = this.#segments.at(-1)
    if (!this.#handle || !segment) return
    await this.#handle.truncate(segment.bytes).catch(() => {})
    await this.close()
    if (segment.bytes === 0) await this.#remove(segment).catch(() => {})
  }

  async #remove(segment: Segment): Promise<void> {
    await unlink(segment.file).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOENT') throw error })
    this.#segments = this.#segments.filter((other) => other !== segment)
  }

  async #open(seq: number): Promise<Segment> {
    const current = this.#segments.at(-1)
    if (this.#handle && current && current.bytes < segmentBytes) return current
    await this.close()
    while (this.#segments.length >= maxSegments) await this.dropOldest()
    const file = path.join(this.#folder, `${String(seq).padStart(16, '0')}${suffix}`)
    this.#handle = await open(file, 'wx')
    const segment: Segment = { file, first: seq, bytes: 0 }
    this.#segments.push(segment)
    return segment
  }

  /** False when only the file being written is left. */
  async dropOldest(): Promise<boolean> {
    const [oldest] = this.#segments
    if (!oldest || (this.#handle && this.#segments.length === 1)) return false
    await this.#remove(oldest)
    return true
  }

  /** Heads of the blocks of a file, up to the first that does not stand whole; `torn` hears of that. Their contents are not looked at. */
  async *heads(segment: Segment, torn: () => void = () => {}): AsyncGenerator<BlockHead & Place> {
    const handle = await openToRead(segment.file)
    if (!handle) return
    try {
      const { size } = await handle.stat()
      const times = { from: Infinity, to: -Infinity }
      const window = Buffer.allocUnsafe(windowBytes)
      let [at, windowAt, filled] = [0, 0, 0]
      while (at + headBytes <= size) {
        if (at + headBytes > windowAt + filled) {
          filled = (await handle.read(window, 0, windowBytes, at)).bytesRead
          windowAt = at
        }
        const head = decodeHead(window.subarray(at - windowAt, at - windowAt + headBytes), at)
        if (!head || head.at + head.bytes > size) break
        times.from = Math.min(times.from, head.from)
        times.to = Math.max(times.to, head.to)
        yield head
        at = head.at + head.bytes
      }
      if (at < size) torn()
      segment.times ??= times
    } finally {
      await handle.close()
    }
  }

  /** Whole blocks that `wanted` asks for. `damaged` hears of each that does not read back. A file that was dropped meanwhile has none. */
  async *blocks(segment: Segment, wanted: (head: BlockHead) => boolean, damaged: () => void): AsyncGenerator<Block> {
    const handle = await openToRead(segment.file)
    if (!handle) return
    try {
      for await (const head of this.heads(segment, damaged)) {
        if (!wanted(head)) continue
        const payload = Buffer.alloc(head.bytes)
        await handle.read(payload, 0, payload.length, head.at)
        if (crc32(payload) === head.crc) yield { seq: head.seq, kind: head.kind, from: head.from, to: head.to, payload }
        else damaged()
      }
    } finally {
      await handle.close()
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close().catch(() => {})
  }
}

/** Null for a file that was dropped meanwhile. */
const openToRead = (file: string): Promise<FileHandle | null> => open(file, 'r').catch((error: NodeJS.ErrnoException) => { if (error.code === 'ENOENT') return null; throw error })

interface Place { readonly at: number; readonly bytes: number; readonly crc: number }

/** crc32 of the payload | its length | kind | crc32 of the head without this | seq | from | to | payload. Big-endian. */
function encodeBlock({ seq, kind, from, to, payload }: Block): Buffer {
  const out = Buffer.alloc(headBytes + payload.length)
  out.writeUInt32BE(crc32(payload), 0)
  out.writeUInt32BE(payload.length, 4)
  out[8] = kinds.indexOf(kind)
  out.writeDoubleBE(seq, 16)
  out.writeDoubleBE(from, 24)
  out.writeDoubleBE(to, 32)
  out.writeUInt32BE(headCrc(out), 12)
  out.set(payload, headBytes)
  return out
}

/** Null for what no head is. `offset`: where it stands. */
function decodeHead(bytes: Buffer, offset: number): (BlockHead & Place) | null {
  const kind = kinds[bytes[8]!]
  const length = bytes.readUInt32BE(4)
  if (!kind || length > maxPayload || bytes.readUInt32BE(12) !== headCrc(bytes)) return null
  return { seq: bytes.readDoubleBE(16), kind, from: bytes.readDoubleBE(24), to: bytes.readDoubleBE(32), at: offset + headBytes, bytes: length, crc: bytes.readUInt32BE(0) }
}

const headCrc = (bytes: Buffer): number => crc32(bytes.subarray(16, headBytes), crc32(bytes.subarray(0, 12)))
