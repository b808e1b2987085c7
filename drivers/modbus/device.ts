import type { Clock, DeviceConfig, DeviceState, DeviceStatus, EpochMs, Random, Sample, Value } from '../../gateway/contract/index.ts'
import { backoffMs, codeOf, describe, type Backoff } from '../../gateway/kit/index.ts'
import type { ModbusClient } from './client.ts'
import { readReply, readRequest } from './codec.ts'
import { planReads, withoutHoles, type Read } from './plan.ts'
import type { ModbusAddress, ModbusDevice } from './schema.ts'
import { decodePoint } from './values.ts'

interface Block { read: Read; readonly request: Buffer; due: number; last: Buffer | null; failures: number }
type Seen = { readonly value: Value } | { readonly reason: string }

export interface DeviceParts { readonly config: DeviceConfig<ModbusDevice, ModbusAddress>; readonly client: ModbusClient; readonly timeoutMs: number; readonly clock: Clock; readonly random: Random }

const retry: Backoff = { baseMs: 1_000, capMs: 30_000, factor: 2, jitter: 0.3 }
/** The device did not speak at all, or not sensibly. An exception is an answer. */
const silence = new Set(['MODBUS_TIMEOUT', 'MODBUS_FRAME', 'MODBUS_CLOSED', 'MODBUS_GATEWAY_PATH', 'MODBUS_GATEWAY_TARGET'])
const failuresToOffline = 2

/** One unit on the line: its reads, when they are due, and what was last seen. A dead one backs off by itself (law 8). */
export class ModbusUnit {
  readonly counters = { exceptions: 0, skippedPolls: 0 }
  readonly #parts: DeviceParts
  readonly #blocks: Block[]
  readonly #seen = new Map<string, Seen>()
  #silent = 0
  #retryAt = -Infinity
  #state: DeviceState | null = null
  #reason = ''

  constructor(parts: DeviceParts) {
    this.#parts = parts
    const now = parts.clock.monotonic()
    this.#blocks = planReads(parts.config.points, parts.config.settings).map((read) => block(read, now))
  }

  /** Monotonic time of the next read; Infinity for a device without points. */
  due(): number { return Math.max(this.#retryAt, Math.min(Infinity, ...this.#blocks.map(({ due }) => due))) }

  /** Everything due now. Throws only MODBUS_CONNECT_FAILED: then the whole line is lost. */
  async poll(): Promise<{ readonly samples: readonly Sample[]; readonly devices: readonly DeviceStatus[] }> {
    const { clock, config } = this.#parts
    const samples: Sample[] = []
    const now = clock.monotonic()
    const due = this.#blocks.filter((item) => item.due <= now)
    let trouble: unknown = null
    for (const item of due) {
      this.#plan(item, now)
      try {
        samples.push(...await this.#read(item))
      } catch (error) {
        if (codeOf(error) === 'MODBUS_CONNECT_FAILED') throw error
        trouble = error
        samples.push(...this.#failed(item, error))
        if (silence.has(codeOf(error))) break
      }
    }
    return { samples, devices: this.#report(trouble, clock.now(), config.id) }
  }

  /** Reads the point's block at the next opportunity: after a write. */
  expire(pointId: string): void {
    const item = this.#blocks.find(({ read }) => read.points.some(({ id }) => id === pointId))
    if (item) item.due = this.#parts.clock.monotonic()
  }

  async #read(item: Block): Promise<readonly Sample[]> {
    const { client, config, timeoutMs, clock } = this.#parts
    let data: Buffer
    try {
      data = readReply(item.request, await client.request(config.settings.unitId, item.request, timeoutMs))
    } catch (error) {
      const parts = codeOf(error) === 'MODBUS_ILLEGAL_ADDRESS' ? withoutHoles(item.read, config.settings) : null
      if (!parts) throw error
      // It does not read across holes: from now on it is asked for each run of registers alone.
      const now = clock.monotonic()
      this.#blocks.splice(this.#blocks.indexOf(item), 1, ...parts.map((read) => block(read, now)))
      return []
    }
    this.#silent = 0
    item.failures = 0
    if (item.last?.equals(data)) return []
    item.last = Buffer.from(data)
    const at = clock.now()
    return item.read.points.flatMap((point) => this.#changed(point.id, decodePoint(point.address, data, item.read.start), at))
  }

  #failed(item: Block, error: unknown): readonly Sample[] {
    const { clock, random } = this.#parts
    const code = codeOf(error)
    item.last = null
    const at = clock.now()
    if (!silence.has(code)) {
      this.counters.exceptions++
      item.due = clock.monotonic() + Math.max(item.read.pollMs, backoffMs(retry, item.failures++, random))
      return item.read.points.flatMap(({ id }) => this.#changed(id, { reason: code }, at))
    }
    this.#silent++
    if (this.#silent < failuresToOffline) return item.read.points.flatMap(({ id }) => this.#changed(id, { reason: code }, at))
    this.#retryAt = clock.monotonic() + backoffMs(retry, this.#silent - failuresToOffline, random)
    for (const each of this.#blocks) each.last = null
    return this.#parts.config.points.flatMap(({ id }) => this.#changed(id, { reason: code }, at))
  }

  #changed(pointId: string, seen: Seen, at: EpochMs): readonly Sample[] {
    const before = this.#seen.get(pointId)
    if (before && ('value' in seen ? 'value' in before && before.value === seen.value : 'reason' in before && before.reason === seen.reason)) return []
    this.#seen.set(pointId, seen)
    return ['value' in seen ? { pointId, raw: seen.value, at, quality: 'good' } : { pointId, raw: null, at, quality: 'bad', reason: seen.reason }]
  }

  #report(trouble: unknown, at: EpochMs, deviceId: string): readonly DeviceStatus[] {
    const state: DeviceState = this.#silent >= failuresToOffline ? 'offline' : trouble || this.#blocks.some(({ failures }) => failures > 0) ? 'degraded' : 'online'
    const reason = trouble ? codeOf(trouble) : this.#reason
    if (state === this.#state && (state === 'online' || reason === this.#reason)) return []
    this.#state = state
    this.#reason = state === 'online' ? '' : reason
    return [state === 'online' ? { deviceId, state, at } : { deviceId, state, at, reason, detail: `${deviceId} (unit ${this.#parts.config.settings.unitId}): ${describe(trouble)}` }]
  }

  /** The next deadline is counted from the last one, not from now, so that the pace does not drift; what was missed is skipped. */
  #plan(item: Block, now: number): void {
    const { pollMs } = item.read
    const missed = Math.floor((now - item.due) / pollMs)
    this.counters.skippedPolls += missed
    item.due += (missed + 1) * pollMs
  }
}

const block = (read: Read, due: number): Block => ({ read, request: readRequest(read.table, read.start, read.count), due, last: null, failures: 0 })
