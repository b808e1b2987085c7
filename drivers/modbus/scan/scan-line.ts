import type { Clock } from '../../../gateway/contract/index.ts'
import type { DriverError } from '../../../gateway/kit/index.ts'
import type { ByteLink } from '../link.ts'
import { encodeRtu, foreignFrame, matchReply, maxFrameBytes } from '../rtu.ts'
import type { Wire } from '../wire.ts'
import { assertReadOnly } from './read-only.ts'

/**
 * What came back. `damaged`: bytes, and no whole answer of this unit among them. `double`: an answer and then another, or its tail: two
 * devices. `late`: units whose answer to an earlier request came in meanwhile.
 */
export interface Heard {
  readonly kind: 'reply' | 'silence' | 'damaged' | 'double'
  /** The answer's PDU; only of `reply` and `double`. */
  readonly pdu: Buffer | null
  /** From the request's end to the answer's first byte. */
  readonly turnaroundMs: number
  readonly late: readonly number[]
}

/** A road on which one request after the other goes out. Not for polling: it looks at every byte, and it may be slow. */
export interface ScanLine extends AsyncDisposable {
  /** Time the line itself was taken, silences and waiting for nobody included; grows with each request. */
  readonly busMs: number
  /** Requests that went out. */
  readonly requests: number
  /**
   * `hearOut`: also what comes right after an answer, where a second device with the same address would speak; it costs 20 ms.
   * Throws DriverError MODBUS_CLOSED when the line is gone, SCAN_READ_ONLY.
   */
  ask(unit: number, pdu: Buffer, timeoutMs: number, hearOut?: boolean): Promise<Heard>
  /** Says nothing for so long and returns what others said. */
  listen(ms: number): Promise<Buffer>
}

const maxBytes = 4 * maxFrameBytes
/** Somebody who never stops is not waited for longer than this beyond a whole frame. */
const babbleMs = 500
const stalledMs = 10
const catchUpMs = 25

/** A serial line, byte by byte: what a request brings is judged only when the line has been quiet again. */
export class SerialScanLine implements ScanLine {
  busMs = 0
  requests = 0
  readonly #link: ByteLink
  readonly #wire: Wire
  readonly #clock: Clock
  #bytes: Buffer = Buffer.alloc(0)
  #firstAt = 0
  #lastAt = -Infinity
  #gone: DriverError | null = null
  #wake = (): void => {}

