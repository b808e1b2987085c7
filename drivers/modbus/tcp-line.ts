import { connect, type Socket } from 'node:net'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, DriverError } from '../../gateway/kit/index.ts'
import { BusyTime, closed, lineCounters, timedOut, type Exchange, type Line } from './line.ts'
import { encodeMbap, MbapReader } from './mbap.ts'
import { frameError } from './pdu.ts'

export interface TcpOptions { readonly host: string; readonly port: number; readonly connectTimeout: number; readonly pauseAfterConnect: number; readonly clock: Clock }

interface Flight { readonly exchange: Exchange; readonly transaction: number; readonly sentAt: number }

/** A connection that was silent for so many requests in a row is opened anew: its peer may have forgotten it. */
const silentRequests = 2
const maxAbandoned = 64
const receiveBytes = 8_192

/**
 * Modbus TCP. Answers are told apart by their transaction, so one that comes late is known and dropped, and the connection stays. Any
 * frame that cannot be (framing, a foreign transaction, another unit's) drops the socket; the next request opens a new one.
 */
export class TcpLine implements Line {
  readonly counters = lineCounters()
  readonly #options: TcpOptions
  readonly #busy: BusyTime
  readonly #flights = new Map<number, Flight>()
  /** Transactions that timed out and may still be answered. */
  readonly #abandoned = new Set<number>()
  #free = (): void => {}
  #lost: (error: DriverError) => void = () => {}
  #socket: Socket | null = null
  #opening: Promise<void> | null = null
  #transaction = 0
  #notBefore = 0
  #busySince = 0
  #silent = 0
  #connects = 0
  #closed = false
  #watching: (() => void) | null = null
  #waking: (() => void) | null = null

