import type { Clock } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import { BusyTime, closed, lineCounters, timedOut, type Exchange, type Line } from './line.ts'
import type { ByteLink } from './link.ts'
import { frameError } from './pdu.ts'
import { afterTexts, encodeRtu, foreignFrame, matchReply, maxFrameBytes } from './rtu.ts'
import type { Wire } from './wire.ts'

export interface RtuOptions {
  open(): Promise<ByteLink>
  readonly wire: Wire
  readonly pauseAfterConnect: number
  /** The slowest device's worst latency: after opening, the line is silent so long. */
  readonly settleMs: number
  /** What a modem puts between the frames. */
  readonly texts?: readonly Buffer[]
  readonly clock: Clock
}

type Phase = 'closed' | 'idle' | 'waiting' | 'silent'

/** `until`: so long it may come again. Counted from when it was read, which may be long after it was there. */
interface Answered { readonly exchange: Exchange; readonly pdu: Buffer; readonly until: number }

const maxAnswers = 255
const maxBytes = 4 * maxFrameBytes
/** A line on which somebody babbles is not waited for longer than this at a time. */
const maxSilenceMs = 5_000
/** So many requests in a row without a single byte: a socket's peer is gone and does not say so. */
const silentRequests = 4
/** Below this a timer is too coarse (it may come 1 ms late), and the event loop is asked instead. */
const coarseMs = 2
/** A timer that comes later than this: the process itself stood still, and what came in meanwhile still waits to be read. */
const stalledMs = 10
/** Time to read it. */
const catchUpMs = 25

/**
 * RTU frames: one request in the air, and no number in the frame that tells whose answer it is. So whatever casts a doubt (a time-out,
 * a wrong CRC, two answers, bytes nobody asked for) is followed by silence until the slowest answer must have come, and what comes in
 * it is dropped. As long as a device answers within its worst latency, no value is taken for another's. Time in which this process stood
 * still (a busy box, a suspended machine) is no silence: nobody listened.
 */
export class RtuLine implements Line {
  readonly counters = lineCounters()
  readonly #options: RtuOptions
  readonly #clock: Clock
  readonly #busy: BusyTime
  #free = (): void => {}
  #gone: (error: DriverError) => void = () => {}
  #link: ByteLink | null = null
  #phase: Phase = 'closed'
  #bytes: Buffer = Buffer.alloc(0)
  #exchange: Exchange | null = null
  /** Answers a device may still repeat, the latest last. */
  #answers: Answered[] = []
  #sentAt = 0
  #firstByteAt = 0
  /** End of the last byte on the line, ours or theirs. */
  #lineAt = -Infinity
  #notBefore = 0
  /** Until then an answer may still come. */
  #silentUntil = 0
  #silentSince = 0
  #silentInARow = 0
  #opens = 0
  #closed = false
  #deadline = 0
  /** The process stood still while the request was in the air, or before it was sent. */
  #caughtUp = false
  #caughtUpBefore = false
  #wakeDue = 0
  /** When the process was last seen to keep up. */
  #awakeAt = -Infinity
  #cancelDeadline = (): void => {}
  #cancelWake: (() => void) | null = null

