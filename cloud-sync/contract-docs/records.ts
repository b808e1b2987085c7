import { z } from 'zod'
import { commandStates } from '../../gateway/contract/index.ts'
import { reportData } from './report-record.ts'
import { at, base64, code, count, deviceId, epoch, hash, hashOrNone, head, label, pointId, quality, scalar, seq, severity, stream, valueOrNone } from './shapes.ts'

/** One event type: where it travels, what it says, and the shape of its `data`. */
export interface RecordType { readonly stream: 'alert' | 'event' | 'ledger' | 'telemetry'; readonly title: string; readonly data: z.ZodType }

const reading = z.object({
  point: pointId,
  value: valueOrNone.meta({ description: 'in the unit that the model names; null exactly when quality is bad' }),
  at,
  quality: quality.optional().meta({ description: 'absent is good' }),
  reason: code.optional().meta({ description: 'why the quality is not good: a code of docs/errors.md' }),
  receivedAt: at.optional().meta({ description: 'when the gateway got it; only where it differs from at by a second or more' }),
  redelivered: z.literal(true).optional().meta({ description: 'may be a repeat: the device sent it twice and gave it no id' }),
  summary: z.object({ count: z.int().min(1), min: z.number(), max: z.number(), from: at }).optional().meta({ description: 'the reading stands for so many, since from; value is the last' }),
})

/** What every occurrence of a device has; the rest is what its profile maps. */
const occurrence = {
  device: deviceId,
  sourceId: z.string().optional().meta({ description: "the device's own id of this event; the same id within 24 h is one event" }),
}
const photo = z.string().regex(/^[0-9a-f]{16}$/).meta({ description: 'a photo was taken; it stays on the box' })
/** Of what residents say on the page behind the printed codes. A profile may map something else to these names. */
const byPage = {
  via: scalar.optional().meta({ description: 'page: said on the residents\' page; device is then the terminal, or residents where it is of a place' }),
  place: scalar.optional(),
  text: scalar.optional().meta({ description: 'at most 200 characters' }),
}
const mapped = scalar.meta({ description: 'further fields that the profile maps' })

