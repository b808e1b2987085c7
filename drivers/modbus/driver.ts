import type { Driver, DriverKit, Intake, Session, Value } from '../../gateway/contract/index.ts'
import { codeOf, describe, DriverError } from '../../gateway/kit/index.ts'
import { ModbusClient } from './client.ts'
import { readReply, readRequest, writeCoilRequest, writeRegisterRequest, writeRegistersRequest, writeReply } from './codec.ts'
import { ModbusUnit } from './device.ts'
import type { ModbusPoint } from './plan.ts'
import { widthOf, type ModbusAddress, type ModbusConfig, type ModbusConnection, type ModbusDevice } from './schema.ts'
import { decodePoint, encodeRegisters } from './values.ts'

/** Modbus TCP. One connection, one request in the air, every device at its own pace. */
export const modbusDriver: Driver<ModbusConnection, ModbusDevice, ModbusAddress> = {
  name: 'modbus',
  async connect(config, kit, signal) {
    const client = new ModbusClient({ ...config.settings, clock: kit.clock })
    const aborted = (): void => { void client[Symbol.asyncDispose]() }
    signal.addEventListener('abort', aborted, { once: true })
    try {
      await client.open()
    } catch (error) {
      await client[Symbol.asyncDispose]()
      throw named(error, `connection ${config.id}`)
    } finally {
      signal.removeEventListener('abort', aborted)
    }
    return new ModbusSession(config, kit, client)
  },
}

class ModbusSession implements Session<ModbusAddress> {
  readonly #config: ModbusConfig
  readonly #kit: DriverKit
  readonly #client: ModbusClient
  readonly #units: ReadonlyMap<string, ModbusUnit>
  #lastRoundMs = 0
  #wake: (() => void) | null = null

  constructor(config: ModbusConfig, kit: DriverKit, client: ModbusClient) {
    this.#config = config
    this.#kit = kit
    this.#client = client
    const { clock, random } = kit
    this.#units = new Map(config.devices.map((device) => [device.id, new ModbusUnit({ config: device, client, timeoutMs: device.settings.timeout ?? config.settings.timeout, clock, random })]))
  }

  async *intake(signal: AbortSignal): AsyncGenerator<Intake, void, void> {
    const { clock } = this.#kit
    const aborted = (): void => { void this.#client[Symbol.asyncDispose](); this.#wake?.() }
    signal.addEventListener('abort', aborted, { once: true })
    try {
      while (!signal.aborted) {
        const began = clock.monotonic()
        const due = [...this.#units.values()].filter((unit) => unit.due() <= began)
        for (const unit of due) {
          const { samples, devices } = await unit.poll()
          if (signal.aborted) return
          if (samples.length > 0 || devices.length > 0) yield { samples, devices }
        }
        if (due.length > 0) {
          this.#lastRoundMs = Math.round(clock.monotonic() - began)
          yield { samples: [], scanned: clock.now() }
        }
        await this.#pause()
      }
    } catch (error) {
      if (!signal.aborted) throw named(error, `connection ${this.#config.id}`)
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }

  async write(point: ModbusPoint, raw: Value, signal: AbortSignal): Promise<void> {
    const { settings } = this.#config.devices.find(({ id }) => id === point.deviceId)!
    const timeoutMs = settings.timeout ?? this.#config.settings.timeout
    const send = (pdu: Buffer): Promise<Buffer> => { signal.throwIfAborted(); return this.#client.request(settings.unitId, pdu, timeoutMs, true) }
    try {
      const expected = await writePoint(point.address, raw, send)
      await confirm(point, expected, send)
    } catch (error) {
      if (codeOf(error) === 'MODBUS_TIMEOUT') throw new DriverError('WRITE_TIMEOUT', `${point.id} (unit ${settings.unitId}): no answer to the write within ${timeoutMs} ms; it may or may not have been carried out`, { cause: error })
      throw named(error, `${point.id} (unit ${settings.unitId})`)
    }
    this.#units.get(point.deviceId)?.expire(point.id)
    this.#wake?.()
  }

  statistics(): Readonly<Record<string, number>> {
    const totals = { exceptions: 0, skippedPolls: 0 }
    for (const { counters } of this.#units.values()) { totals.exceptions += counters.exceptions; totals.skippedPolls += counters.skippedPolls }
    return { ...this.#client.counters, ...totals, lastRoundMs: this.#lastRoundMs }
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.#client[Symbol.asyncDispose]() }

  /** Until the next read is due, or a write wants to be seen. */
  async #pause(): Promise<void> {
    const { clock } = this.#kit
    const next = Math.min(...[...this.#units.values()].map((unit) => unit.due()))
    const waitMs = Math.min(next - clock.monotonic(), 60_000)
    if (waitMs <= 0) return
    await new Promise<void>((resolve) => {
      const cancel = clock.after(waitMs, resolve)
      this.#wake = () => { cancel(); resolve() }
    })
    this.#wake = null
  }
}

type Send = (pdu: Buffer) => Promise<Buffer>

/** Returns what a read-back should give: a boolean, or the registers' bytes. */
async function writePoint(address: ModbusAddress, raw: Value, send: Send): Promise<boolean | Buffer> {
  const { table, register, bit } = address
  if (table === 'coil' || bit !== undefined) {
    const on = typeof raw === 'boolean' ? raw : raw === 1
    if (typeof raw !== 'boolean' && raw !== 0 && raw !== 1) throw new DriverError('POINT_VALUE', `${JSON.stringify(raw)} is neither on nor off`)
    const request = table === 'coil' ? writeCoilRequest(register, on) : await withBit(address, bit!, on, send)
    writeReply(request, await send(request))
    return on
  }
  const words = encodeRegisters(address, raw)
  const request = words.length === 2 ? writeRegisterRequest(register, words.readUInt16BE(0)) : writeRegistersRequest(register, words)
  writeReply(request, await send(request))
  return words
}

/** The register as it is, with one bit changed. */
async function withBit(address: ModbusAddress, bit: number, on: boolean, send: Send): Promise<Buffer> {
  const read = readRequest(address.table, address.register, 1)
  const word = readReply(read, await send(read))
  const value = address.byteSwap ? word.readUInt16LE(0) : word.readUInt16BE(0)
  const changed = on ? value | (1 << bit) : value & ~(1 << bit)
  return writeRegisterRequest(address.register, address.byteSwap ? ((changed & 0xff) << 8) | (changed >> 8) : changed)
}

async function confirm(point: ModbusPoint, expected: boolean | Buffer, send: Send): Promise<void> {
  const { address } = point
  const read = readRequest(address.table, address.register, widthOf(address))
  const data = readReply(read, await send(read))
  const decoded = decodePoint(address, data, address.register)
  const same = typeof expected === 'boolean' ? 'value' in decoded && decoded.value === expected : data.equals(expected)
  if (!same) throw new DriverError('WRITE_NOT_CONFIRMED', `the device took the write but reads back ${'value' in decoded ? JSON.stringify(decoded.value) : decoded.reason}; a local switch or another master may hold it`)
}

/** The same code, with the name of what failed in front. */
function named(error: unknown, what: string): unknown {
  return error instanceof DriverError ? new DriverError(error.code, `${what}: ${describe(error)}`, { cause: error, retriable: error.retriable, values: error.values }) : error
}
