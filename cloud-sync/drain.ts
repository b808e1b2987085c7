import type { Clock, JournalReader, Position, Stored, Stream, Verdict } from '../gateway/contract/index.ts'
import { UplinkError } from '../gateway/kit/index.ts'
import type { Confirmations } from './confirmations.ts'
import type { UplinkFormat } from './format.ts'
import type { Answer, Link } from './link.ts'
import { within } from './parting.ts'
import type { Place, Suspects } from './suspects.ts'
import type { Topics } from './topics.ts'

export interface DrainParts {
  readonly id: string
  readonly reader: JournalReader
  readonly topics: Topics
  readonly clock: Clock
  readonly window: number
  readonly ackTimeoutMs: number
  readonly format: UplinkFormat
  /** End-to-end acknowledgement; null: the broker's word is enough. */
  readonly confirmations: Confirmations | null
  readonly suspects: Suspects
  /** The link is of no use any more; the uplink opens another. */
  failed(error: UplinkError): void
  refused(record: Stored, reason: string): void
}

export interface DrainCounters { sent: number; acked: number; rejected: number; resent: number }

/** Records taken from the journal and not yet sent, a stream. */
const ahead = 32
const settleMs = 20
const settlingMs = 1_000
const backfillAfterMs = 60_000
/** Fixed header, packet id and properties of a publish, beside topic and payload. */
export const publishOverheadBytes = 128
/** MQTT 5 §2.4: the broker may take the same publish later. */
const transient = new Map([[0x88, 'server unavailable'], [0x89, 'server busy'], [0x93, 'receive maximum exceeded'], [0x97, 'quota exceeded']])

interface Lane { cursor: Position | null; queue: Stored[]; readonly verdicts: Verdict[]; taking: boolean; inFlight: number; /** Raised by a rewind: what was being taken for the old cursor is dropped. */ turn: number }
interface InAir { readonly place: Place; readonly deadline: number }

/**
 * Empties one reader over one link: the urgent stream first, each stream in order, a window of publishes in the air. What was not
 * acknowledged when the link died is taken again from the settled position by the next link.
 */
export class Drain {
  readonly #parts: DrainParts
  readonly #link: Link
  readonly #counters: DrainCounters
  readonly #lanes: ReadonlyMap<Stream, Lane>
  readonly #window: number
  /** Each publish in the air, oldest first. */
  readonly #inAir = new Map<number, InAir>()
  #next = 0
  /** Careful streams wait until the connection is known to work. */
  #trusted = false
  /** A record of a careful stream is in the air, and nothing else. */
  #alone = false
  #stopped = false
  #scheduled = false
  #cancelDeadline: (() => void) | null = null
  #cancelSettle: (() => void) | null = null
  #settling: Promise<void> = Promise.resolve()
  /** Somebody waits until there is less to do. */
  #answeredOne: (() => void) | null = null

  constructor(parts: DrainParts, link: Link, counters: DrainCounters) {
    this.#parts = parts
    this.#link = link
    this.#counters = counters
    this.#window = Math.min(parts.window, link.receiveMaximum)
    this.#lanes = new Map(parts.reader.streams.map((stream) => [stream, { cursor: null, queue: [], verdicts: [], taking: false, inFlight: 0, turn: 0 }]))
  }

