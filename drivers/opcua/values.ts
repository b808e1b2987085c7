import { DataType, Variant, VariantArrayType } from 'node-opcua-client'
import type { DataValue, VariantLike } from 'node-opcua-client'
import type { EpochMs, Sample, Value } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import { verdictOf } from './status.ts'

export type Decoded = { readonly value: Value } | { readonly reason: string }

/** A server's clock may be wrong; beyond this it is not believed and the time of arrival stands. */
const maxAheadMs = 5 * 60_000
const maxBehindMs = 31 * 24 * 3_600_000
const maxTextLength = 4_096

/** The sample of a notification or a read: status to quality, source time stamp within reason, value null exactly when bad. Pure. */
export function sampleOf(pointId: string, data: DataValue, index: number | undefined, now: EpochMs): Sample {
  const at = timeOf(data, now)
  const verdict = verdictOf(data.statusCode)
  if (verdict.quality === 'bad') return { pointId, raw: null, at, quality: 'bad', reason: verdict.reason! }
  const decoded = decodeVariant(data.value, index)
  if ('reason' in decoded) return { pointId, raw: null, at, quality: 'bad', reason: decoded.reason }
  return { pointId, raw: decoded.value, at, ...verdict }
}

export function timeOf({ sourceTimestamp, serverTimestamp }: Pick<DataValue, 'sourceTimestamp' | 'serverTimestamp'>, now: EpochMs): EpochMs {
  for (const stamp of [sourceTimestamp, serverTimestamp]) {
    const at = stamp?.getTime() ?? NaN
    if (at <= now + maxAheadMs && at >= now - maxBehindMs) return at
  }
  return now
}

export function decodeVariant(variant: VariantLike | null | undefined, index?: number): Decoded {
  if (!variant || variant.dataType === DataType.Null || variant.value === null || variant.value === undefined) return { reason: 'POINT_NO_VALUE' }
  const { dataType, value, arrayType } = variant as { dataType: DataType; value: unknown; arrayType?: VariantArrayType }
  const scalar = arrayType === undefined || arrayType === VariantArrayType.Scalar
  if (scalar) return index === undefined ? decodeScalar(dataType, value) : { reason: 'POINT_TYPE' }
  if (index === undefined) return { reason: 'POINT_TYPE' }
  const element = (value as ArrayLike<unknown>)[index]
  return element === undefined ? { reason: 'POINT_NO_VALUE' } : decodeScalar(dataType, element)
}

function decodeScalar(dataType: DataType, value: unknown): Decoded {
  switch (dataType) {
    case DataType.Boolean: return typeof value === 'boolean' ? { value } : { reason: 'POINT_TYPE' }
    case DataType.SByte: case DataType.Byte: case DataType.Int16: case DataType.UInt16: case DataType.Int32: case DataType.UInt32:
      return typeof value === 'number' ? { value } : { reason: 'POINT_TYPE' }
    case DataType.Float: case DataType.Double: return Number.isFinite(value) ? { value: dataType === DataType.Float ? shortest(value as number) : value as number } : { reason: 'POINT_NOT_FINITE' }
    case DataType.Int64: return safe(BigInt.asIntN(64, wide(value)))
    case DataType.UInt64: return safe(wide(value))
    case DataType.String: case DataType.XmlElement: return text(value)
    case DataType.LocalizedText: return text((value as { text?: unknown } | null)?.text)
    case DataType.DateTime: return value instanceof Date && Number.isFinite(value.getTime()) ? { value: value.toISOString() } : { reason: 'POINT_NO_VALUE' }
    case DataType.Guid: return text(value)
    case DataType.StatusCode: return text((value as { name?: unknown } | null)?.name)
    default: return { reason: 'POINT_TYPE' }
  }
}

/** 21.1 as a 32-bit float is 21.100000381…: the shortest decimal that is the same float is what the device meant. */
function shortest(value: number): number {
  for (let digits = 6; digits <= 8; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === Math.fround(value)) return candidate
  }
  return value
}

