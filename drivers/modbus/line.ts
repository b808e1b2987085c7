import type { Clock } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'

/** One request and what becomes of it. Kept and sent again by its owner, so that polling allocates nothing for it. */
export interface Exchange {
  readonly unit: number
  readonly pdu: Buffer
  readonly timeoutMs: number
  /** No answer comes later than this after the request. */
  readonly settleMs: number
  readonly pauseMs: number
  /** How many such requests may be in the air at once; 1 is alone. */
  readonly pipeline: number
  /** The PDU that answered it last, to tell it from a repeated answer to another read. */
  previous: Buffer | null
  /** The encoded frame; the line's own. */
  frame: Buffer | null
  /** Called once. `reply`: the answer's PDU, valid during the call, null with `error`. `turnaroundMs`: from the request's end to the answer's begin. */
  done(error: DriverError | null, reply: Buffer | null, turnaroundMs: number): void
  /** What was answered last may have been another's answer: it should be read again. */
  doubt?(): void
}

export const lineCounters = () => ({ requests: 0, timeouts: 0, crcErrors: 0, framingErrors: 0, foreignFrames: 0, noiseBytes: 0, lateReplies: 0, resyncs: 0, reconnects: 0 })
export type LineCounters = ReturnType<typeof lineCounters>

/** A road to devices: a TCP connection or a serial line. Never queues: whoever sends asks `ready` first. */
export interface Line extends AsyncDisposable {
  readonly counters: LineCounters
  /** Share of the last minute the line was busy, 0..1. */
  load(): number
  /** Opens it. Throws DriverError MODBUS_CONNECT_FAILED or MODBUS_PORT. */
  open(): Promise<void>
  /** Whether a request that tolerates `pipeline` in the air may go now. */
  ready(pipeline: number): boolean
  send(exchange: Exchange): void
  /** Called whenever `ready` may have become true. */
  onFree(listener: () => void): void
  /** Called once when the line cannot be used any more; the supervisor opens it again. */
  onLost(listener: (error: DriverError) => void): void
}

export const closed = (why: string): DriverError => new DriverError('MODBUS_CLOSED', `the connection ended: ${why}`, { retriable: true })
export const timedOut = (timeoutMs: number): DriverError =>
  new DriverError('MODBUS_TIMEOUT', `no answer within ${timeoutMs} ms; check power, wiring and unit id, or raise "timeout"`, { retriable: true })

const windowMs = 30_000

/** Busy time over the last half to whole minute, in two windows. */
export class BusyTime {
  readonly #clock: Clock
  #began: number
  #busy = 0
  #before = 0
  #beforeMs = 0
  constructor(clock: Clock) { this.#clock = clock; this.#began = clock.monotonic() }
  add(ms: number): void { this.#roll(); this.#busy += ms }
  share(): number {
    this.#roll()
    const elapsed = this.#beforeMs + this.#clock.monotonic() - this.#began
    return elapsed <= 0 ? 0 : Math.min(1, (this.#before + this.#busy) / elapsed)
  }
  #roll(): void {
    const elapsed = this.#clock.monotonic() - this.#began
    if (elapsed < windowMs) return
    this.#before = this.#busy
    this.#beforeMs = elapsed
    this.#busy = 0
    this.#began += elapsed
  }
}
