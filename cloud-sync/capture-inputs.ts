import type { DeviceState, EpochMs, JsonObject, OccurrenceType, RuleInput } from '../gateway/contract/index.ts'
import { DataError } from '../gateway/kit/index.ts'
import { decodeRecord, type DecodedRecord } from './decode.ts'
import { linesOf } from './verify-capture.ts'

export interface CapturedInput { readonly at: EpochMs; readonly input: RuleInput }

/** More do not fit into memory on a small machine. */
const maxInputs = 5_000_000
const maxKnown = 5_000_000
const occurrences: readonly string[] = ['access', 'kiosk', 'request', 'evaluation'] satisfies readonly OccurrenceType[]
const states: readonly string[] = ['online', 'offline', 'degraded', 'flapping'] satisfies readonly DeviceState[]

/**
 * What a capture (`linli verify --record`) holds of what came into a gateway: readings, occurrences and states of devices, in order of
 * their times. Records that came twice count once; what is no record is passed over. Throws DataError CAPTURE_TOO_LARGE, ConfigError VERIFY_CAPTURE.
 */
export async function readCapture(file: string, gateway: string): Promise<{ readonly inputs: readonly CapturedInput[]; readonly from: EpochMs; readonly to: EpochMs }> {
  const inputs: CapturedInput[] = []
  const known = new Set<string>()
  for await (const { message } of linesOf(file)) {
    if (!message) continue
    const record = recordOf(message.payload)
    // Finer selections repeat what stands in their stream.
    if (!record || record.gateway !== gateway || (record.stream !== 'telemetry' && record.stream !== 'event')) continue
    const id = `${record.stream}/${record.epoch}/${record.seq}`
    if (known.has(id)) continue
    known.add(id)
    inputs.push(...inputsOf(record))
    if (inputs.length > maxInputs || known.size > maxKnown) throw new DataError('CAPTURE_TOO_LARGE', `${file} holds more than ${maxInputs / 1e6} million readings; split it, or replay the gateway's own history`)
  }
  inputs.sort((a, b) => a.at - b.at)
  return { inputs, from: inputs[0]?.at ?? 0, to: inputs.at(-1)?.at ?? 0 }
}

function recordOf(payload: Buffer): DecodedRecord | null {
  try { return decodeRecord(payload) } catch { return null }
}

function inputsOf({ type, time, subject, data, readings }: DecodedRecord): readonly CapturedInput[] {
  if (readings.length > 0) return readings.map(({ point, value, at, quality = 'good', reason }) => ({ at, input: { reading: { pointId: point, value, at, receivedAt: at, quality, ...(reason === undefined ? {} : { reason }) } } }))
  const name = /^org\.linli\.([a-z-]+)\.v\d+$/.exec(type)?.[1] ?? ''
  const at = Date.parse(time)
  if (subject === undefined) return []
  // What a door's model found out is found out anew.
  if (data.result === 'opened' || data.result === 'closed') return []
  if (occurrences.includes(name)) return [{ at, input: { occurrence: { deviceId: subject, type: name as OccurrenceType, at, data: data as JsonObject }, receivedAt: at } }]
  if (name === 'device' && typeof data.state === 'string' && states.includes(data.state)) return [{ at, input: { device: { deviceId: subject, state: data.state as DeviceState, at, ...(typeof data.reason === 'string' ? { reason: data.reason } : {}) } } }]
  return []
}
