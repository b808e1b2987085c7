import type { Clock } from '../../../gateway/contract/index.ts'
import type { DriverError } from '../../../gateway/kit/index.ts'
import { TcpLine } from '../tcp-line.ts'
import { assertReadOnly } from './read-only.ts'
import type { Heard, ScanLine } from './scan-line.ts'

/** Modbus TCP: answers carry numbers, so none is late and none is another's. */
export class TcpScanLine implements ScanLine {
  busMs = 0
  requests = 0
  readonly #line: TcpLine
  readonly #clock: Clock

  private constructor(line: TcpLine, clock: Clock) { this.#line = line; this.#clock = clock }

  /** Throws DriverError MODBUS_CONNECT_FAILED. */
  static async open(host: string, port: number, connectTimeout: number, clock: Clock): Promise<TcpScanLine> {
    const line = new TcpLine({ host, port, connectTimeout, pauseAfterConnect: 0, clock })
    line.onFree(() => {})
    line.onLost(() => {})
    try { await line.open() } catch (error) { await line[Symbol.asyncDispose](); throw error }
    return new TcpScanLine(line, clock)
  }

  ask(unit: number, pdu: Buffer, timeoutMs: number): Promise<Heard> {
    assertReadOnly(pdu)
    const began = this.#clock.monotonic()
    this.requests++
    return new Promise((resolve, reject) => {
      const heard = (kind: Heard['kind'], reply: Buffer | null, turnaroundMs = 0): void => { this.busMs += this.#clock.monotonic() - began; resolve({ kind, pdu: reply && Buffer.from(reply), turnaroundMs, late: [] }) }
      const done = (error: DriverError | null, reply: Buffer | null, turnaroundMs: number): void => {
        if (!error) return heard('reply', reply, turnaroundMs)
        // A device that hangs up on what it does not like says nothing, and takes the next connection.
        if (error.code === 'MODBUS_TIMEOUT' || error.code === 'MODBUS_CLOSED') return heard('silence', null)
        if (error.code === 'MODBUS_FRAME') return heard('damaged', null)
        reject(error)
      }
      this.#line.send({ unit, pdu, timeoutMs, settleMs: timeoutMs, pauseMs: 0, pipeline: 1, previous: null, frame: null, done })
    })
  }

  async listen(): Promise<Buffer> { return Buffer.alloc(0) }

  [Symbol.asyncDispose](): Promise<void> { return this.#line[Symbol.asyncDispose]() }
}
