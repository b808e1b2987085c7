import { z } from 'zod'
import { requestSchema } from '../commands/schema.ts'
import { desiredSchema } from '../desired/message.ts'
import { reportedSchema } from '../desired/reported.ts'
import { recordTypes } from './records.ts'
import { at, base64, deviceId, epoch, gateway, hash, head, label, pointId, quality, seq, severity, stream, timeQuality, valueOrNone } from './shapes.ts'

/** A message that is no record: no place in a stream. */
export interface MessageType {
  /** Below `{prefix}/{region}/{gateway}/`. */
  readonly topic: string
  readonly from: 'gateway' | 'city'
  readonly retained: boolean
  readonly title: string
  readonly schema: z.ZodType
}

const part = { part: z.int().min(1), parts: z.int().min(1) }

const status = z.object({
  gateway,
  uplink: z.string().optional().meta({ description: 'id of the uplink in the site file: gaps name it where they are of one uplink alone' }),
  streams: z.array(stream).optional().meta({ description: 'what this uplink takes; absent: the four' }),
  state: z.enum(['online', 'offline']), epoch, version: z.string().min(1), timeQuality, at,
})

const model = z.object({
  gateway,
  region: z.string().regex(/^\d{6}$/).meta({ description: 'GB/T 2260' }),
  name: label,
  grid: z.object({ scheme: z.string(), code: z.string() }).optional(),
  publicKey: base64.optional().meta({ description: 'Ed25519, SPKI, DER: who signs the checkpoints' }),
  hash: hash.meta({ description: 'of the whole model; parts with the same hash belong together' }),
  ...part,
  devices: z.array(z.object({
    id: deviceId, name: label, profile: z.string().optional(), place: z.string().optional(),
    points: z.array(z.object({
      id: pointId, name: label, type: z.enum(['number', 'boolean', 'string']),
      unit: z.string().optional().meta({ description: 'UCUM' }),
    })),
  })),
})

const snapshot = z.object({
  at, timeQuality,
  heads: z.record(stream, head).meta({ description: 'where each stream stood; a record at or below is history' }),
  ...part,
  values: z.array(z.object({ point: pointId, value: valueOrNone, quality, at })),
  alerts: z.array(z.object({
    id: z.string(), key: z.string(), ruleId: z.string(), severity, title: label, raisedAt: at,
    state: z.enum(['raised', 'acknowledged', 'resolved', 'closed']).meta({ description: 'what people have done' }),
    condition: z.enum(['active', 'returned', 'momentary']).meta({ description: 'what the building does: its cause is there, is gone, or is nothing that could go' }),
    count: z.int().meta({ description: 'how often it was raised since it was opened' }), data: z.record(z.string(), z.unknown()),
  }).catchall(z.unknown().meta({ description: 'who did what, and by when somebody should' }))).meta({ description: 'open alerts; with the first part' }),
})

const answer = z.object({
  gateway, ...recordTypes.command.data.omit({ uplink: true, unrecorded: true }).shape,
  repeat: z.literal(true).optional().meta({ description: 'the request was a repeat; this is the first result' }),
})

const confirmation = z.object({ stream, epoch, seq }).meta({ description: 'everything of this stream and epoch up to here is stored for good' })

/** By the name of its schema file. */
export const messageTypes = {
  status: { topic: 'status', from: 'gateway', retained: true, title: 'Online or offline; the will says offline', schema: status },
  model: { topic: 'model', from: 'gateway', retained: true, title: 'Site, devices and points. On model/1 … model/n where it does not fit one message', schema: model },
  snapshot: { topic: 'snapshot', from: 'gateway', retained: false, title: 'Current values and open alerts, on connecting, at most once a minute', schema: snapshot },
  'cmd-req': { topic: 'cmd/req', from: 'city', retained: false, title: 'One point and one value, or one act on one alert; QoS 1, never retained', schema: requestSchema },
  'cmd-res': { topic: 'cmd/res', from: 'gateway', retained: false, title: 'The answer, at once and for each state; the command event is the record', schema: answer },
  ack: { topic: 'ack', from: 'city', retained: false, title: 'End-to-end ack: the platform has it on its own disk', schema: confirmation },
  'config-desired': { topic: 'config/desired', from: 'city', retained: true, title: 'A configuration that this box is to have: signed by the platform, sealed for the box alone; QoS 1, retained', schema: desiredSchema },
  'config-reported': { topic: 'config/reported', from: 'gateway', retained: true, title: 'What became of it, what runs, and whom to seal for; signed by the box', schema: reportedSchema },
} as const satisfies Readonly<Record<string, MessageType>>

export type MessageName = keyof typeof messageTypes
export const messageNames = Object.keys(messageTypes) as readonly MessageName[]
