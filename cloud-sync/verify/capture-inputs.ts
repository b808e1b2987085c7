import type { DeviceState, EpochMs, HistoryEntry, JsonObject, OccurrenceType, PointId } from '../../gateway/contract/index.ts'
import { DataError } from '../../gateway/kit/index.ts'
import { Sequences, type Stretch } from './capture-stretches.ts'
import { decodeRecord, type DecodedRecord } from '../decode.ts'
import { linesOf } from './capture.ts'

export interface CapturedInput { readonly at: EpochMs; readonly input: HistoryEntry }

export interface CapturedPast {
  readonly inputs: readonly CapturedInput[]
  /** Between the first and the last input, without a record missing. */
  readonly stretches: readonly Stretch[]
  /** Readings that stand for several (law 7): of a point, for how many, and how far apart the lowest and the highest of one lay. */
  readonly thinned: ReadonlyMap<PointId, { readonly readings: number; readonly band: number }>
  /** How often the gateway's clock was set. */
  readonly clockSteps: number
}

/** More do not fit into memory on a small machine. */
const maxInputs = 5_000_000
const maxKnown = 5_000_000
const occurrences: readonly string[] = ['access', 'kiosk', 'request', 'evaluation'] satisfies readonly OccurrenceType[]
const states: readonly string[] = ['online', 'offline', 'degraded', 'flapping'] satisfies readonly DeviceState[]

/**
 * What a capture (`linli verify --record`) holds of what came into a gateway: readings, occurrences, states of devices and starts of the
 * gateway, in order of their times, those of arrival where they are told. Records that came twice count once; what is no record is passed
 * over. Throws DataError CAPTURE_TOO_LARGE, ConfigError VERIFY_CAPTURE.
 */
export async function readCapture(file: string, gateway: string): Promise<CapturedPast> {
  const inputs: CapturedInput[] = []
  const known = new Set<string>()
  const sequences = new Sequences()
  const thinned = new Map<PointId, { readings: number; band: number }>()
  let clockSteps = 0
  for await (const { message } of linesOf(file)) {
    if (!message) continue
    const record = recordOf(message.payload)
    // Finer selections repeat what stands in their stream.
    if (!record || record.gateway !== gateway || !streams.has(record.stream)) continue
    const id = `${record.stream}/${record.epoch}/${record.seq}`
    if (known.has(id)) continue
    known.add(id)
    if (record.stream === 'ledger') { close(sequences, record); continue }
    const found = inputsOf(record)
    const times = found.length > 0 ? found.map(({ at }) => at) : [Date.parse(record.time)]
    sequences.add(record.stream, record.epoch, { seq: record.seq, from: least(times), to: -least(times.map((at) => -at)) })
    if (record.type === 'org.linli.gateway.v1' && record.data.action === 'clock-stepped') clockSteps++
    for (const { point, summary } of record.readings) if (summary) add(thinned, point, summary)
    for (const one of found) inputs.push(one)
    if (inputs.length > maxInputs || known.size > maxKnown) throw new DataError('CAPTURE_TOO_LARGE', `${file} holds more than ${maxInputs / 1e6} million readings; split it, or replay the gateway's own history`)
  }
  inputs.sort((a, b) => a.at - b.at)
  return { inputs, thinned, clockSteps, stretches: inputs.length === 0 ? [] : sequences.stretches(inputs[0]!.at, inputs.at(-1)!.at) }
}

const streams: ReadonlySet<string> = new Set(['telemetry', 'event', 'ledger'])
const isObject = (value: unknown): value is { readonly [key: string]: unknown } => typeof value === 'object' && value !== null
const least = (times: readonly number[]): number => times.reduce((a, b) => Math.min(a, b))

/** How the epoch before ended. */
function close(sequences: Sequences, { type, data }: DecodedRecord): void {
  const { closes, streams: ends } = data
  if (type !== 'org.linli.epoch.v1' || typeof closes !== 'string' || !isObject(ends)) return
  for (const [stream, end] of Object.entries(ends)) if (isObject(end) && typeof end.seq === 'number') sequences.closed(stream, closes, end.seq)
}

function add(thinned: Map<PointId, { readings: number; band: number }>, point: PointId, { count, min, max }: { readonly count: number; readonly min: number; readonly max: number }): void {
  const before = thinned.get(point) ?? { readings: 0, band: 0 }
  thinned.set(point, { readings: before.readings + count, band: Math.max(before.band, max - min) })
}

function recordOf(payload: Buffer): DecodedRecord | null {
  try { return decodeRecord(payload) } catch { return null }
}

function inputsOf({ type, time, subject, data, readings }: DecodedRecord): readonly CapturedInput[] {
  if (readings.length > 0) return readings.map(({ point, value, at, receivedAt = at, quality = 'good', reason }) => ({ at: receivedAt, input: { reading: { pointId: point, value, at, receivedAt, quality, ...(reason === undefined ? {} : { reason }) } } }))
  const name = /^org\.linli\.([a-z-]+)\.v\d+$/.exec(type)?.[1] ?? ''
  const at = Date.parse(time)
  if (name === 'gateway' && data.action === 'started') return [{ at, input: { restart: at } }]
  if (subject === undefined) return []
  // What a door's model found out is found out anew.
  if (data.result === 'opened' || data.result === 'closed') return []
  if (occurrences.includes(name)) return [{ at, input: { occurrence: { deviceId: subject, type: name as OccurrenceType, at, data: data as JsonObject }, receivedAt: at } }]
  if (name === 'device' && typeof data.state === 'string' && states.includes(data.state)) return [{ at, input: { device: { deviceId: subject, state: data.state as DeviceState, at, ...(typeof data.reason === 'string' ? { reason: data.reason } : {}) } } }]
  return []
}
