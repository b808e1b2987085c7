import { zstdDecompressSync } from 'node:zlib'
import { streams, type Clock, type JournalReader, type Position, type Stored, type Stream, type Verdict } from '../gateway/contract/index.ts'
import { UplinkError } from '../gateway/kit/index.ts'
import type { Answer, Link } from './link.ts'
import type { Topics } from './topics.ts'

export interface DrainParts {
  readonly id: string
  readonly reader: JournalReader
  readonly topics: Topics
  readonly clock: Clock
  readonly window: number
  readonly ackTimeoutMs: number
  readonly encoding: 'plain' | 'zstd'
  /** The link is of no use any more; the uplink opens another. */
  failed(error: UplinkError): void
  refused(record: Stored, reason: string): void
}

export interface DrainCounters { sent: number; acked: number; rejected: number; resent: number }

/** Records taken from the journal and not yet sent, a stream. */
const ahead = 32
const settleMs = 20
const backfillAfterMs = 60_000
const maxRecordBytes = 64 << 20
/** Topic, properties and fixed header beside the payload. */
const packetOverheadBytes = 256
/** MQTT 5 §2.4: the broker may take the same publish later. */
const transient = new Map([[0x88, 'server unavailable'], [0x89, 'server busy'], [0x93, 'receive maximum exceeded'], [0x97, 'quota exceeded']])

interface Lane { cursor: Position | null; readonly queue: Stored[]; readonly verdicts: Verdict[]; taking: boolean; inFlight: number }

/**
 * Empties one reader over one link: the urgent stream first, each stream in order, a window of publishes in the air. What was not
 * acknowledged when the link died is taken again from the settled position by the next link.
 */
export class Drain {
  readonly #parts: DrainParts
  readonly #link: Link
  readonly #counters: DrainCounters
  readonly #lanes: Record<Stream, Lane>
  readonly #window: number
  /** Deadline of each publish in the air, oldest first. */
  readonly #deadlines = new Map<number, number>()
  #next = 0
  #stopped = false
  #scheduled = false
  #cancelDeadline: (() => void) | null = null
  #cancelSettle: (() => void) | null = null
  #settling: Promise<void> | null = null
  #idle: (() => void) | null = null

  constructor(parts: DrainParts, link: Link, counters: DrainCounters) {
    this.#parts = parts
    this.#link = link
    this.#counters = counters
    this.#window = Math.min(parts.window, link.receiveMaximum)
    this.#lanes = Object.fromEntries(streams.map((stream) => [stream, { cursor: null, queue: [], verdicts: [], taking: false, inFlight: 0 }])) as unknown as Record<Stream, Lane>
  }

