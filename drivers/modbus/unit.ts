import type { Clock, DeviceState, DeviceStatus, EpochMs, Random, Sample, Value } from '../../gateway/contract/index.ts'
import { backoffMs, codeOf, describe, type Backoff, type DriverError } from '../../gateway/kit/index.ts'
import { Latency } from './latency.ts'
import type { Exchange } from './line.ts'
import { readReply, readRequest } from './pdu.ts'
import { planReads, withoutHoles, type Limits, type Read } from './plan.ts'
import { advance, type Task } from './schedule.ts'
import type { ModbusDeviceConfig } from './settings.ts'
import { compilePoint, type CompiledPoint } from './values.ts'

/** One read of a unit: what is asked, when, and what came last. It is its own schedule task and its own exchange. */
export interface Block extends Task, Exchange {
  readonly unitOwner: ModbusUnit
  readonly read: Read
  /** Its regular deadline, while it is asked out of turn. */
  regularDue: number | null
  /** The next answer is news in every point. */
  forget(): void
}

/** Where a unit puts what it found. */
export interface Sink {
  sample(sample: Sample): void
  device(status: DeviceStatus): void
  /** All reads of one pace have been answered or have failed. */
  scanned(): void
  /** Blocks that were planned anew; those of the unit that are not in it are gone. */
  replanned(unit: ModbusUnit, blocks: readonly Block[]): void
  /** It is back and waits for its next turn; before anything else is said of it. */
  landed(block: Block): void
  /** Deadlines of the unit's blocks were moved. */
  rescheduled(): void
}

export interface UnitParts {
  readonly config: ModbusDeviceConfig
  readonly limits: Limits
  readonly timeoutMs: number
  readonly pauseMs: number
  readonly sink: Sink
  readonly clock: Clock
  readonly random: Random
}

const probing: Backoff = { baseMs: 1_000, capMs: 60_000, factor: 2, jitter: 0.3 }
/** The device did not speak at all, or not sensibly. An exception is an answer. */
const silence = new Set(['MODBUS_TIMEOUT', 'MODBUS_FRAME', 'MODBUS_CRC', 'MODBUS_CLOSED', 'MODBUS_CONNECT_FAILED', 'MODBUS_GATEWAY_PATH', 'MODBUS_GATEWAY_TARGET'])

/** One device on the line: what is read, what was last seen, and how it fares. A dead one is probed by a single read that backs off by itself (law 8). */
export class ModbusUnit {
  readonly counters = { requests: 0, timeouts: 0, crcErrors: 0, framingErrors: 0, exceptions: 0, retries: 0, skippedPolls: 0 }
  readonly turnaround = new Latency()
  blocks: readonly Block[]
  readonly #parts: UnitParts
  readonly #reasons = new Map<string, string>()
  /** Reads of one pace that are still out in the present scan. */
  readonly #scans = new Map<number, { left: number; began: number; periodMs: number }>()
  #silent = 0
  #offline = false
  #fresh = true
  #state: DeviceState | null = null
  #reason = ''

