import { createHash } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import type { JsonObject, Mode, Quality, Stream, Value } from '../gateway/contract/index.ts'
import { DataError } from '../gateway/kit/index.ts'

export interface DecodedReading { readonly point: string; readonly value: Value | null; readonly at: number; readonly quality?: Quality; readonly reason?: string; readonly receivedAt?: number; readonly summary?: { readonly count: number; readonly min: number; readonly max: number } }

/** One record as a consumer sees it. */
export interface DecodedRecord {
  readonly gateway: string
  readonly stream: Stream
  readonly epoch: string
  readonly seq: number
  /** '' for the first of an epoch. */
  readonly prevhash: string
  /** SHA-256 (hex) of the uncompressed bytes. */
  readonly hash: string
  /** `/linli/<region>/<gateway>` */
  readonly source: string
  readonly type: string
  readonly time: string
  readonly subject?: string
  readonly mode?: Mode
  readonly data: JsonObject
  /** Of a telemetry record, whatever its stream; empty for all others. */
  readonly readings: readonly DecodedReading[]
}

const maxRecordBytes = 16 << 20
const idPattern = /^([a-z0-9-]{1,48})\/([a-z0-9-]{1,48})\/(\d{8}-[0-9a-f]{8})\/([1-9]\d{0,15})$/
const typePattern = /^org\.linli\.[a-z-]{1,32}\.v\d+$/
const hashPattern = /^[0-9a-f]{64}$/

/** Plain or zstd, told apart by the first byte. Throws DataError RECORD_INVALID for anything that is not a record of this format. */
export function decodeRecord(bytes: Uint8Array): DecodedRecord {
  const plain = plainOf(bytes)
  const record = parse(plain)
  const [, gateway, stream, epoch, seq] = (typeof record.id === 'string' && idPattern.exec(record.id)) || invalid('its id is not gateway/stream/epoch/seq')
  if (record.specversion !== '1.0') invalid('specversion is not 1.0')
  if (record.seq !== Number(seq) || record.epoch !== epoch) invalid('seq or epoch differ from its id')
  if (typeof record.type !== 'string' || !typePattern.test(record.type)) invalid('its type is not org.linli.<name>.v<n>')
  if (typeof record.time !== 'string' || Number.isNaN(Date.parse(record.time))) invalid('its time is not RFC 3339')
  if (typeof record.source !== 'string') invalid('it has no source')
  if (record.datacontenttype !== 'application/json') invalid('its datacontenttype is not application/json')
  if (!isTimeQuality(record.timequality)) invalid('its timequality is not synced, holdover or unsynced')
  const prevhash = record.prevhash ?? ''
  if (typeof prevhash !== 'string' || (prevhash === '') !== (record.seq === 1) || (prevhash !== '' && !hashPattern.test(prevhash))) invalid('its prevhash does not fit its seq')
  if (!isObject(record.data)) invalid('data is not an object')
  const data = record.data as JsonObject
  return {
    gateway: gateway!, stream: stream!, epoch: epoch!, seq: record.seq as number, prevhash: prevhash as string, type: record.type as string, time: record.time as string,
    hash: createHash('sha256').update(plain).digest('hex'), data, source: record.source as string,
    readings: record.type === 'org.linli.telemetry.v1' ? readingsOf(data) : [],
    ...(typeof record.subject === 'string' ? { subject: record.subject } : {}), ...(isMode(record.mode) ? { mode: record.mode } : {}),
  }
}

const isMode = (value: unknown): value is Mode => value === 'maintenance' || value === 'commissioning' || value === 'test'
const isTimeQuality = (value: unknown): boolean => value === 'synced' || value === 'holdover' || value === 'unsynced'

function plainOf(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x28) return bytes
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: maxRecordBytes })
  } catch (cause) {
    return invalid('it is not whole zstd data', cause)
  }
}

function parse(plain: Uint8Array): { readonly [key: string]: unknown } {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain))
  } catch (cause) {
    return invalid('it is not JSON in UTF-8', cause)
  }
  return isObject(value) ? value : invalid('it is not a JSON object')
}

function readingsOf(data: JsonObject): readonly DecodedReading[] {
  const list: unknown = data.readings
  if (!Array.isArray(list) || list.length === 0 || !list.every(isReading)) return invalid('data.readings is not a list of readings')
  return list as readonly DecodedReading[]
}

function isReading(value: unknown): boolean {
  if (!isObject(value) || typeof value.point !== 'string' || typeof value.at !== 'number') return false
  if (value.receivedAt !== undefined && typeof value.receivedAt !== 'number') return false
  if (value.summary !== undefined && !(isObject(value.summary) && [value.summary.count, value.summary.min, value.summary.max].every((each) => typeof each === 'number'))) return false
  return value.value === null ? value.quality === 'bad' : typeof value.value === 'number' || typeof value.value === 'string' || typeof value.value === 'boolean'
}

const isObject = (value: unknown): value is { readonly [key: string]: unknown } => typeof value === 'object' && value !== null && !Array.isArray(value)

function invalid(why: string, cause?: unknown): never {
  throw new DataError('RECORD_INVALID', `not a Linli record: ${why}`, { cause })
}
