import type { Value } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import type { ModbusPoint } from './plan.ts'
import { formatOf, isBitTable, widthOf } from './registers.ts'
import type { ModbusAddress } from './settings.ts'

/** A decoded value, or why there is none (a code of docs/errors.md). */
export type Decoded = { readonly value: Value } | { readonly reason: string }

/** `data`: a read's answer that began at `start`; the point lies inside. */
export function decodePoint(address: ModbusAddress, data: Buffer, start: number): Decoded {
  const at = address.register - start
  if (isBitTable(address.table)) return { value: ((data[at >> 3]! >> (at & 7)) & 1) === 1 }
  return decodeRegisters(address, data.subarray(at * 2, at * 2 + widthOf(address) * 2))
}

function decodeRegisters(address: ModbusAddress, wire: Buffer): Decoded {
  if (address.bit !== undefined) return { value: ((ordered(address, wire).readUInt16BE(0) >> address.bit) & 1) === 1 }
  const bytes = ordered(address, wire)
  switch (formatOf(address)) {
    case 'bool': case 'u16': return { value: bytes.readUInt16BE(0) }
    case 's16': return { value: bytes.readInt16BE(0) }
    case 'u32': return { value: bytes.readUInt32BE(0) }
    case 's32': return { value: bytes.readInt32BE(0) }
    case 'u64': return exact(bytes.readBigUInt64BE(0))
    case 's64': return exact(bytes.readBigInt64BE(0))
    case 'f32': return finite(shortest(bytes.readFloatBE(0)))
    case 'f64': return finite(bytes.readDoubleBE(0))
    case 'string': return { value: bytes.toString('latin1').replace(/[\0 ]+$/, '') }
  }
}

/** A point's place in a block and how it is read, worked out once. */
export interface CompiledPoint {
  readonly pointId: string
  /** Whether its bytes (or its bit) differ between two blocks. */
  changed(data: Buffer, last: Buffer): boolean
  decode(data: Buffer): Value | { readonly reason: string }
}

/** `start`: the first register or bit of the block. The usual formats are read in place, without a buffer of their own. */
export function compilePoint({ id, address }: ModbusPoint, start: number): CompiledPoint {
  const at = address.register - start
  if (isBitTable(address.table)) {
    const [byte, mask] = [at >> 3, 1 << (at & 7)]
    return { pointId: id, changed: (data, last) => ((data[byte]! ^ last[byte]!) & mask) !== 0, decode: (data) => (data[byte]! & mask) !== 0 }
  }
  const from = at * 2
  const to = from + widthOf(address) * 2
  return { pointId: id, changed: changedBetween(from, to), decode: reader(address, from, start) }
}

function changedBetween(from: number, to: number): CompiledPoint['changed'] {
  if (to - from === 2) return (data, last) => data[from] !== last[from] || data[from + 1] !== last[from + 1]
  return (data, last) => {
    for (let at = from; at < to; at++) if (data[at] !== last[at]) return true
    return false
  }
}

function reader(address: ModbusAddress, from: number, start: number): CompiledPoint['decode'] {
  const plain = address.wordOrder === 'big' && !address.byteSwap && address.bit === undefined
  if (plain && formatOf(address) === 'u16') return (data) => (data[from]! << 8) | data[from + 1]!
  if (plain && formatOf(address) === 's16') return (data) => data.readInt16BE(from)
  if (plain && formatOf(address) === 'u32') return (data) => data.readUInt32BE(from)
  return (data) => { const decoded = decodePoint(address, data, start); return 'value' in decoded ? decoded.value : decoded }
}

/** What `decodePoint` would read back. Throws DriverError POINT_VALUE for what the format cannot hold. Registers only. */
export function encodeRegisters(address: ModbusAddress, value: Value): Buffer {
  const out = Buffer.alloc(widthOf(address) * 2)
  const format = formatOf(address)
  if (format === 'string') {
    if (typeof value !== 'string' || Buffer.byteLength(value, 'latin1') > out.length || /[^\u0020-\u00ff]/.test(value)) throw cannotHold(value, format)
    out.fill(0).write(value, 'latin1')
    return ordered(address, out)
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) throw cannotHold(value, format)
  if (format === 'f32') { out.writeFloatBE(value); if (!Number.isFinite(out.readFloatBE(0))) throw cannotHold(value, format) }
  else if (format === 'f64') out.writeDoubleBE(value)
  else writeInteger(out, value, format.startsWith('s'), format)
  return ordered(address, out)
}

function writeInteger(out: Buffer, value: number, signed: boolean, format: string): void {
  const bits = out.length * 8
  const low = signed ? -(2 ** (bits - 1)) : 0
  const high = 2 ** (signed ? bits - 1 : bits)
  if (!Number.isSafeInteger(value) || value < low || value >= high) throw cannotHold(value, format)
  const unsigned = BigInt.asUintN(bits, BigInt(value))
  for (let byte = 0; byte < out.length; byte++) out[byte] = Number((unsigned >> BigInt(8 * (out.length - 1 - byte))) & 0xffn)
}

const cannotHold = (value: Value, format: string): DriverError => new DriverError('POINT_VALUE', `${JSON.stringify(value)} does not fit the format ${format}`)

/** Wire order to big-endian and back: the same swap both ways. */
function ordered({ wordOrder, byteSwap }: ModbusAddress, bytes: Buffer): Buffer {
  if (wordOrder === 'big' && !byteSwap) return bytes
  const out = Buffer.from(bytes)
  if (wordOrder === 'little') for (let word = 0; word < bytes.length; word += 2) bytes.copy(out, word, bytes.length - 2 - word, bytes.length - word)
  return byteSwap ? out.swap16() : out
}

/** Beyond 2^53 a number would be a neighbour of the counter's value: no value is better. */
function exact(value: bigint): Decoded {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? { value: Number(value) } : { reason: 'POINT_PRECISION' }
}

const finite = (value: number): Decoded => (Number.isFinite(value) ? { value } : { reason: 'POINT_NOT_FINITE' })

/** The shortest decimal that is this 32-bit float: 230.1, not 230.10000610351562. */
function shortest(value: number): number {
  const short = Number(value.toPrecision(7))
  return Math.fround(short) === value ? short : value
}