  constructor(parts: UnitParts) {
    this.#parts = parts
    const now = parts.clock.monotonic()
    this.blocks = planReads(parts.config.points, parts.limits).map((read) => this.#block(read, now))
  }

  get config(): ModbusDeviceConfig { return this.#parts.config }
  get offline(): boolean { return this.#offline }

  /** The real interval of its fastest scan, in ms; 0 before the second. */
  scanPeriodMs(): number {
    const fastest = Math.min(...this.#scans.keys())
    return Math.round(this.#scans.get(fastest)?.periodMs ?? 0)
  }

  /** Plans the block's next turn; called when it is sent. */
  leaving(block: Block, now: number): void {
    this.counters.requests++
    const scan = this.#scans.get(block.everyMs)
    if (scan && scan.left <= 0) {
      const period = now - scan.began
      scan.periodMs = scan.began === 0 ? 0 : scan.periodMs === 0 ? period : scan.periodMs * 0.8 + period * 0.2
      scan.began = now
      scan.left = this.blocks.reduce((count, { everyMs }) => count + (everyMs === block.everyMs ? 1 : 0), 0)
    }
    if (block.regularDue !== null) { block.due = block.regularDue; block.regularDue = null }
    if (block.due <= now) this.counters.skippedPolls += advance(block, now)
  }

  /** Reads the point's block at the next opportunity: after a write. */
  expire(pointId: string): void {
    const block = this.blocks.find(({ read }) => read.points.some(({ id }) => id === pointId))
    if (block && !this.#offline) this.#again(block)
  }

  #block(read: Read, due: number): Block {
    const { settings } = this.#parts.config
    const { timeoutMs, pauseMs } = this.#parts
    const points = read.points.map((point) => compilePoint(point, read.start))
    const pdu = readRequest(read.table, read.start, read.count)
    const seen = new BlockValues(points)
    let failures = 0
    // The timeout of a device that must wake up first is longer until it has answered once.
    const timeout = (): number => (this.#fresh && settings.firstTimeout !== undefined ? Math.max(timeoutMs, settings.firstTimeout) : timeoutMs)
    const block: Block = {
      unitOwner: this, read, due, everyMs: read.pollMs, unit: settings.unitId, pdu, pipeline: settings.pipeline, pauseMs, previous: null, frame: null, regularDue: null,
      get timeoutMs() { return timeout() },
      get settleMs() { return Math.max(timeout(), settings.worstLatency ?? 0) },
      done: (error, reply, turnaroundMs) => {
        if (error) failed(error)
        else answered(reply!, turnaroundMs)
        this.#parts.sink.landed(block)
      },
      doubt: () => this.#again(block),
      forget: () => seen.forget(),
    }
    const answered = (reply: Buffer, turnaroundMs: number): void => {
      let data: Buffer
      try { data = readReply(pdu, reply) } catch (wrong) { return failed(wrong as DriverError) }
      failures = 0
      this.turnaround.add(turnaroundMs)
      this.#answered(block)
      seen.update(data, this.#parts, this.#reasons)
      this.#ended(block, null)
    }
    const failed = (error: DriverError): void => {
      const parts = error.code === 'MODBUS_ILLEGAL_ADDRESS' ? withoutHoles(read, this.#parts.limits) : null
      if (parts) return this.#split(block, parts)
      if (silence.has(error.code)) return this.#silence(block, error, failures++)
      this.counters.exceptions++
      this.#answered(block)
      seen.forget()
      this.#bad(read, error.code)
      block.due = Math.max(block.due, this.#parts.clock.monotonic() + Math.max(read.pollMs, backoffMs(probing, failures++, this.#parts.random)))
      this.#ended(block, error)
    }
    if (!this.#scans.has(read.pollMs)) this.#scans.set(read.pollMs, { left: 0, began: 0, periodMs: 0 })
    return block
  }

  /** It does not read across holes: from now on each run of registers is asked for alone. */
  #split(block: Block, reads: readonly Read[]): void {
    const now = this.#parts.clock.monotonic()
    this.#answered(block)
    const fresh = reads.map((read) => this.#block(read, now))
    this.blocks = this.blocks.flatMap((each) => (each === block ? fresh : [each]))
    const scan = this.#scans.get(block.everyMs)
    if (scan) scan.left += fresh.length - 1
    this.#parts.sink.replanned(this, this.blocks)
  }

  #answered(block: Block): void {
    this.#silent = 0
    this.#fresh = false
    if (!this.#offline) return
    this.#offline = false
    const now = this.#parts.clock.monotonic()
    for (const each of this.blocks) if (each !== block) each.due = now
    this.#parts.sink.rescheduled()
  }

  #silence(block: Block, error: DriverError, failures: number): void {
    const { config, random, clock, sink } = this.#parts
    const code = error.code
    if (code === 'MODBUS_CRC') this.counters.crcErrors++
    else if (code === 'MODBUS_FRAME') this.counters.framingErrors++
    else this.counters.timeouts++
    if (!this.#offline && failures < config.settings.retries && code !== 'MODBUS_CONNECT_FAILED') {
      this.counters.retries++
      return this.#again(block)
    }
    const attempt = this.#silent++
    this.#offline = true
    this.#fresh = true
    // One read probes for all of them; the others wait for its answer.
    const probeAt = clock.monotonic() + Math.max(Math.min(block.everyMs, probing.capMs), backoffMs(probing, attempt, random))
    for (const each of this.blocks) { each.due = each === block ? probeAt : Infinity; each.regularDue = null }
    for (const each of this.blocks) { each.forget(); this.#bad(each.read, code) }
    for (const scan of this.#scans.values()) scan.left = 0
    sink.rescheduled()
    this.#report(error)
    sink.scanned()
  }

  #again(block: Block): void {
    block.regularDue ??= block.due
    block.due = this.#parts.clock.monotonic()
    this.#parts.sink.rescheduled()
  }

  #ended(block: Block, trouble: DriverError | null): void {
    const scan = this.#scans.get(block.everyMs)
    if (trouble || this.#state !== 'online') this.#report(trouble)
    if (scan && --scan.left <= 0) this.#parts.sink.scanned()
  }

  #bad(read: Read, reason: string): void {
    const at = this.#parts.clock.now()
    for (const { id } of read.points) {
      if (this.#reasons.get(id) === reason) continue
      this.#reasons.set(id, reason)
      this.#parts.sink.sample({ pointId: id, raw: null, at, quality: 'bad', reason })
    }
  }

  #report(trouble: DriverError | null): void {
    const { clock, config, sink } = this.#parts
    const failing = trouble !== null || this.blocks.some(({ read }) => read.points.some(({ id }) => this.#reasons.get(id)?.startsWith('MODBUS_')))
    const state: DeviceState = this.#offline ? 'offline' : failing ? 'degraded' : 'online'
    const reason = state === 'online' ? '' : trouble ? codeOf(trouble) : this.#reason
    if (state === this.#state && reason === this.#reason) return
    this.#state = state
    this.#reason = reason
    const status = { deviceId: config.id, state, at: clock.now() }
    sink.device(state === 'online' ? status : { ...status, reason, ...(trouble ? { detail: `${config.id} (unit ${config.settings.unitId}): ${describe(trouble)}` } : {}) })
  }
}

/** The last block of raw bytes, so that only what changed is decoded. */
class BlockValues {
  readonly #points: readonly CompiledPoint[]
  readonly #values: (Value | undefined)[]
  #last: Buffer | null = null

  constructor(points: readonly CompiledPoint[]) {
    this.#points = points
    this.#values = Array.from({ length: points.length })
  }

  forget(): void { this.#last = null; this.#values.fill(undefined) }

  update(data: Buffer, { sink, clock }: UnitParts, reasons: Map<string, string>): void {
    const last = this.#last
    if (last?.equals(data)) return
    const at: EpochMs = clock.now()
    for (let index = 0; index < this.#points.length; index++) {
      const point = this.#points[index]!
      if (last && !point.changed(data, last)) continue
      const decoded = point.decode(data)
      const { pointId } = point
      if (typeof decoded === 'object') {
        if (reasons.get(pointId) === decoded.reason) continue
        reasons.set(pointId, decoded.reason)
        this.#values[index] = undefined
        sink.sample({ pointId, raw: null, at, quality: 'bad', reason: decoded.reason })
      } else {
        if (this.#values[index] === decoded) continue
        if (reasons.size > 0) reasons.delete(pointId)
        this.#values[index] = decoded
        sink.sample({ pointId, raw: decoded, at, quality: 'good' })
      }
    }
    if (last) data.copy(last)
    else this.#last = Buffer.from(data)
  }
}
