import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { DeviceStatus, EpochMs, Occurrence, PointId, Quality, Reading, HistoryEntry, Value } from '../contract/index.ts'
import { DataError } from '../kit/index.ts'
import { qualities } from './rows.ts'

const firstCapacity = 256
/** A block is written when it has so many entries, or so much text. */
export const maxEntries = 4_096
const maxTextBytes = 256 << 10
const maxBlockBytes = 64 << 20

/** Kind of value, or what is no reading, in bits 0 to 2; quality in bits 3 and 4, redelivered in bit 5. Kinds are only added: old blocks are read for as long as they lie there. */
const kinds = { nothing: 0, number: 1, false: 2, true: 3, text: 4, tick: 5, occurrence: 6, device: 7 } as const

/** Lists that only some entries use. `reasons` and `late` pair an entry's index with what it has. */
interface Side { readonly points: PointId[]; readonly texts: string[]; readonly words: string[]; readonly reasons: number[]; /** Times stand as they are. */ plain?: boolean }

/**
 * Readings, ticks, occurrences and devices' states (these two as JSON among the texts) in order of arrival, by columns: flags, point, time of arrival, time at the device, value. Arrivals are kept as
 * differences and numbers by their bytes' significance, which is what makes zstd bring an entry to a few bytes.
 */
export class RawBlock {
  #count = 0
  #flags = new Uint8Array(firstCapacity)
  #point = new Uint32Array(firstCapacity)
  #received = new Float64Array(firstCapacity)
  #at = new Float64Array(firstCapacity)
  #value = new Float64Array(firstCapacity)
  #side: Side = { points: [], texts: [], words: [], reasons: [] }
  #textBytes = 0
  /** Number of a point in this block. */
  readonly #numbers = new Map<PointId, number>()

