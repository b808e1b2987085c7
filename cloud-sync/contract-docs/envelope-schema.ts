import { z } from 'zod'
import { recordTypes, type RecordName } from './records.ts'
import { epoch, hash, seq, timeQuality } from './shapes.ts'

const streamPart = { alert: 'alert', event: 'event', ledger: 'ledger', telemetry: 'telemetry' } as const

/** A whole record as it is published: a CloudEvent in structured JSON. Its keys are what cloud-sync/envelope.ts writes. */
export function recordSchema(name: RecordName): z.ZodObject {
  const { stream, title, data } = recordTypes[name]
  // A selection of the site file is a stream of its own; the ledger is never selected from.
  const place = stream === 'ledger' ? streamPart.ledger : '[a-z0-9-]{1,48}'
  return z.object({
    specversion: z.literal('1.0'),
    id: z.string().regex(new RegExp(`^[a-z0-9-]{1,48}/${place}/\\d{8}-[0-9a-f]{8}/[1-9]\\d{0,15}$`)).meta({ description: '{gateway}/{stream}/{epoch}/{seq}; a resend keeps it' }),
    source: z.string().regex(/^\/linli\/\d{6}\/[a-z0-9-]{1,48}$/).meta({ description: '/linli/{region}/{gateway}' }),
    type: z.literal(`org.linli.${name}.v1`),
    time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/).meta({ format: 'date-time', description: 'RFC 3339, UTC' }),
    datacontenttype: z.literal('application/json'),
    seq: seq.meta({ description: '1, 2, 3 … without a hole within an epoch and stream' }),
    epoch,
    prevhash: hash.optional().meta({ description: "SHA-256 of the previous record's uncompressed bytes in this epoch and stream; absent for seq 1" }),
    timequality: timeQuality,
    gridcode: z.string().optional().meta({ description: "the site's grid code" }),
    subject: z.string().min(1).optional().meta({ description: 'device or alert id' }),
    mode: z.enum(['maintenance', 'commissioning', 'test']).optional().meta({ description: 'left out of indicators' }),
    redelivered: z.literal(true).optional().meta({ description: 'may be a repeat that the gateway could not tell' }),
    resends: z.string().optional().meta({ description: 'id of a record that this uplink refused, sent again under a new number' }),
    data,
  }).meta({ title })
}

/** The attributes of the envelope, without `data`. */
export const envelopeFields: readonly string[] = Object.keys(recordSchema('access').shape).filter((name) => name !== 'data')
