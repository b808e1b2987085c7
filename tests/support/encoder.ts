import type { GatewayEvent, Reading, RecordEncoder, RecordHead } from '../../gateway/contract/index.ts'
import { DataError } from '../../gateway/kit/index.ts'

/** A small readable encoder for journal tests; the real one has its own. An event with `data.refuse` is refused. */
export function plainEncoder(readingsPerRecord = 100): RecordEncoder {
  const bytes = (head: RecordHead, body: object): Uint8Array => Buffer.from(JSON.stringify({ ...head, ...body }))
  return {
    event(event: GatewayEvent, head) {
      if (event.data.refuse) throw new DataError('EVENT_TOO_LARGE', 'refused by the test')
      return bytes(head, { type: event.type, data: event.data })
    },
    telemetry(readings: readonly Reading[], from, head) {
      const next = Math.min(readings.length, from + readingsPerRecord)
      return { bytes: bytes(head, { readings: readings.slice(from, next).map(({ pointId, value }) => [pointId, value]) }), next }
    },
    again(old, head) {
      const { stream, epoch, seq, prevHash: _, ...body } = JSON.parse(Buffer.from(old).toString()) as { stream: string; epoch: string; seq: number; prevHash: string }
      return bytes(head, { ...body, resends: `${stream}/${epoch}/${seq}` })
    },
  }
}