  get inFlight(): number { return this.#deadlines.size }

  /** Something was committed, or acknowledged. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    setImmediate(() => { this.#scheduled = false; this.#pump() })
  }

  /** Takes nothing more, waits up to `withinMs` for what is in the air, and settles. */
  async stop(withinMs: number): Promise<void> {
    this.#stopped = true
    if (this.inFlight > 0 && withinMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#parts.clock.after(withinMs, resolve)
        this.#idle = () => { cancel(); resolve() }
      })
    }
    this.#cancelDeadline?.()
    this.#deadlines.clear()
    await this.#settle()
  }

  #pump(): void {
    for (const stream of streams) {
      const lane = this.#lanes[stream]
      while (!this.#stopped && this.inFlight < this.#window && lane.queue.length > 0) this.#send(stream, lane, lane.queue.shift()!)
      if (lane.queue.length === 0) this.#fill(stream, lane)
    }
  }

  #fill(stream: Stream, lane: Lane): void {
    const { reader, failed, id } = this.#parts
    if (this.#stopped || lane.taking || this.inFlight >= this.#window) return
    if (reader.backlog()[stream].records - lane.inFlight - lane.verdicts.length <= 0) return
    lane.taking = true
    reader.take(stream, ahead, lane.cursor).then((records) => {
      lane.queue.push(...records)
      const last = records.at(-1)
      if (!last) return
      lane.cursor = { epoch: last.epoch, seq: last.seq }
      this.wake()
    }).catch((cause: unknown) => failed(new UplinkError('UPLINK_JOURNAL', `uplink ${id}: the journal could not be read; it is tried again`, { cause, retriable: true })))
      .finally(() => { lane.taking = false })
  }

  #send(stream: Stream, lane: Lane, record: Stored): void {
    const { topics, clock, encoding, refused, ackTimeoutMs } = this.#parts
    const payload = encoding === 'plain' && record.encoding === 'zstd' ? zstdDecompressSync(record.bytes, { maxOutputLength: maxRecordBytes }) : record.bytes
    if (payload.length + packetOverheadBytes > this.#link.maximumPacketSize) {
      refused(record, `larger than the broker takes (${payload.length} bytes, at most ${this.#link.maximumPacketSize})`)
      return this.#verdict(lane, { record, outcome: 'rejected', reason: 'packet too large' })
    }
    const number = this.#next++
    lane.inFlight++
    this.#deadlines.set(number, clock.monotonic() + ackTimeoutMs)
    this.#counters.sent++
    this.#watchDeadline()
    const backfill = clock.now() - record.at > backfillAfterMs
    this.#link.publish(topics.up(stream), payload, { backfill }, (answer) => this.#answered(lane, number, record, answer))
  }

  #answered(lane: Lane, number: number, record: Stored, answer: Answer): void {
    if (!this.#deadlines.delete(number)) return
    lane.inFlight--
    if (answer !== null && transient.has(answer)) {
      this.#parts.failed(new UplinkError('UPLINK_BUSY', `uplink ${this.#parts.id}: the broker cannot take more now (${transient.get(answer)}); it is tried again later`, { retriable: true }))
    } else if (answer !== null) {
      const reason = `MQTT reason 0x${answer.toString(16)}`
      this.#parts.refused(record, reason)
      this.#verdict(lane, { record, outcome: 'rejected', reason })
    } else {
      this.#counters.acked++
      this.#verdict(lane, { record, outcome: 'acked' })
    }
    if (this.inFlight === 0) this.#idle?.()
    this.wake()
  }

  #verdict(lane: Lane, verdict: Verdict): void {
    if (verdict.outcome === 'rejected') this.#counters.rejected++
    lane.verdicts.push(verdict)
    this.#cancelSettle ??= this.#parts.clock.after(settleMs, () => { this.#cancelSettle = null; void this.#settle() })
  }

  /** One at a time; those that come meanwhile go with the next. */
  async #settle(): Promise<void> {
    this.#cancelSettle?.()
    this.#cancelSettle = null
    await this.#settling
    this.#settling = this.#settleNow()
    await this.#settling
  }

  async #settleNow(): Promise<void> {
    for (const stream of streams) {
      const lane = this.#lanes[stream]
      const verdicts = lane.verdicts.slice()
      if (verdicts.length === 0) continue
      // A place that cannot be written now costs a resend, which the consumer knows by its id.
      await this.#parts.reader.settle(stream, verdicts).catch(() => {})
      lane.verdicts.splice(0, verdicts.length)
    }
    this.wake()
  }

  #watchDeadline(): void {
    if (this.#cancelDeadline || this.#stopped) return
    const [oldest] = this.#deadlines.values()
    if (oldest === undefined) return
    const { clock, failed, id, ackTimeoutMs } = this.#parts
    this.#cancelDeadline = clock.after(Math.max(1, oldest - clock.monotonic()), () => {
      this.#cancelDeadline = null
      const [first] = this.#deadlines.values()
      if (first !== undefined && first <= clock.monotonic()) failed(new UplinkError('UPLINK_ACK_TIMEOUT', `uplink ${id}: no PUBACK for ${ackTimeoutMs} ms although the connection is up; everything unacknowledged is sent again`, { retriable: true }))
      else this.#watchDeadline()
    })
  }
}