  constructor(link: ByteLink, wire: Wire, clock: Clock) {
    this.#link = link
    this.#wire = wire
    this.#clock = clock
    link.onBytes((chunk) => {
      const now = clock.monotonic()
      if (this.#bytes.length === 0) this.#firstAt = now
      this.#lastAt = now
      this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-maxBytes)
      this.#wake()
    })
    link.onClose((error) => { this.#gone = error; this.#wake() })
  }

  async ask(unit: number, pdu: Buffer, timeoutMs: number, hearOut = false): Promise<Heard> {
    assertReadOnly(pdu)
    await this.#quiet()
    const began = this.#clock.monotonic()
    this.#bytes = Buffer.alloc(0)
    const frame = encodeRtu(unit, pdu)
    const sentAt = began + frame.length * this.#wire.charMs
    this.requests++
    this.#link.write(frame)
    const heard = await this.#answer(unit, pdu, sentAt, sentAt + timeoutMs, hearOut)
    this.busMs += this.#clock.monotonic() - began + this.#bytes.length * this.#wire.charMs + this.#wire.silenceMs
    return heard
  }

  /** Each time the line falls quiet, what came is looked at; somebody's late answer is no reason to stop waiting for this one. */
  async #answer(unit: number, pdu: Buffer, sentAt: number, until: number, hearOut: boolean): Promise<Heard> {
    let caughtUp = false
    for (let seen = 0; ;) {
      await this.#until(() => this.#bytes.length > seen, until)
      // This process itself stood still: what came in meanwhile still waits to be read. Once.
      if (this.#bytes.length === seen && !caughtUp && this.#clock.monotonic() - until > stalledMs) { caughtUp = true; until = this.#clock.monotonic() + catchUpMs; continue }
      if (!hearOut) await this.#until(() => this.#isWhole(unit, pdu) || this.#lastAt + this.#tailMs() <= this.#clock.monotonic(), Math.min(until, this.#clock.monotonic() + this.#tailMs()))
      if (!hearOut && this.#isWhole(unit, pdu)) return this.#judge(unit, pdu, Math.max(0, this.#firstAt - sentAt))
      const babbleEnds = this.#clock.monotonic() + maxFrameBytes * this.#wire.charMs + babbleMs
      while (this.#bytes.length > seen && this.#lastAt + this.#tailMs() > this.#clock.monotonic() && this.#clock.monotonic() < babbleEnds) await this.#until(() => false, this.#lastAt + this.#tailMs())
      const heard = this.#judge(unit, pdu, Math.max(0, this.#firstAt - sentAt))
      seen = this.#bytes.length
      if (heard.pdu || heard.kind === 'double' || this.#clock.monotonic() >= until) return heard
    }
  }

  async listen(ms: number): Promise<Buffer> {
    this.#bytes = Buffer.alloc(0)
    await this.#until(() => false, this.#clock.monotonic() + ms)
    this.busMs += ms
    const heard = this.#bytes
    this.#bytes = Buffer.alloc(0)
    return heard
  }

  [Symbol.asyncDispose](): Promise<void> { return this.#link.close() }

  #isWhole(unit: number, pdu: Buffer): boolean { return this.#bytes.length > 0 && matchReply(unit, pdu, this.#bytes).kind === 'reply' }

  /** Adapters hand over what they have in packets: a USB one at most 16 ms apart. */
  #tailMs(): number { return Math.max(20, this.#wire.silenceMs) }

  async #quiet(): Promise<void> {
    if (this.#gone) throw this.#gone
    for (let waited = 0; waited < 20 && this.#clock.monotonic() < this.#lastAt + this.#wire.silenceMs; waited++) await this.#until(() => false, this.#lastAt + this.#wire.silenceMs)
  }

  async #until(done: () => boolean, at: number): Promise<void> {
    while (!done()) {
      if (this.#gone) throw this.#gone
      const waitMs = at - this.#clock.monotonic()
      if (waitMs <= 0) return
      let cancel = (): void => {}
      await new Promise<void>((resolve) => { this.#wake = resolve; cancel = this.#clock.after(waitMs, resolve) })
      cancel()
      this.#wake = () => {}
    }
  }

  #judge(unit: number, pdu: Buffer, turnaroundMs: number): Heard {
    const bytes = this.#bytes
    const [late, rest] = lateAnswers(unit, bytes)
    const heard = (kind: Heard['kind'], reply: Buffer | null = null): Heard => ({ kind, pdu: reply, turnaroundMs, late })
    if (bytes.length === 0) return heard('silence')
    const match = matchReply(unit, pdu, bytes)
    if (match.kind === 'reply') return heard('reply', Buffer.from(match.pdu))
    if (match.kind === 'doubtful') return heard('double')
    // Only whole answers of others: this one itself said nothing.
    return heard(rest <= 3 ? 'silence' : 'damaged')
  }
}

/** Units other than the asked one whose whole frames lie in the bytes, and how many bytes are no frame. */
function lateAnswers(unit: number, bytes: Buffer): readonly [late: readonly number[], rest: number] {
  const late: number[] = []
  let rest = 0
  for (let at = 0; at < bytes.length;) {
    const length = foreignFrame(bytes, at)
    if (length === 0) { rest++; at++; continue }
    if (bytes[at] !== unit && bytes[at]! > 0 && bytes[at]! <= 247) late.push(bytes[at]!)
    at += length
  }
  return [late, rest]
}

