import { connect, type Socket } from 'node:net'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, DriverError } from '../../gateway/kit/index.ts'
import { encodeFrame, FrameReader, type Frame } from './codec.ts'
import type { ModbusConnection } from './schema.ts'

export interface ClientOptions extends Pick<ModbusConnection, 'host' | 'port' | 'connectTimeout' | 'pauseAfterConnect' | 'pauseBetweenRequests'> { readonly clock: Clock }

interface Job { readonly unit: number; readonly pdu: Buffer; readonly timeoutMs: number; readonly resolve: (pdu: Buffer) => void; readonly reject: (error: unknown) => void }
interface Pending extends Job { readonly transaction: number }

const maxWaiting = 256

/**
 * One TCP connection with one request in the air. Any doubt about what is on the wire (timeout, framing, a foreign unit) drops the
 * socket: the next request opens a new one, and no late answer can be taken for another's.
 */
export class ModbusClient implements AsyncDisposable {
  readonly counters = { requests: 0, timeouts: 0, framingErrors: 0, reconnects: 0 }
  readonly #options: ClientOptions
  readonly #waiting: Job[] = []
  #socket: Socket | null = null
  #reader = new FrameReader()
  #pending: Pending | null = null
  #transaction = 0
  #working = false
  #closed = false
  #connects = 0

  constructor(options: ClientOptions) { this.#options = options }

  /** Throws DriverError MODBUS_CONNECT_FAILED. */
  async open(): Promise<void> { this.#socket ??= await this.#connect() }

  /** The answer's PDU. `urgent` goes before what waits. Throws DriverError MODBUS_CONNECT_FAILED, MODBUS_TIMEOUT, MODBUS_FRAME, MODBUS_CLOSED. */
  request(unit: number, pdu: Buffer, timeoutMs: number, urgent = false): Promise<Buffer> {
    if (this.#closed) return Promise.reject(closed('the gateway is stopping'))
    if (this.#waiting.length >= maxWaiting) return Promise.reject(new DriverError('MODBUS_OVERLOADED', `${maxWaiting} requests already wait for this line; poll less often`, { retriable: true }))
    return new Promise((resolve, reject) => {
      const job = { unit, pdu, timeoutMs, resolve, reject }
      if (urgent) this.#waiting.unshift(job)
      else this.#waiting.push(job)
      if (!this.#working) void this.#work()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const { reject } of this.#waiting.splice(0)) reject(closed('the gateway is stopping'))
    this.#drop(closed('the gateway is stopping'))
  }

  async #work(): Promise<void> {
    this.#working = true
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
      try {
        await this.open()
        job.resolve(await this.#exchange(job))
      } catch (error) {
        job.reject(error)
      }
      if (this.#options.pauseBetweenRequests > 0) await this.#options.clock.sleep(this.#options.pauseBetweenRequests)
    }
    this.#working = false
  }

  #exchange(job: Job): Promise<Buffer> {
    const transaction = this.#transaction = (this.#transaction + 1) & 0xffff
    this.counters.requests++
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(job.timeoutMs, () => {
        this.counters.timeouts++
        this.#drop(new DriverError('MODBUS_TIMEOUT', `no answer within ${job.timeoutMs} ms; check power, wiring and unit id, or raise "timeout"`, { retriable: true }))
      })
      this.#pending = { ...job, transaction, resolve: (pdu) => { cancel(); resolve(pdu) }, reject: (error) => { cancel(); reject(error) } }
      this.#socket!.write(encodeFrame({ transaction, unit: job.unit, pdu: job.pdu }))
    })
  }

  async #connect(): Promise<Socket> {
    const { host, port, connectTimeout, clock, pauseAfterConnect } = this.#options
    const socket = connect({ host, port, noDelay: true, keepAlive: true })
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
    this.#reader = new FrameReader()
    socket.on('data', (chunk) => { if (socket === this.#socket) this.#received(chunk) })
    socket.on('close', () => { if (socket === this.#socket) this.#drop(closed('the device closed the connection')) })
    if (this.#connects++ > 0) this.counters.reconnects++
    if (pauseAfterConnect > 0) await clock.sleep(pauseAfterConnect)
    if (this.#closed) { socket.destroy(); throw closed('the gateway is stopping') }
    if (socket.destroyed) throw closed('the device closed the connection')
    return socket
  }

  #received(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) this.#answer(frame)
    } catch (error) {
      this.counters.framingErrors++
      this.#drop(error)
    }
  }

  #answer({ transaction, unit, pdu }: Frame): void {
    const pending = this.#pending
    if (!pending || transaction !== pending.transaction) throw new DriverError('MODBUS_FRAME', 'an answer nobody waits for came in; the connection is opened again', { retriable: true })
    if (unit !== pending.unit) throw new DriverError('MODBUS_FRAME', `unit ${unit} answered for unit ${pending.unit}; two devices may share an address`, { retriable: true })
    this.#pending = null
    pending.resolve(pdu)
  }

  #drop(error: unknown): void {
    const socket = this.#socket
    this.#socket = null
    socket?.destroy()
    const pending = this.#pending
    this.#pending = null
    pending?.reject(error)
  }
}

const closed = (why: string): DriverError => new DriverError('MODBUS_CLOSED', `the connection ended: ${why}`, { retriable: true })
