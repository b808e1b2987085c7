import type { DeviceStatus, DriverKit, EpochMs, Finding, Intake, Sample, Session, Value } from '../../gateway/contract/index.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { Bus } from './bus.ts'
import { diagnose } from './doctor.ts'
import type { Line } from './line.ts'
import { limitsOf, type ModbusPoint } from './plan.ts'
import type { ModbusAddress, ModbusConfig } from './settings.ts'
import { ModbusUnit, type Block, type Sink } from './unit.ts'
import { writeAndConfirm } from './write.ts'

/** A line that is open, and its devices. What they find is gathered and handed on once a turn of the event loop. */
export class ModbusSession implements Session<ModbusAddress> {
  readonly #config: ModbusConfig
  readonly #line: Line
  readonly #bus: Bus
  readonly #units: ReadonlyMap<string, ModbusUnit>
  #samples: Sample[] = []
  #devices: DeviceStatus[] = []
  #scanned: EpochMs | null = null
  #failure: unknown = null
  #ended = false
  #announced = false
  #wake: (() => void) | null = null

  constructor(config: ModbusConfig, kit: DriverKit, line: Line) {
    this.#config = config
    this.#line = line
    this.#bus = new Bus(line, kit.clock)
    line.onLost((error) => { this.#failure ??= error; this.#announce() })
    const sink: Sink = {
      sample: (sample) => { this.#samples.push(sample); this.#announce() },
      device: (status) => { this.#devices.push(status); this.#announce() },
      scanned: () => { this.#scanned = kit.clock.now(); this.#announce() },
      replanned: (unit, blocks) => this.#bus.replanned(unit, blocks),
      rescheduled: () => this.#bus.rescheduled(),
      landed: (block: Block) => this.#bus.landed(block),
    }
    this.#units = new Map(config.devices.map((device) => [device.id, new ModbusUnit({ config: device, limits: limitsOf(config.settings, device.settings), ...this.#pace(device.settings), sink, clock: kit.clock, random: kit.random })]))
  }

  async *intake(signal: AbortSignal): AsyncGenerator<Intake, void, void> {
    const aborted = (): void => { this.#end() }
    signal.addEventListener('abort', aborted, { once: true })
    this.#bus.start(this.#units.values())
    try {
      while (!this.#ended && !signal.aborted) {
        if (this.#samples.length === 0 && this.#devices.length === 0 && this.#scanned === null) {
          if (this.#failure) throw named(this.#failure, `connection ${this.#config.id}`)
          await new Promise<void>((resolve) => { this.#wake = resolve })
          continue
        }
        yield this.#take()
      }
    } finally {
      signal.removeEventListener('abort', aborted)
      this.#end()
    }
  }

  async write(point: ModbusPoint, raw: Value, signal: AbortSignal): Promise<void> {
    const unit = this.#units.get(point.deviceId)!
    const { settings } = unit.config
    const pace = this.#pace(settings)
    try {
      await writeAndConfirm(point, raw, settings.maskWrite, (pdu) => { signal.throwIfAborted(); return this.#bus.request(pdu, { unit: settings.unitId, settleMs: Math.max(pace.timeoutMs, settings.worstLatency ?? 0), ...pace, signal }) })
    } catch (error) {
      if (signal.aborted) throw new DriverError('WRITE_EXPIRED', `${point.id} (unit ${settings.unitId}): the write was given up before it was done (${describe(signal.reason)}); read the point before writing again`, { cause: error })
      if (error instanceof DriverError && error.code === 'MODBUS_TIMEOUT') throw new DriverError('WRITE_TIMEOUT', `${point.id} (unit ${settings.unitId}): no answer to the write within ${pace.timeoutMs} ms; it may or may not have been carried out`, { cause: error })
      throw named(error, `${point.id} (unit ${settings.unitId})`)
    }
    unit.expire(point.id)
    this.#bus.pump()
  }

  statistics(): Readonly<Record<string, number>> {
    const totals = { exceptions: 0, retries: 0, skippedPolls: 0 }
    for (const { counters } of this.#units.values()) for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += counters[key]
    return { ...this.#line.counters, ...totals, loadPercent: Math.round(this.#line.load() * 1_000) / 10 }
  }

  deviceStatistics(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries([...this.#units].map(([id, unit]) => [id, {
      ...unit.counters, turnaroundP50: unit.turnaround.percentile(0.5), turnaroundP95: unit.turnaround.percentile(0.95), scanMs: unit.scanPeriodMs(),
    }]))
  }

  findings(): readonly Finding[] {
    return diagnose(this.#config, { line: this.statistics(), devices: this.deviceStatistics(), offline: [...this.#units].filter(([, unit]) => unit.offline).map(([id]) => id) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end()
    await this.#line[Symbol.asyncDispose]()
  }

  #pace(device: ModbusConfig['devices'][number]['settings']): { readonly timeoutMs: number; readonly pauseMs: number } {
    const { timeout, pauseBetweenRequests } = this.#config.settings
    return { timeoutMs: device.timeout ?? timeout, pauseMs: device.pauseBetweenRequests ?? pauseBetweenRequests }
  }

  /** Wakes the intake once for all that this turn of the event loop brings. */
  #announce(): void {
    if (this.#announced) return
    this.#announced = true
    setImmediate(() => { this.#announced = false; this.#wake?.() })
  }

  #take(): Intake {
    const intake: Intake = { samples: this.#samples, ...(this.#devices.length > 0 ? { devices: this.#devices } : {}), ...(this.#scanned === null ? {} : { scanned: this.#scanned }) }
    this.#samples = []
    this.#devices = []
    this.#scanned = null
    return intake
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#bus.stop()
    this.#wake?.()
  }
}

/** The same code, with the name of what failed in front. */
export function named(error: unknown, what: string): unknown {
  return error instanceof DriverError ? new DriverError(error.code, `${what}: ${describe(error)}`, { cause: error, retriable: error.retriable, values: error.values }) : error
}