  constructor(options: TcpOptions) { this.#options = options; this.#busy = new BusyTime(options.clock) }

  onFree(listener: () => void): void { this.#free = listener }
  onLost(listener: (error: DriverError) => void): void { this.#lost = listener }
  load(): number { return this.#busy.share() }
  async open(): Promise<void> { if (!this.#socket) await (this.#opening ??= this.#connect().finally(() => { this.#opening = null })) }

  ready(pipeline: number): boolean {
    if (this.#opening) return false
    if (this.#flights.size > 0 && this.#flights.size >= this.#depth(pipeline)) return false
    if (this.#notBefore === 0) return true
    const waitMs = this.#notBefore - this.#options.clock.monotonic()
    if (waitMs <= 0) { this.#notBefore = 0; return true }
    this.#waking ??= this.#options.clock.after(waitMs, () => { this.#waking = null; this.#free() })
    return false
  }

  send(exchange: Exchange): void {
    if (this.#closed) return exchange.done(closed('the gateway is stopping'), null, 0)
    if (this.#socket) return this.#write(exchange, this.#socket)
    this.open().then(
      () => { if (this.#socket) this.#write(exchange, this.#socket); else { exchange.done(closed('the device closed the connection'), null, 0); this.#free() } },
      (error: DriverError) => {
        exchange.done(error, null, 0)
        if (error.code === 'MODBUS_CONNECT_FAILED') this.#lost(error)
        else this.#free()
      },
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#waking?.()
    this.#drop(closed('the gateway is stopping'))
  }

  /** All that are in the air must tolerate company. */
  #depth(pipeline: number): number {
    let depth = pipeline
    for (const { exchange } of this.#flights.values()) depth = Math.min(depth, exchange.pipeline)
    return depth
  }

  #write(exchange: Exchange, socket: Socket): void {
    const transaction = this.#transaction = (this.#transaction + 1) & 0xffff
    const frame = exchange.frame ??= encodeMbap(0, exchange.unit, exchange.pdu)
    frame[0] = transaction >> 8
    frame[1] = transaction & 0xff
    const sentAt = this.#options.clock.monotonic()
    if (this.#flights.size === 0) this.#busySince = sentAt
    this.#abandoned.delete(transaction)
    this.#flights.set(transaction, { exchange, transaction, sentAt })
    this.counters.requests++
    if (this.#flights.size > 1) this.#together(socket)
    socket.write(frame)
    this.#watching ??= this.#watch(exchange.timeoutMs)
  }

  /** What is sent in one turn goes out in one packet. */
  #together(socket: Socket): void {
    if (socket.writableCorked > 0) return
    socket.cork()
    process.nextTick(() => socket.uncork())
  }

  /** One timer for all that is in the air; it is not moved for each request. */
  #watch(ms: number): () => void {
    return this.#options.clock.after(ms, () => {
      this.#watching = null
      const now = this.#options.clock.monotonic()
      for (const flight of this.#flights.values()) if (now >= flight.sentAt + flight.exchange.timeoutMs) this.#expire(flight)
      let next = Infinity
      for (const { sentAt, exchange } of this.#flights.values()) next = Math.min(next, sentAt + exchange.timeoutMs)
      if (next < Infinity) this.#watching ??= this.#watch(Math.max(1, next - now))
      this.#free()
    })
  }

  #expire(flight: Flight): void {
    const { exchange, transaction } = flight
    this.counters.timeouts++
    // Its bytes may still wait in the socket: the next one is encoded anew.
    exchange.frame = null
    this.#abandoned.add(transaction)
    this.#landed(flight)
    const error = timedOut(exchange.timeoutMs)
    if (++this.#silent >= silentRequests || this.#abandoned.size > maxAbandoned) this.#drop(error)
    exchange.done(error, null, 0)
  }

  async #connect(): Promise<void> {
    const { host, port, connectTimeout, clock, pauseAfterConnect } = this.#options
    const reader = new MbapReader()
    // One buffer for all that comes in: the stream's own would be a new one for each answer.
    const socket: Socket = connect({
      host, port, noDelay: true, keepAlive: true,
      onread: { buffer: Buffer.alloc(receiveBytes), callback: (length, bytes) => { if (socket === this.#socket) this.#received(reader, Buffer.from(bytes.buffer, bytes.byteOffset, length)); return true } },
    })
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: unknown, why: string): void => {
        socket.destroy()
        reject(new DriverError('MODBUS_CONNECT_FAILED', `no connection to ${host}:${port} (${why}); check the address, the cable and that the device's Modbus TCP is on`, { cause, retriable: true }))
      }
      const cancel = clock.after(connectTimeout, () => failed(null, `no answer within ${connectTimeout} ms`))
      socket.once('connect', () => { cancel(); resolve() })
      socket.once('error', (error) => { cancel(); failed(error, codeOf(error)) })
    })
    socket.on('error', () => {})
    if (this.#connects++ > 0) this.counters.reconnects++
    if (pauseAfterConnect > 0) await clock.sleep(pauseAfterConnect)
    if (this.#closed) { socket.destroy(); throw closed('the gateway is stopping') }
    if (socket.destroyed) throw closed('the device closed the connection')
    this.#abandoned.clear()
    this.#silent = 0
    this.#socket = socket
    // A FIN is the end: nothing that is in the air will be answered.
    socket.once('end', () => { if (socket === this.#socket) this.#drop(closed('the device closed the connection')) })
    socket.once('close', () => { if (socket === this.#socket) this.#drop(closed('the device closed the connection')) })
  }

  #received(reader: MbapReader, chunk: Buffer): void {
    try {
      reader.push(chunk, this.#answered)
    } catch (error) {
      this.counters.framingErrors++
      this.#drop(error as DriverError)
    }
    this.#free()
  }

  readonly #answered = (transaction: number, unit: number, pdu: Buffer): void => {
    const flight = this.#flights.get(transaction)
    if (!flight) {
      if (!this.#abandoned.delete(transaction)) throw frameError('nobody waits for it; the connection is opened again')
      this.counters.lateReplies++
      this.#silent = 0
      return
    }
    const { exchange, sentAt } = flight
    if (unit !== exchange.unit) throw frameError(`unit ${unit} answered for unit ${exchange.unit}; two devices may share an address`)
    this.#silent = 0
    this.#landed(flight)
    if (exchange.pauseMs > 0) this.#notBefore = this.#options.clock.monotonic() + exchange.pauseMs
    exchange.done(null, pdu, this.#options.clock.monotonic() - sentAt)
  }

  #landed({ transaction }: Flight): void {
    this.#flights.delete(transaction)
    if (this.#flights.size === 0) this.#busy.add(this.#options.clock.monotonic() - this.#busySince)
  }

  #drop(error: DriverError): void {
    const socket = this.#socket
    this.#socket = null
    socket?.destroy()
    this.#watching?.()
    this.#watching = null
    for (const flight of this.#flights.values()) { this.#landed(flight); flight.exchange.done(error, null, 0) }
    if (!this.#closed) this.#free()
  }
}