/** The library holds 64 bits as [high, low]. */
const wide = (value: unknown): bigint => {
  if (typeof value === 'bigint') return BigInt.asUintN(64, value)
  if (typeof value === 'number') return BigInt.asUintN(64, BigInt(Math.trunc(value)))
  const [high = 0, low = 0] = value as readonly number[]
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

const safe = (value: bigint): Decoded =>
  (value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? { value: Number(value) } : { reason: 'POINT_PRECISION' })

function text(value: unknown): Decoded {
  if (value === null || value === undefined) return { reason: 'POINT_NO_VALUE' }
  return typeof value === 'string' && value.length <= maxTextLength ? { value } : { reason: 'POINT_TYPE' }
}

const whole: Readonly<Partial<Record<DataType, readonly [least: bigint, most: bigint]>>> = {
  [DataType.SByte]: [-128n, 127n], [DataType.Byte]: [0n, 255n], [DataType.Int16]: [-32_768n, 32_767n], [DataType.UInt16]: [0n, 65_535n],
  [DataType.Int32]: [-(2n ** 31n), 2n ** 31n - 1n], [DataType.UInt32]: [0n, 2n ** 32n - 1n], [DataType.Int64]: [-(2n ** 63n), 2n ** 63n - 1n], [DataType.UInt64]: [0n, 2n ** 64n - 1n],
}

/** A value in the node's own type. Throws DriverError POINT_VALUE for what that type cannot hold; nothing is rounded or cut. */
export function encodeVariant(dataType: DataType, raw: Value): Variant {
  return new Variant({ dataType, arrayType: VariantArrayType.Scalar, value: encodeScalar(dataType, raw) })
}

/** `array` with one element replaced. Throws DriverError POINT_VALUE as above, or when there is no such element. */
export function encodeElement(array: VariantLike | null | undefined, raw: Value, index: number): Variant {
  const { dataType, arrayType, value } = (array ?? {}) as { dataType?: DataType; arrayType?: VariantArrayType; value?: ArrayLike<unknown> | null }
  if (dataType === undefined || arrayType !== VariantArrayType.Array || !value || index >= value.length) throw new DriverError('POINT_VALUE', `there is no element ${index}: the node has ${arrayType === VariantArrayType.Array ? value?.length ?? 0 : 'no one-dimensional array'}`)
  const elements: unknown[] = Array.from(value)
  elements[index] = encodeScalar(dataType, raw)
  return new Variant({ dataType, arrayType: VariantArrayType.Array, value: elements })
}

function encodeScalar(dataType: DataType, raw: Value): unknown {
  const refuse = (why: string): never => { throw new DriverError('POINT_VALUE', `${JSON.stringify(raw)} ${why}; the node is ${DataType[dataType]}`) }
  if (dataType === DataType.Boolean) return typeof raw === 'boolean' ? raw : raw === 1 ? true : raw === 0 ? false : refuse('is neither on nor off')
  const limits = whole[dataType]
  if (limits) {
    const number = typeof raw === 'boolean' ? Number(raw) : raw
    if (typeof number !== 'number' || !Number.isSafeInteger(number)) return refuse('is no whole number')
    const big = BigInt(number)
    if (big < limits[0] || big > limits[1]) return refuse(`is not within ${limits[0]} to ${limits[1]}`)
    if (dataType !== DataType.Int64 && dataType !== DataType.UInt64) return number
    const bits = BigInt.asUintN(64, big)
    return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)]
  }
  if (dataType === DataType.Float || dataType === DataType.Double) {
    if (typeof raw !== 'number' || !Number.isFinite(dataType === DataType.Float ? Math.fround(raw) : raw)) return refuse('is no number that fits')
    return raw
  }
  if (dataType === DataType.String) return typeof raw === 'string' ? raw : refuse('is no text')
  if (dataType === DataType.LocalizedText) return typeof raw === 'string' ? { text: raw, locale: null } : refuse('is no text')
  if (dataType === DataType.DateTime) {
    const date = new Date(typeof raw === 'string' ? raw : NaN)
    return Number.isFinite(date.getTime()) ? date : refuse('is no ISO 8601 time')
  }
  return refuse('cannot be written')
}

/** What a read-back should decode to. */
export function expectedOf(dataType: DataType, raw: Value): Value {
  const decoded = decodeScalar(dataType, encodeScalar(dataType, raw) as never)
  return 'value' in decoded ? decoded.value : raw
}