/** `data` of each type, by the name between `org.linli.` and `.v1`. */
export const recordTypes = {
  telemetry: { stream: 'telemetry', title: 'Readings of many points in one record', data: z.object({ readings: z.array(reading).min(1) }) },
  access: {
    stream: 'event', title: 'A door: granted, denied, opened, closed, forced, held open',
    data: z.object({
      ...occurrence,
      door: z.string().optional().meta({ description: 'id of the door in the site file, where it has one' }),
      result: z.string().optional().meta({ description: 'granted, denied, and forced, held of controllers that say so; of the gateway: opened, closed, granted (exit button), forced, held-open, unlocked-too-long, tamper' }),
      cause: z.string().optional().meta({ description: 'of opened: card, exit-button, unlocked or unknown' }),
      unseen: z.literal(true).optional().meta({ description: 'of opened and closed: it happened while the contact could not be read' }),
      afterHours: z.literal(true).optional().meta({ description: 'of opened: outside the hours of the door' }),
      reader: z.string().optional(),
      card: z.string().optional().meta({ description: 'keyed hash of the card number, one key a site, with the version of the key before it (k2:…); never the number' }),
    }).catchall(mapped),
  },
  kiosk: {
    stream: 'event', title: 'A service session at a terminal, a change of its state, or its availability in one hour',
    data: z.object({
      ...occurrence,
      kiosk: z.string().optional().meta({ description: 'id of the terminal in the site file, where it has one' }),
      action: z.string().optional().meta({ description: 'state, availability; absent for a session' }),
      item: z.string().optional().meta({ description: 'code of the service' }),
      itemZh: z.string().optional().meta({ description: "the service's name in the site's catalogue" }),
      itemEn: z.string().optional(),
      itemKnown: z.literal(false).optional().meta({ description: 'the catalogue has no such code' }),
      result: z.string().optional(),
      durationS: z.number().optional().meta({ description: 'seconds' }),
      state: z.enum(['available', 'degraded', 'down', 'unknown', 'outside']).optional().meta({ description: 'of state; outside: outside service hours' }),
      was: z.string().optional().meta({ description: 'of state: what it was before' }),
      wasS: z.number().optional().meta({ description: 'of state: for so many seconds' }),
      why: z.string().optional().meta({ description: 'of state: what does not work, separated by commas' }),
      from: at.optional().meta({ description: 'of availability: the hour' }),
      to: at.optional(),
      availableS: count.optional().meta({ description: 'of availability: seconds of the hour; the five add up to what is known of it' }),
      degradedS: count.optional(), downS: count.optional(), unknownS: count.optional(), outsideS: count.optional(),
    }).catchall(mapped),
  },
  request: {
    stream: 'event', title: "A resident's call (呼): help button, report at a terminal",
    data: z.object({ ...occurrence, reason: z.string().optional().meta({ description: 'of a report: its category' }), ...byPage, photo: scalar.optional().meta({ description: 'id of a photo; it stays on the box' }) }).catchall(mapped),
  },
  evaluation: {
    stream: 'event', title: 'A rating (评) of a session, a service or an alert',
    data: z.object({
      ...occurrence,
      alert: z.string().optional().meta({ description: 'id of the alert that is rated' }),
      session: z.string().optional().meta({ description: 'sourceId of the kiosk event that is rated' }),
      item: z.string().optional(),
      score: z.number().optional(),
      ...byPage,
    }).catchall(mapped),
  },
  device: {
    stream: 'event', title: 'A device came, went, or comes and goes',
    data: z.object({ device: deviceId, state: z.enum(['online', 'offline', 'degraded', 'flapping']), reason: code.optional(), detail: z.string().optional().meta({ description: 'one English sentence for the technician' }) }),
  },
  command: {
    stream: 'event', title: "A command's states, one record each; the same content as the answer on cmd/res",
    data: z.object({
      id: z.string().nullable().meta({ description: 'of the request; null where it could not be read' }),
      state: z.enum(commandStates),
      at,
      idempotencykey: z.string().optional(),
      actor: z.string().optional(),
      point: pointId.optional(),
      value: scalar.optional(),
      alert: z.string().optional().meta({ description: 'of a request that does something with an alert, in place of point and value' }),
      act: z.string().optional().meta({ description: 'what: acknowledge, assign, shelve, unshelve, resolve, evaluate, reopen, comment' }),
      phase: z.enum(['raised', 'acknowledged', 'resolved', 'closed']).optional().meta({ description: 'how the alert stands after it' }),
      first: z.object({ by: z.string(), at }).optional().meta({ description: 'who had done it before' }),
      code: code.optional().meta({ description: 'why it failed, expired or was rejected: a code of docs/errors.md' }),
      detail: z.string().optional(),
      effect: z.enum(['confirmed', 'already']).optional().meta({ description: 'what the contact said: it changed as it should, or was so before; of an alert: already' }),
      uplink: z.string().optional().meta({ description: 'of a request that was turned away: over which uplink it came' }),
      unrecorded: count.optional().meta({ description: 'so many more were turned away since the last such record' }),
    }),
  },
  report: { stream: 'event', title: "The facility's figures of a month, told once after its end", data: reportData },
  gateway: {
    stream: 'event', title: 'What the gateway tells of itself',
    data: z.object({
      action: z.string().regex(/^[a-z-]{1,48}$/).meta({ description: 'started, clock-stepped, readings-refused, maintenance-begun, maintenance-ended, configuration-applied, configuration-confirmed, configuration-rolled-back, and what later versions add' }),
      version: z.string().optional().meta({ description: 'of started' }),
      epoch: epoch.optional().meta({ description: 'of started and clock-stepped' }),
      offsetMs: z.int().optional().meta({ description: 'of clock-stepped: so far the wall clock jumped' }),
      streams: z.record(z.string(), z.strictObject({ from: count, to: count })).optional().meta({ description: 'of clock-stepped: by stream, the records of this epoch that carry times of the clock as it was' }),
      readings: count.optional().meta({ description: 'of readings-refused: polled changes the store could not take' }),
      events: count.optional().meta({ description: 'of readings-refused: events the store could not take and no device sends again' }),
      reason: code.optional().meta({ description: 'of readings-refused; of configuration-rolled-back: why' }),
      id: z.string().optional().meta({ description: 'of maintenance: its beginning and its end have the same' }),
      device: deviceId.optional().meta({ description: 'of maintenance: what is worked on, or place' }),
      place: z.string().optional(),
      until: at.optional().meta({ description: 'of maintenance: when it ends by itself' }),
      by: z.string().optional().meta({ description: 'of maintenance: a person of the roster; never a name. Of configuration-applied: an account of the box or its console' }),
      note: z.string().optional().meta({ description: 'of maintenance and configuration-applied: why; of the others of configuration: how it ended' }),
      number: count.optional().meta({ description: 'of configuration: which; the box counts them' }),
      previous: count.optional().meta({ description: 'of configuration: the one before, which is in force again when it is rolled back' }),
      hash: hash.optional().meta({ description: 'of configuration: SHA-256 of the site file' }),
      origin: z.enum(['cli', 'console', 'city']).optional().meta({ description: 'of configuration-applied: by which road it came' }),
      confirm: z.enum(['person', 'health']).optional().meta({ description: 'of configuration-applied: whether it is taken back unless a person confirms it, or only where something does not work any more' }),
      windowMs: count.optional().meta({ description: 'of configuration-applied: how long it is on trial' }),
    }),
  },
  alert: {
    stream: 'alert', title: 'A step in the life of an alert',
    data: z.object({
      id: z.string().min(1).meta({ description: 'one life of the alert; the subject of the record' }),
      key: z.string().min(1).meta({ description: 'names the condition: the next alert of the same condition has the same key' }),
      rule: z.string().min(1).meta({ description: 'id in the site file; gateway for what the gateway watches in itself' }),
      severity,
      title: label,
      state: z.string().regex(/^[a-z-]{1,48}$/).meta({ description: 'the step: raised, cleared, acknowledged, assigned, shelved, unshelved, escalated, resolved, evaluated, reopened, closed, commented, suppressed, released, chattering, calmed, silenced, delivered, undelivered, notice, and what later versions add' }),
      phase: z.enum(['raised', 'acknowledged', 'resolved', 'closed']).optional().meta({ description: 'what people have done, after this step: with condition, the latest record says how the alert stands; closed ends it' }),
      condition: z.enum(['active', 'returned', 'momentary']).optional().meta({ description: 'what the building does: its cause is there, is gone, or is nothing that could go' }),
      count: z.int().min(1).optional().meta({ description: 'how often it was raised' }),
      raisedAt: at,
      due: z.object({ acknowledge: at.optional(), resolve: at.optional() }).optional().meta({ description: 'by when somebody should have acknowledged, and resolved' }),
      device: deviceId.optional(),
      place: z.string().optional(),
      by: z.string().optional().meta({ description: 'who did it: a person of the roster, an account, an actor of the city, or gateway; never a name' }),
      origin: z.enum(['site', 'city', 'resident']).optional().meta({ description: 'where a person did it' }),
      act: z.string().regex(/^[0-9a-f]{16}$/).optional().meta({ description: "a person's act: the same id is the same act. Acts sort by time, then by id" }),
      to: z.string().optional().meta({ description: 'of assigned' }),
      until: at.optional().meta({ description: 'of shelved' }),
      reason: z.string().optional().meta({ description: 'of shelved; of closed: returned, time, room' }),
      note: z.string().optional().meta({ description: 'of resolved and reopened' }),
      score: z.number().optional().meta({ description: 'of evaluated: 1 to 5' }),
      text: z.string().optional().meta({ description: 'of evaluated and commented' }),
      photo: photo.optional(),
      notify: z.array(z.string()).optional().meta({ description: 'channels of the site file that tell it' }),
      mention: z.array(z.string()).optional().meta({ description: 'persons of the roster who are named' }),
      suppressedBy: z.string().optional().meta({ description: 'key of the alert that explains it' }),
      reopened: z.int().optional().meta({ description: 'how often it was taken up again' }),
      point: pointId.optional(),
      value: valueOrNone.optional(),
      above: z.number().optional().meta({ description: 'the limit that was crossed' }),
      below: z.number().optional(),
      equals: scalar.optional(),
    }).catchall(z.unknown().meta({ description: 'further facts of the rule' })),
  },
  epoch: {
    stream: 'ledger', title: 'How the epoch before ended: the first ledger record of a new one',
    data: z.object({ closes: epoch, streams: z.record(stream, z.object({ seq: count, hash: hashOrNone })).meta({ description: 'last seq of each stream and the hash of that record; 0 and an empty text for none' }),
      atLeast: z.literal(true).optional().meta({ description: 'the store was damaged or restored from a backup: the epoch may have gone on after what is told here' }) }),
  },
  gap: {
    stream: 'ledger', title: 'Records that will never come; a gap may be told again, wider, and gaps may overlap',
    data: z.object({
      stream, epoch, from: seq, to: seq,
      reason: z.string().regex(/^[a-z-]{1,48}$/).meta({ description: 'quota, log-damage, refused, and what later versions add' }),
      hashBefore: hashOrNone.meta({ description: 'hash of the record before the gap; empty where nobody knows, or nothing was before' }),
      hashAfter: hashOrNone.meta({ description: 'hash of the last record in the gap, the prevhash of the one that follows' }),
      uplinks: z.array(z.string()).optional().meta({ description: 'lost to these uplinks alone; absent: to all' }),
    }),
  },
  checkpoint: {
    stream: 'ledger', title: 'Signed heads of all streams; cloud-sync/ledger/checkpoint.ts says which bytes are signed',
    data: z.object({
      id: hash.meta({ description: 'SHA-256 of the signed bytes' }),
      previous: hashOrNone.meta({ description: 'id of the checkpoint before; empty for the first' }),
      streams: z.record(stream, head),
      keyid: z.string().regex(/^[0-9a-f]{16}$/),
      key: base64.meta({ description: 'Ed25519 public key, SPKI, DER. Trust the one that enrolment or the model gave, not this one' }),
      signature: base64,
      rotation: z.object({ from: z.string().regex(/^[0-9a-f]{16}$/), signature: base64 }).optional().meta({ description: "the old key's word for a new one" }),
    }),
  },
} as const satisfies Readonly<Record<string, RecordType>>

export type RecordName = keyof typeof recordTypes
export const recordNames = Object.keys(recordTypes) as readonly RecordName[]
