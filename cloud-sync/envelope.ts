import type { GatewayEvent, Reading, RecordEncoder, RecordHead, TimeQuality } from '../gateway/contract/index.ts'
import { DataError } from '../gateway/kit/index.ts'

export interface EncoderOptions {
  readonly gateway: string
  readonly region: string
  readonly gridCode?: string | undefined
  /** Bytes of one record, uncompressed. */
  readonly maxMessageBytes: number
  /** Readings of one record; default as many as fit. */
  readonly maxReadings?: number | undefined
  timeQuality(): TimeQuality
}

/**
 * CloudEvents 1.0, structured JSON. Extensions: seq, epoch, prevhash (absent for the first of an epoch), timequality, gridcode, mode,
 * redelivered. The text is built by hand because a gateway does this for every reading it ever sends.
 */
export function createEncoder(options: EncoderOptions): RecordEncoder {
  const { gateway, region, gridCode, maxMessageBytes, maxReadings = Infinity, timeQuality } = options
  const pointTexts = new Map<string, string>()
  const source = JSON.stringify(`/linli/${region}/${gateway}`)
  const grid = gridCode === undefined ? '' : `,"gridcode":${JSON.stringify(gridCode)}`

  const open = ({ stream, epoch, seq, prevHash }: RecordHead, type: string, at: number): string =>
    `{"specversion":"1.0","id":"${gateway}/${stream}/${epoch}/${seq}","source":${source},"type":"org.linli.${type}.v1","time":"${new Date(at).toISOString()}"`
    + `,"datacontenttype":"application/json","seq":${seq},"epoch":"${epoch}"${prevHash ? `,"prevhash":"${prevHash}"` : ''},"timequality":"${timeQuality()}"${grid}`

  return {
    event(event: GatewayEvent, head) {
      const subject = event.subject === undefined ? '' : `,"subject":${JSON.stringify(event.subject)}`
      const marks = `${event.mode ? `,"mode":"${event.mode}"` : ''}${event.redelivered ? ',"redelivered":true' : ''}`
      const bytes = Buffer.from(`${open(head, event.type, event.at)}${subject}${marks},"data":${JSON.stringify(event.data)}}`)
      if (bytes.length > maxMessageBytes) throw new DataError('EVENT_TOO_LARGE', `a ${event.type} event of ${bytes.length} bytes does not fit journal.maxMessageBytes (${maxMessageBytes}); raise it, or send less in one event`)
      return bytes
    },
    telemetry(readings, from, head) {
      const parts: string[] = []
      // The time is of fixed width, so that the room for readings is known before the last of them is.
      let room = maxMessageBytes - Buffer.byteLength(open(head, 'telemetry', 0)) - '"data":{"readings":[]}}'.length - 1
      const end = Math.min(readings.length, from + maxReadings)
      let next = from
      for (; next < end; next++) {
        let text = readingText(readings[next]!, pointTexts)
        let size = sizeOf(text, readings[next]!) + 1
        if (size > room && next === from) {
          text = readingText(tooLarge(readings[next]!), pointTexts)
          size = text.length + 1
        }
        if (size > room && next > from) break
        parts.push(text)
        room -= size
      }
      const bytes = Buffer.from(`${open(head, 'telemetry', readings[next - 1]!.receivedAt)},"data":{"readings":[${parts.join(',')}]}}`)
      return { bytes, next }
    },
    again(bytes, head) {
      const { id, data, time, type, subject, mode, redelivered } = decodeJson(bytes)
      if (typeof id !== 'string' || typeof time !== 'string' || typeof type !== 'string') throw new DataError('RECORD_INVALID', 'a dead letter is not a record of this format; discard it')
      const rest = JSON.stringify({ ...(subject === undefined ? {} : { subject }), ...(mode === undefined ? {} : { mode }), ...(redelivered === undefined ? {} : { redelivered }), resends: id, data })
      return Buffer.from(`${open(head, type.slice('org.linli.'.length, -'.v1'.length), Date.parse(time))},${rest.slice(1)}`)
    },
  }
}

function decodeJson(bytes: Uint8Array): { readonly [key: string]: unknown } {
  try { return JSON.parse(Buffer.from(bytes).toString()) as { readonly [key: string]: unknown } } catch (cause) { throw new DataError('RECORD_INVALID', 'a dead letter is not JSON; discard it', { cause }) }
}

const maxPointTexts = 50_000

/** `{"point":"hall-env.temperature","value":21.5,"at":1767600000000}`; the rest only where it says something. */
function readingText(reading: Reading, pointTexts: Map<string, string>): string {
  const { pointId, value, at, receivedAt, quality, reason, redelivered, summary } = reading
  let head = pointTexts.get(pointId)
  if (head === undefined) {
    if (pointTexts.size >= maxPointTexts) pointTexts.clear()
    pointTexts.set(pointId, head = `{"point":${JSON.stringify(pointId)},"value":`)
  }
  let text = head + (typeof value === 'string' ? JSON.stringify(value) : String(value)) + ',"at":' + String(at)
  if (quality !== 'good') text += `,"quality":"${quality}"`
  if (reason !== undefined) text += `,"reason":${JSON.stringify(reason)}`
  if (Math.abs(receivedAt - at) >= 1_000) text += `,"receivedAt":${receivedAt}`
  if (redelivered) text += ',"redelivered":true'
  if (summary) text += `,"summary":${JSON.stringify(summary)}`
  return `${text}}`
}

/** Only a string value can hold more than ASCII. */
const sizeOf = (text: string, { value }: Reading): number => (typeof value === 'string' ? Buffer.byteLength(text) : text.length)

/** A text that fits no message becomes no value rather than half a value. */
function tooLarge({ summary: _, ...reading }: Reading): Reading {
  return { ...reading, value: null, quality: 'bad', reason: 'POINT_TOO_LARGE' }
}