  get inFlight(): number { return this.#inAir.size }
  /** The oldest publish that nobody answered. */
  get oldest(): Place | null { for (const { place } of this.#inAir.values()) return place; return null }
  get alone(): boolean { return this.#alone }

  /** The broker has answered something harmless and lived on: now for the careful streams. */
  trust(): void { this.#trusted = true; this.wake() }

  /** The most urgent stream at once, ahead of the answers to all whose readings shared an alert's commit; the others in their turn. */
  committed(): void {
    const [first] = this.#lanes
    if (first && !this.#alone && !this.#parts.suspects.isCareful(first[0])) this.#fill(...first)
    this.wake()
  }

  /** Something may be sent: it was acknowledged, or there is more of it. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    setImmediate(() => { this.#scheduled = false; this.#pump() })
  }

  /** The platform has these. */
  confirmed(stream: Stream, records: readonly Position[]): void {
    const lane = this.#lanes.get(stream)
    if (!lane) return
    for (const record of records) this.#verdict(lane, { record, outcome: 'acked' })
    this.wake()
  }

  /** Begins again at the settled position; what is not due is passed over. */
  rewind(stream: Stream): void {
    const lane = this.#lanes.get(stream)
    if (!lane) return
    lane.cursor = null
    lane.queue = []
    lane.turn++
    this.wake()
  }

  /**
   * Takes nothing more, waits up to `withinMs` for what is in the air, and settles. `last`: nothing is committed any more, and what
   * little waits, the last checkpoint among it, still goes out within that time.
   */
  async stop(withinMs: number, { last = false } = {}): Promise<void> {
    const { clock } = this.#parts
    const deadline = clock.monotonic() + withinMs
    this.wake()
    if (last && this.#unanswered() <= this.#window) await this.#until(deadline, () => this.#unanswered() === 0)
    this.#stopped = true
    await this.#until(deadline, () => this.inFlight === 0)
    this.#cancelDeadline?.()
    this.#inAir.clear()
    // A failing disk must not hold up the next connection, nor a stop.
    await within(this.#parts.clock, settlingMs, this.#settle())
  }

  async #until(deadline: number, done: () => boolean): Promise<void> {
    const { clock } = this.#parts
    const ms = deadline - clock.monotonic()
    if (ms <= 0 || done()) return
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve)
      this.#answeredOne = () => { if (done()) { cancel(); resolve() } }
    })
    this.#answeredOne = null
  }

  /** Records that the broker has not answered, taken or not; careful streams are not counted. */
  #unanswered(): number {
    const { reader, suspects } = this.#parts
    const backlog = reader.backlog()
    return [...this.#lanes].reduce((sum, [stream, lane]) => sum + (suspects.isCareful(stream) ? 0 : Math.max(0, backlog[stream]!.records - lane.verdicts.length - this.#idleIn(stream))), 0)
  }
  #idleIn(stream: Stream): number { return this.#parts.confirmations?.idleIn(stream) ?? 0 }

  #pump(): void {
    const { suspects } = this.#parts
    for (const [stream, lane] of this.#lanes) {
      if (this.#alone || suspects.isCareful(stream)) continue
      while (!this.#stopped && this.inFlight < this.#window && lane.queue.length > 0) this.#send(lane, lane.queue.shift()!)
      if (lane.queue.length === 0) this.#fill(stream, lane)
    }
    if (suspects.anyCareful && this.#trusted) this.#pumpCareful()
  }

  /** One record alone, when nothing else is in the air. */
  #pumpCareful(): void {
    const { suspects, clock } = this.#parts
    for (const [stream, lane] of this.#lanes) {
      if (this.#stopped || this.inFlight > 0) return
      if (!suspects.isCareful(stream) || suspects.isResting(stream, clock.monotonic())) continue
      const record = lane.queue.shift()
      if (!record) this.#fill(stream, lane)
      else if (suspects.isCondemned(record)) this.#giveUp(lane, record, 'the broker closes the connection on it')
      else if (this.#send(lane, record)) this.#alone = true
      else this.wake()
    }
  }

  #fill(stream: Stream, lane: Lane): void {
    const { reader, confirmations, failed, id } = this.#parts
    if (this.#stopped || lane.taking || this.inFlight >= this.#window) return
    if (reader.backlog()[stream]!.records - lane.inFlight - lane.verdicts.length - this.#idleIn(stream) <= 0) return
    lane.taking = true
    const { turn } = lane
    reader.take(stream, ahead, lane.cursor).then((records) => {
      lane.taking = false
      if (turn !== lane.turn) { this.wake(); return }
      const wanted = confirmations ? confirmations.select(records) : { send: records, passed: records.length }
      const last = records[wanted.passed - 1]
      if (!last) return
      lane.queue.push(...wanted.send)
      lane.cursor = { epoch: last.epoch, seq: last.seq }
      this.#pump()
    }, (cause: unknown) => {
      lane.taking = false
      failed(new UplinkError('UPLINK_JOURNAL', `uplink ${id}: the journal could not be read; it is tried again`, { cause, retriable: true }))
    })
  }

  /** False when it was confirmed meanwhile, or cannot be sent over this link and is refused. */
  #send(lane: Lane, record: Stored): boolean {
    const { topics, clock, format, ackTimeoutMs, confirmations } = this.#parts
    if (confirmations && !confirmations.wants(record)) return false
    const topic = topics.up(record.stream)
    const { payload, contentType } = format.encode(record)
    const bytes = payload.length + Buffer.byteLength(topic) + publishOverheadBytes
    if (bytes > this.#link.maximumPacketSize) {
      this.#giveUp(lane, record, `larger than the broker takes (${payload.length} bytes; at most ${this.#link.maximumPacketSize} a packet)`)
      return false
    }
    const number = this.#next++
    const now = clock.monotonic()
    lane.inFlight++
    this.#inAir.set(number, { place: record, deadline: now + ackTimeoutMs })
    this.#counters.sent++
    if (confirmations?.isKnown(record)) this.#counters.resent++
    confirmations?.sent(record)
    this.#watchDeadline()
    const backfill = clock.now() - record.at > backfillAfterMs
    this.#link.publish(topic, payload, { backfill, contentType, often: true }, (answer) => this.#answered(lane, number, record, answer))
    return true
  }

  #answered(lane: Lane, number: number, record: Stored, answer: Answer): void {
    if (!this.#inAir.delete(number)) return
    lane.inFlight--
    this.#alone = false
    this.#parts.suspects.answered(record.stream)
    if (answer !== null && transient.has(answer)) {
      this.#parts.failed(new UplinkError('UPLINK_BUSY', `uplink ${this.#parts.id}: the broker cannot take more now (${transient.get(answer)}); it is tried again later`, { retriable: true }))
    } else if (answer !== null) {
      this.#refuse(lane, record, `MQTT reason 0x${answer.toString(16)}`)
    } else {
      this.#counters.acked++
      if (this.#parts.confirmations) this.#parts.confirmations.published(record)
      else this.#verdict(lane, { record, outcome: 'acked' })
    }
    this.#answeredOne?.()
    this.wake()
  }

  #giveUp(lane: Lane, record: Stored, reason: string): void {
    this.#refuse(lane, record, reason)
    this.#parts.suspects.givenUp(record.stream, this.#parts.clock.monotonic())
    this.wake()
  }

  #refuse(lane: Lane, record: Stored, reason: string): void {
    this.#counters.rejected++
    this.#parts.refused(record, reason)
    this.#parts.confirmations?.refused(record)
    this.#verdict(lane, { record, outcome: 'rejected', reason })
  }

  #verdict(lane: Lane, verdict: Verdict): void {
    lane.verdicts.push(verdict)
    this.#cancelSettle ??= this.#parts.clock.after(settleMs, () => { this.#cancelSettle = null; void this.#settle() })
  }

  /** One after the other: on a slow disk the next comes before the last has ended, and two at once would drop what came in between. */
  #settle(): Promise<void> {
    this.#cancelSettle?.()
    this.#cancelSettle = null
    this.#settling = this.#settling.then(() => this.#settleNow())
    return this.#settling
  }

  async #settleNow(): Promise<void> {
    for (const [stream, lane] of this.#lanes) {
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
    const [oldest] = this.#inAir.values()
    if (!oldest) return
    const { clock, failed, id, ackTimeoutMs } = this.#parts
    this.#cancelDeadline = clock.after(Math.max(1, oldest.deadline - clock.monotonic()), () => {
      this.#cancelDeadline = null
      const [first] = this.#inAir.values()
      if (first && first.deadline <= clock.monotonic()) failed(new UplinkError('UPLINK_ACK_TIMEOUT', `uplink ${id}: no PUBACK for ${ackTimeoutMs} ms although the connection is up; everything unacknowledged is sent again`, { retriable: true }))
      else this.#watchDeadline()
    })
  }
}
