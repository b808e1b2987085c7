import { createServer, type Socket } from 'node:net'
import type { Clock, Random, Value } from '../../gateway/contract/index.ts'
import { encodeFrame, FrameReader } from './codec.ts'
import type { ModbusPoint } from './plan.ts'
import { widthOf, type ModbusAddress, type ModbusConfig } from './schema.ts'
import { decodePoint, encodeRegisters } from './values.ts'

export interface ModbusSimulator extends AsyncDisposable {
  readonly port: number
  get(pointId: string): Value
  set(pointId: string, raw: Value): void
  /** The successive raw values of a point that went out in an answer, oldest first; the last 100,000. */
  served(pointId: string): readonly Value[]
  /** A silenced device receives and does not answer. */
  silence(deviceId: string, silent: boolean): void
}

type Table = ModbusAddress['table']
interface Unit { readonly id: string; readonly bits: Record<'coil' | 'discrete', Uint8Array>; readonly words: Record<'holding' | 'input', Buffer>; readonly points: readonly ModbusPoint[]; silent: boolean }

const tables: Readonly<Record<number, Table>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }
const keptServed = 100_000
const stepMs = 1_000

/** A Modbus TCP server that behaves like the devices of a connection: values of the right unit that wander, counters that only rise. */
export async function startModbusSimulator(config: ModbusConfig, { clock, random }: { readonly clock: Clock; readonly random: Random }, { port = 0 }: { readonly port?: number } = {}): Promise<ModbusSimulator> {
  const units = new Map<number, Unit>(config.devices.map((device) => [device.settings.unitId, {
    id: device.id, points: device.points, silent: false,
    bits: { coil: new Uint8Array(65_536), discrete: new Uint8Array(65_536) }, words: { holding: Buffer.alloc(131_072), input: Buffer.alloc(131_072) },
  }]))
  const served = new Map<string, Value[]>()
  const sockets = new Set<Socket>()
  const find = (pointId: string) => {
    for (const unit of units.values()) for (const point of unit.points) if (point.id === pointId) return { unit, point }
    throw new RangeError(`the simulator has no point ${pointId}`)
  }
  const note = (unit: Unit, table: Table, start: number, count: number): void => {
    for (const point of unit.points) {
      const { register } = point.address
      if (point.address.table !== table || register < start || register + widthOf(point.address) > start + count) continue
      const value = valueOf(unit, point)
      let list = served.get(point.id)
      if (!list) served.set(point.id, list = [])
      if (list.at(-1) !== value) list.push(value)
      if (list.length > keptServed) list.shift()
    }
  }

  for (const unit of units.values()) for (const point of unit.points) store(unit, point, firstValue(point, random))
  let cancel = clock.after(stepMs, function step() {
    for (const unit of units.values()) for (const point of unit.points) store(unit, point, nextValue(point, valueOf(unit, point), random))
    cancel = clock.after(stepMs, step)
  })

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const reader = new FrameReader()
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    socket.on('data', (chunk) => {
      try {
        for (const { transaction, unit: id, pdu } of reader.push(chunk)) {
          const unit = units.get(id)
          if (unit && !unit.silent) socket.write(encodeFrame({ transaction, unit: id, pdu: answer(unit, pdu, note) }))
        }
      } catch {
        socket.destroy()
      }
    })
  })
  await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(port, '127.0.0.1', resolve) })

  return {
    port: (server.address() as { port: number }).port,
    get: (pointId) => { const { unit, point } = find(pointId); return valueOf(unit, point) },
    set: (pointId, raw) => { const { unit, point } = find(pointId); store(unit, point, raw) },
    served: (pointId) => served.get(pointId) ?? [],
    silence: (deviceId, silent) => { for (const unit of units.values()) if (unit.id === deviceId) unit.silent = silent },
    async [Symbol.asyncDispose]() {
      cancel()
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function answer(unit: Unit, pdu: Buffer, note: (unit: Unit, table: Table, start: number, count: number) => void): Buffer {
  const code = pdu[0]!
  const refuse = (exception: number): Buffer => Buffer.of(code | 0x80, exception)
  if (pdu.length < 5) return refuse(3)
  const start = pdu.readUInt16BE(1)
  const second = pdu.readUInt16BE(3)
  const table = tables[code]
  if (table) {
    const bits = table === 'coil' || table === 'discrete'
    if (second < 1 || second > (bits ? 2_000 : 125)) return refuse(3)
    if (start + second > 65_536) return refuse(2)
    note(unit, table, start, second)
    const data = bits ? packBits(unit.bits[table].subarray(start, start + second)) : unit.words[table].subarray(start * 2, (start + second) * 2)
    return Buffer.concat([Buffer.of(code, data.length), data])
  }
  if (code === 5) { unit.bits.coil[start] = second === 0xff00 ? 1 : 0; return pdu.subarray(0, 5) }
  if (code === 6) { unit.words.holding.writeUInt16BE(second, start * 2); return pdu.subarray(0, 5) }
  if (code === 16) {
    if (pdu.length !== 6 + second * 2 || start + second > 65_536) return refuse(3)
    pdu.copy(unit.words.holding, start * 2, 6)
    return pdu.subarray(0, 5)
  }
  return refuse(1)
}

function packBits(bits: Uint8Array): Buffer {
  const out = Buffer.alloc(Math.ceil(bits.length / 8))
  bits.forEach((bit, index) => { out[index >> 3]! |= bit << (index & 7) })
  return out
}

function valueOf(unit: Unit, { address }: ModbusPoint): Value {
  const { table, register } = address
  if (table === 'coil' || table === 'discrete') return unit.bits[table][register] === 1
  const decoded = decodePoint(address, unit.words[table].subarray(register * 2, (register + widthOf(address)) * 2), register)
  return 'value' in decoded ? decoded.value : 0
}

function store(unit: Unit, { address }: ModbusPoint, raw: Value): void {
  const { table, register, bit } = address
  if (table === 'coil' || table === 'discrete') { unit.bits[table][register] = raw === true ? 1 : 0; return }
  if (bit === undefined) { encodeRegisters(address, raw).copy(unit.words[table], register * 2); return }
  const word = unit.words[table].readUInt16BE(register * 2)
  unit.words[table].writeUInt16BE(raw === true ? word | (1 << bit) : word & ~(1 << bit), register * 2)
}

/** In the point's unit: middle and swing. */
const shapes: Readonly<Record<string, readonly [middle: number, swing: number]>> = {
  Cel: [25, 0.3], '%': [52, 1], V: [230, 1], A: [4, 0.4], W: [900, 60], 'V.A': [950, 60], var: [120, 10], Hz: [50, 0.02], '1': [0.95, 0.01],
}

function firstValue(point: ModbusPoint, random: Random): Value {
  if (point.type === 'boolean') return false
  if (point.type === 'string') return 'demo'
  if (point.unit === 'kW.h') return toRaw(point, 1_200 + Math.round(random() * 100))
  return toRaw(point, shapes[point.unit ?? '1']?.[0] ?? 1)
}

function nextValue(point: ModbusPoint, raw: Value, random: Random): Value {
  if (typeof raw !== 'number') return raw
  if (point.unit === 'kW.h') return toRaw(point, Math.round((raw * point.scale + point.offset + 0.25) * 100) / 100)
  const [middle, swing] = shapes[point.unit ?? '1'] ?? [1, 0]
  return toRaw(point, middle + (random() * 2 - 1) * swing)
}

function toRaw({ scale, offset, address }: ModbusPoint, value: number): number {
  const raw = (value - offset) / scale
  return address.format === 'f32' || address.format === 'f64' ? Math.fround(raw) : Math.round(raw)
}