  get count(): number { return this.#count }
  get full(): boolean { return this.#count >= maxEntries || this.#textBytes >= maxTextBytes }
  /** The earliest and latest arrival in it. */
  from: EpochMs = Infinity
  to: EpochMs = -Infinity

  add(reading: Reading): void {
    const { value, quality, receivedAt } = reading
    let point = this.#numbers.get(reading.pointId)
    if (point === undefined) this.#numbers.set(reading.pointId, point = this.#side.points.push(reading.pointId) - 1)
    let kind: number = kinds.nothing
    let number = 0
    if (typeof value === 'number') { kind = kinds.number; number = value }
    else if (typeof value === 'boolean') kind = value ? kinds.true : kinds.false
    else if (value !== null) { kind = kinds.text; number = this.#text(value) }
    const worse = quality === 'good' ? 0 : quality === 'uncertain' ? 8 : 16
    if (reading.reason !== undefined) this.#reason(reading.reason)
    this.#push(kind | worse | (reading.redelivered ? 32 : 0), point, receivedAt, reading.at, number)
  }

  tick(at: EpochMs): void { this.#push(kinds.tick, 0, at, at, 0) }
  /** A tick with a 1: who does not know of it takes it for one. */
  restart(at: EpochMs): void { this.#push(kinds.tick, 0, at, at, 1) }

  occurrence(occurrence: Occurrence, receivedAt: EpochMs): void { this.#push(kinds.occurrence, 0, receivedAt, occurrence.at, this.#text(JSON.stringify(occurrence))) }

  device(status: DeviceStatus): void { this.#push(kinds.device, 0, status.at, status.at, this.#text(JSON.stringify(status))) }

  encode(): Buffer {
    const count = this.#count
    const arrivals = differences(this.#received, count)
    const took = arrivals && delays(this.#at, this.#received, count)
    const side = Buffer.from(JSON.stringify(took ? this.#side : { ...this.#side, plain: true } satisfies Side))
    const out = Buffer.allocUnsafe(8 + side.length + count * (1 + 4 + 24))
    out.writeUInt32LE(count, 0)
    out.writeUInt32LE(side.length, 4)
    out.set(side, 8)
    let at = 8 + side.length
    out.set(this.#flags.subarray(0, count), at)
    at = spread(bytesOf(this.#point.subarray(0, count)), 4, out, at + count)
    at = spread(bytesOf(took ? arrivals : this.#received.subarray(0, count)), 8, out, at)
    at = spread(bytesOf(took ?? this.#at.subarray(0, count)), 8, out, at)
    spread(bytesOf(this.#value.subarray(0, count)), 8, out, at)
    return zstdCompressSync(out)
  }

  clear(): void {
    this.#count = 0
    this.#textBytes = 0
    this.#side = { points: [], texts: [], words: [], reasons: [] }
    this.#numbers.clear()
    this.from = Infinity
    this.to = -Infinity
  }

  #push(flags: number, point: number, received: EpochMs, at: EpochMs, value: number): void {
    if (this.#count === this.#flags.length) this.#grow()
    const index = this.#count++
    this.#flags[index] = flags
    this.#point[index] = point
    this.#received[index] = received
    this.#at[index] = at
    this.#value[index] = value
    if (received < this.from) this.from = received
    if (received > this.to) this.to = received
  }
  #text(text: string): number {
    this.#textBytes += text.length
    return this.#side.texts.push(text) - 1
  }
  #reason(reason: string): void {
    let word = this.#side.words.indexOf(reason)
    if (word < 0) { word = this.#side.words.push(reason) - 1; this.#textBytes += reason.length }
    this.#side.reasons.push(this.#count, word)
  }
  #grow(): void {
    const larger = <T extends Uint8Array | Uint32Array | Float64Array>(old: T, fresh: T): T => { fresh.set(old); return fresh }
    const capacity = this.#flags.length * 2
    this.#flags = larger(this.#flags, new Uint8Array(capacity))
    this.#point = larger(this.#point, new Uint32Array(capacity))
    this.#received = larger(this.#received, new Float64Array(capacity))
    this.#at = larger(this.#at, new Float64Array(capacity))
    this.#value = larger(this.#value, new Float64Array(capacity))
  }
}

/** Throws DataError HISTORY_DAMAGED for what no block is. */
export function decodeRaw(payload: Uint8Array): HistoryEntry[] {
  const bytes = zstdDecompressSync(payload, { maxOutputLength: maxBlockBytes })
  const count = bytes.readUInt32LE(0)
  const sideBytes = bytes.readUInt32LE(4)
  if (bytes.length !== 8 + sideBytes + count * 29) throw new DataError('HISTORY_DAMAGED', 'a block of the raw history has the wrong length; it is left out')
  const side = JSON.parse(bytes.subarray(8, 8 + sideBytes).toString()) as Side
  let offset = 8 + sideBytes
  const flags = bytes.subarray(offset, offset += count)
  const column = (width: number): ArrayBuffer => { const gathered = gather(bytes, offset, count, width); offset += count * width; return gathered }
  const points = new Uint32Array(column(4))
  const received = new Float64Array(column(8))
  const at = new Float64Array(column(8))
  if (!side.plain) { sums(received); for (let index = 0; index < count; index++) at[index] = received[index]! - at[index]! }
  const values = new Float64Array(column(8))
  let reason = 0
  return Array.from(flags, (flag, index): HistoryEntry => {
    switch (flag & 7) {
      case kinds.tick: return values[index] === 1 ? { restart: received[index]! } : { tick: received[index]! }
      case kinds.occurrence: return { occurrence: JSON.parse(side.texts[values[index]!]!) as Occurrence, receivedAt: received[index]! }
      case kinds.device: return { device: JSON.parse(side.texts[values[index]!]!) as DeviceStatus }
    }
    const known = side.reasons[reason] === index ? side.words[side.reasons[reason + 1]!] : undefined
    if (known !== undefined) reason += 2
    return { reading: {
      pointId: side.points[points[index]!]!, value: valueOf(flag & 7, values[index]!, side.texts), at: at[index]!, receivedAt: received[index]!, quality: qualities[(flag >> 3) & 3] as Quality,
      ...(known === undefined ? undefined : { reason: known }), ...(flag & 32 ? { redelivered: true } : undefined),
    } }
  })
}

function valueOf(kind: number, number: number, texts: readonly string[]): Value | null {
  switch (kind) {
    case kinds.number: return number
    case kinds.false: return false
    case kinds.true: return true
    case kinds.text: return texts[number]!
    default: return null
  }
}

const bytesOf = (column: Uint32Array | Float64Array): Uint8Array => new Uint8Array(column.buffer, column.byteOffset, column.byteLength)

/** All first bytes, then all second bytes… Returns the offset behind them. */
function spread(bytes: Uint8Array, width: number, out: Uint8Array, at: number): number {
  for (let byte = 0; byte < width; byte++) for (let from = byte; from < bytes.length; from += width) out[at++] = bytes[from]!
  return at
}

function gather(bytes: Uint8Array, at: number, count: number, width: number): ArrayBuffer {
  const out = new Uint8Array(count * width)
  for (let byte = 0; byte < width; byte++) for (let to = byte; to < out.length; to += width) out[to] = bytes[at++]!
  return out.buffer
}

/** Each less the one before. Null where the sums would not give the times back: they are not whole milliseconds then. */
function differences(times: Float64Array, count: number): Float64Array | null {
  const out = new Float64Array(count)
  let before = 0
  for (let index = 0; index < count; index++) {
    const time = times[index]!
    out[index] = time - before
    if (before + out[index]! !== time) return null
    before = time
  }
  return out
}

function sums(out: Float64Array): Float64Array {
  for (let index = 1; index < out.length; index++) out[index]! += out[index - 1]!
  return out
}

/** How long each took to arrive; null as above. */
function delays(at: Float64Array, received: Float64Array, count: number): Float64Array | null {
  const out = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    out[index] = received[index]! - at[index]!
    if (received[index]! - out[index]! !== at[index]) return null
  }
  return out
}