  constructor(options: RtuOptions) { this.#options = options; this.#clock = options.clock; this.#busy = new BusyTime(options.clock) }

  onFree(listener: () => void): void { this.#free = listener }
  onLost(listener: (error: DriverError) => void): void { this.#gone = listener }
  load(): number { return this.#busy.share() }

  async open(): Promise<void> {
    if (this.#link) return
    const link = await this.#options.open()
    if (this.#closed) { await link.close(); throw closed('the gateway is stopping') }
    if (this.#opens++ > 0) this.counters.reconnects++
    this.#link = link
    this.#silentInARow = 0
    // Whoever used the line before, we ourselves before a restart perhaps, may have left a request in the air.
    const now = this.#clock.monotonic()
    this.#phase = 'silent'
    this.#silentSince = now
    this.#silentUntil = now + this.#options.settleMs
    this.#awakeAt = now
    link.onBytes((bytes) => this.#received(bytes))
    link.onClose((error) => this.#lost(error))
    if (this.#options.pauseAfterConnect > 0) this.#notBefore = this.#clock.monotonic() + this.#options.pauseAfterConnect
  }

  /** A serial line carries one request, whatever a device would stand. */
  ready(): boolean {
    if (this.#phase === 'closed' || this.#phase === 'waiting') return false
    const now = this.#clock.monotonic()
    const quietAt = Math.max(this.#lineAt + this.#options.wire.silenceMs, this.#notBefore, this.#phase === 'silent' ? this.#silentUntil : 0)
    const babble = this.#phase === 'silent' && now - this.#silentSince > maxSilenceMs
    if (now < quietAt && !babble) { this.#wakeAt(quietAt); return false }
    if (this.#phase === 'silent' && !babble && now - this.#awakeAt > stalledMs) {
      this.#silentUntil = now + catchUpMs
      this.#wakeAt(this.#silentUntil)
      return false
    }
    if (this.#phase === 'silent') { this.#phase = 'idle'; this.#bytes = this.#bytes.subarray(this.#bytes.length) }
    return true
  }

  send(exchange: Exchange): void {
    if (this.#closed || !this.#link) return exchange.done(closed(this.#closed ? 'the gateway is stopping' : 'the line is not open'), null, 0)
    const { wire } = this.#options
    const frame = exchange.frame ??= encodeRtu(exchange.unit, exchange.pdu)
    this.#bytes = Buffer.alloc(0)
    this.#exchange = exchange
    this.#phase = 'waiting'
    this.#caughtUp = this.#caughtUpBefore = false
    this.#firstByteAt = 0
    const now = this.#clock.monotonic()
    this.#sentAt = now + frame.length * wire.charMs
    this.#lineAt = this.#sentAt
    this.counters.requests++
    this.#link.write(frame)
    this.#watch(this.#sentAt - now + exchange.timeoutMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const link = this.#link
    this.#lost(closed('the gateway is stopping'))
    await link?.close()
  }

  #watch(ms: number): void {
    this.#cancelDeadline()
    this.#deadline = this.#clock.monotonic() + ms
    this.#cancelDeadline = this.#clock.after(ms, () => this.#expired())
  }

  /** The time to begin an answer is over, or that to end one that began. */
  #expired(): void {
    const exchange = this.#exchange
    if (!exchange) return
    const now = this.#clock.monotonic()
    // Once: on a box that is always late there is no better moment.
    if (now - this.#deadline > stalledMs && !this.#caughtUp) { this.#caughtUp = true; return this.#watch(catchUpMs) }
    this.#awakeAt = now
    const began = this.#firstByteAt > 0
    const restMs = this.#firstByteAt + maxFrameBytes * this.#options.wire.charMs + exchange.timeoutMs / 2 - now
    if (began && restMs > 0) return this.#watch(restMs)
    const seen = this.#bytes.length > 0 ? matchReply(exchange.unit, exchange.pdu, this.#bytes, this.#options.texts) : null
    if (seen?.kind === 'more' && seen.crcWrong) {
      this.counters.crcErrors++
      return this.#failed(new DriverError('MODBUS_CRC', 'its answer came in damaged (CRC); check termination, shielding, and that no two devices have its unit id', { retriable: true }))
    }
    if (seen) {
      this.counters.framingErrors++
      return this.#failed(frameError(`${this.#bytes.length} bytes came in that are none to this request`))
    }
    this.counters.timeouts++
    if (++this.#silentInARow >= silentRequests && this.#options.wire.charMs === 0) return this.#lost(timedOut(exchange.timeoutMs))
    this.#failed(timedOut(exchange.timeoutMs))
  }

  #received(chunk: Buffer): void {
    const now = this.#clock.monotonic()
    this.#lineAt = now
    this.#silentInARow = 0
    if (this.#phase !== 'waiting') return this.#stray(chunk)
    if (this.#firstByteAt === 0) this.#firstByteAt = now
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#bytes, chunk])
    const exchange = this.#exchange!
    const match = matchReply(exchange.unit, exchange.pdu, this.#bytes, this.#options.texts)
    if (match.kind === 'doubtful' || this.#bytes.length > maxBytes) {
      this.counters.framingErrors++
      return this.#failed(frameError('more than one answer came in'))
    }
    if (match.kind === 'more') {
      // No device spoke yet: the answer's time has not begun, and without one it is silence, not a damaged frame.
      if (match.silent) { this.#bytes = Buffer.alloc(0); this.#firstByteAt = 0 }
      return
    }
    this.counters.noiseBytes += match.noise
    this.counters.foreignFrames += match.foreign
    if (this.#repeated(exchange, match.pdu)) {
      this.counters.framingErrors++
      return this.#failed(frameError('it repeats, byte for byte, the answer to another read'))
    }
    this.#answered(exchange, Buffer.from(match.pdu))
  }

  #answered(exchange: Exchange, pdu: Buffer): void {
    this.#cancelDeadline()
    this.#exchange = null
    this.#phase = 'idle'
    this.#bytes = Buffer.alloc(0)
    this.#answers = this.#answers.slice(-maxAnswers).filter((each) => this.#sentAt < each.until)
    this.#answers.push({ exchange, pdu, until: this.#clock.monotonic() + exchange.settleMs })
    this.#busy.add(this.#lineAt - this.#sentAt + exchange.frame!.length * this.#options.wire.charMs + 2 * this.#options.wire.silenceMs)
    if (exchange.pauseMs > 0) this.#notBefore = this.#clock.monotonic() + exchange.pauseMs
    exchange.done(null, pdu, Math.max(0, this.#firstByteAt - this.#sentAt))
    exchange.previous = pdu
    this.#free()
  }

  /** A device that says the same twice would answer a later read with it. */
  #repeated(exchange: Exchange, pdu: Buffer): boolean {
    if (pdu[0]! & 0x80 || exchange.previous?.equals(pdu)) return false
    const now = this.#clock.monotonic()
    return this.#answers.some((last) => last.exchange.unit === exchange.unit && last.pdu.equals(pdu) && !last.exchange.pdu.equals(exchange.pdu) && (this.#caughtUp || now < last.until))
  }

  /** Bytes nobody waits for: a late or repeated answer, somebody else's frame, a glitch. */
  #stray(chunk: Buffer): void {
    this.#bytes = afterTexts(Buffer.concat([this.#bytes, chunk]), this.#options.texts ?? []).subarray(-maxFrameBytes)
    if (this.#bytes.length === 0) return
    const frame = foreignFrame(this.#bytes, 0) > 0
    if (!frame && this.#bytes.length <= 3) { this.counters.noiseBytes += chunk.length; return }
    const last = this.#answers.at(-1)
    if (frame) {
      if (last && this.#bytes[0] === last.exchange.unit) {
        this.counters.lateReplies++
        last.exchange.previous = null
        last.exchange.doubt?.()
      } else {
        this.counters.foreignFrames++
      }
      this.#bytes = Buffer.alloc(0)
    }
    if (this.#phase === 'idle' && last) this.#beSilent(last.exchange)
  }

  #failed(error: DriverError): void {
    this.#cancelDeadline()
    const exchange = this.#exchange!
    this.#exchange = null
    this.#busy.add(this.#clock.monotonic() - this.#sentAt)
    this.#beSilent(exchange)
    exchange.done(error, null, 0)
    this.#free()
  }

  #beSilent({ settleMs }: Exchange): void {
    const now = this.#clock.monotonic()
    if (this.#phase !== 'silent') { this.#silentSince = now; this.counters.resyncs++ }
    this.#phase = 'silent'
    this.#silentUntil = Math.max(this.#sentAt + settleMs, now + this.#options.wire.silenceMs)
  }

  #lost(error: DriverError): void {
    const link = this.#link
    if (!link) return
    this.#link = null
    this.#phase = 'closed'
    this.#cancelDeadline()
    this.#cancelWake?.()
    this.#cancelWake = null
    const exchange = this.#exchange
    this.#exchange = null
    void link.close()
    exchange?.done(error, null, 0)
    if (!this.#closed) this.#gone(error)
  }

  /** Only called when something waits to be sent, so that an idle line costs nothing. */
  #wakeAt(at: number): void {
    if (this.#cancelWake) return
    const waitMs = at - this.#clock.monotonic()
    this.#wakeDue = waitMs > coarseMs ? at - coarseMs + 0.5 : this.#clock.monotonic()
    if (waitMs > coarseMs) { this.#cancelWake = this.#clock.after(waitMs - coarseMs + 0.5, () => this.#woken()); return }
    const soon = setImmediate(() => this.#woken())
    this.#cancelWake = () => clearImmediate(soon)
  }

  #woken(): void {
    this.#cancelWake = null
    const now = this.#clock.monotonic()
    if (now - this.#wakeDue <= stalledMs) this.#awakeAt = now
    else if (this.#phase === 'idle' && !this.#caughtUpBefore) {
      // What the last one said twice may wait to be read. Once, as above.
      this.#caughtUpBefore = true
      this.#notBefore = Math.max(this.#notBefore, now + catchUpMs)
    }
    this.#free()
  }
}
