import type { Clock } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import type { Exchange, Line } from './line.ts'
import { Schedule } from './schedule.ts'
import type { Block, ModbusUnit } from './unit.ts'

export interface RequestOptions { readonly unit: number; readonly timeoutMs: number; readonly settleMs: number; readonly pauseMs: number; readonly signal?: AbortSignal | undefined }

interface Command extends Exchange { readonly signal: AbortSignal | undefined; readonly reject: (error: unknown) => void }

const maxCommands = 64
/** A timer may come this much early; a read is not put off for it. */
const toleranceMs = 1

/** One scheduler a line: commands first, then the read whose deadline is nearest. */
export class Bus {
  readonly #line: Line
  readonly #clock: Clock
  readonly #schedule = new Schedule<Block>()
  readonly #commands: Command[] = []
  readonly #inFlight = new Set<Block>()
  /** In the air, and no longer wanted when they land. */
  readonly #gone = new WeakSet<Block>()
  #cancelWake: (() => void) | null = null
  #wakeAt = Infinity
  #running = false
  #pumping = false

  constructor(line: Line, clock: Clock) {
    this.#line = line
    this.#clock = clock
    line.onFree(() => this.pump())
  }

  start(units: Iterable<ModbusUnit>): void {
    for (const unit of units) for (const block of unit.blocks) this.#schedule.add(block)
    this.#running = true
    this.pump()
  }

  stop(): void {
    this.#running = false
    this.#cancelWake?.()
    this.#cancelWake = null
    for (const command of this.#commands.splice(0)) command.reject(new DriverError('MODBUS_CLOSED', 'the connection ended: the gateway is stopping', { retriable: true }))
  }

  /** The answer's PDU; goes before all reads that wait. Throws DriverError MODBUS_*; MODBUS_OVERLOADED when too many commands wait. Not sent any more once the signal aborts. */
  request(pdu: Buffer, { unit, timeoutMs, settleMs, pauseMs, signal }: RequestOptions): Promise<Buffer> {
    if (this.#commands.length >= maxCommands) return Promise.reject(new DriverError('MODBUS_OVERLOADED', `${maxCommands} commands already wait for this line; send fewer`, { retriable: true }))
    return new Promise((resolve, reject) => {
      this.#commands.push({
        unit, pdu, timeoutMs, settleMs, pauseMs, pipeline: 1, previous: null, frame: null, signal, reject,
        done: (error, reply) => { if (error) reject(error); else resolve(Buffer.from(reply!)) },
      })
      this.pump()
    })
  }

  /** Deadlines were moved from outside. */
  rescheduled(): void {
    this.#schedule.rebuild()
    this.#cancelWake?.()
    this.#cancelWake = null
    queueMicrotask(() => this.pump())
  }

  /** A unit's reads were planned anew. */
  replanned(unit: ModbusUnit, blocks: readonly Block[]): void {
    const known = new Set<Block>()
    this.#schedule.rebuild((block) => { known.add(block); const keep = block.unitOwner !== unit || blocks.includes(block); if (!keep) this.#gone.add(block); return keep })
    for (const block of blocks) if (!known.has(block) && !this.#inFlight.has(block)) this.#schedule.add(block)
    for (const block of this.#inFlight) if (block.unitOwner === unit && !blocks.includes(block)) this.#gone.add(block)
  }

  /** Sends whatever may go now, then sleeps until the next read is due. Reentrant calls fold into the running one. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#sendNext());
    } finally {
      this.#pumping = false
    }
  }

  #sendNext(): boolean {
    const line = this.#line
    while (this.#commands[0]?.signal?.aborted) { const { reject, signal } = this.#commands.shift()!; reject(signal!.reason) }
    if (this.#commands.length > 0) {
      if (!line.ready(1)) return false
      line.send(this.#commands.shift()!)
      return true
    }
    if (!this.#running) return false
    const now = this.#clock.monotonic()
    const block = this.#schedule.peek(now + toleranceMs)
    if (!block) { this.#sleep(now); return false }
    if (!line.ready(block.pipeline)) return false
    this.#schedule.take(now + toleranceMs)
    block.unitOwner.leaving(block, Math.max(now, block.due))
    this.#inFlight.add(block)
    line.send(block)
    return true
  }

  /** A block has been answered or has failed: it waits for its next turn. */
  landed(block: Block): void {
    this.#inFlight.delete(block)
    if (!this.#gone.delete(block)) this.#schedule.add(block)
  }

  #sleep(now: number): void {
    const due = this.#schedule.nextDue()
    if (due === Infinity || (this.#cancelWake && this.#wakeAt <= due)) return
    this.#cancelWake?.()
    this.#wakeAt = due
    this.#cancelWake = this.#clock.after(Math.max(0, due - now), () => { this.#cancelWake = null; this.pump() })
  }
}
