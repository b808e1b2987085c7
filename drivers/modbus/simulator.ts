import { spawn } from 'node:child_process'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import type { Clock, SimulatedFault, Simulator, SimulatorParts, Value } from '../../gateway/contract/index.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { packetBytes } from './dtu.ts'
import { openSerial, socketLink, type ByteLink } from './link.ts'
import { encodeMbap, MbapReader } from './mbap.ts'
import { packBits } from './pdu.ts'
import type { ModbusPoint } from './plan.ts'
import { encodeRtu, foreignFrame } from './rtu.ts'
import type { IdentifyCheck } from './scan/identify.ts'
import { identityOf, type Identity } from './simulated-identity.ts'
import { formatOf, isBitTable, widthOf } from './registers.ts'
import type { ModbusAddress, ModbusConfig } from './settings.ts'
import { decodePoint, encodeRegisters } from './values.ts'

export interface ModbusSimulator extends Simulator {
  readonly port: number
  get(pointId: string): Value
  /** The successive raw values of a point that went out in an answer, oldest first; the last 100,000. */
  served(pointId: string): readonly Value[]
  /** How often each function code was asked for, of units that exist or not. */
  readonly functions: ReadonlyMap<number, number>
}

export interface ModbusSimulatorOptions {
  readonly port?: number
  /**
   * Like real devices: a register or bit that no point of the device has is refused (exception 2), function 43 is unknown. Without it every
   * address answers.
   */
  readonly strict?: boolean
  /** By device id, `identify` of its profile: it holds what a scan looks for. With it, function 43 answers what the profile says, or is unknown. */
  readonly identities?: ReadonlyMap<string, readonly IdentifyCheck[]>
  /** Whether the devices can hear how the other end has set the line; silent while not. */
  hears?(): boolean
}

type Table = ModbusAddress['table']
interface Unit {
  readonly id: string
  readonly unitId: number
  /** Null: every address answers. */
  readonly mapped: Readonly<Record<Table, ReadonlySet<number>>> | null
  readonly bits: Record<'coil' | 'discrete', Uint8Array>
  readonly words: Record<'holding' | 'input', Buffer>
  readonly points: readonly ModbusPoint[]
  readonly identity: Identity | null
  readonly turnaroundMs: number
  fault: SimulatedFault | null
}

const tables: Readonly<Record<number, Table>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }
const keptServed = 100_000

/** The devices of a connection on its own wire: a TCP server, a pty, or a modem that dials in. Values stand still until `set` moves them. */
export async function startModbusSimulator(config: ModbusConfig, { clock }: SimulatorParts, { port, strict = false, hears = () => true, identities = new Map() }: ModbusSimulatorOptions = {}): Promise<ModbusSimulator> {
  // A list: two devices with one unit id are what an installer meets.
  const units: readonly Unit[] = config.devices.map((device) => {
    const checks = identities.get(device.id)
    const identity = checks ? identityOf(checks, device.settings.unitId, config.settings.baudRate) : null
    const unit: Unit = {
      id: device.id, unitId: device.settings.unitId, points: device.points, identity, mapped: strict ? mappedBy(device.points, identity) : null, fault: null, turnaroundMs: config.settings.transport === 'tcp' ? 0 : device.settings.turnaround,
      bits: { coil: new Uint8Array(65_536), discrete: new Uint8Array(65_536) }, words: { holding: Buffer.alloc(131_072), input: Buffer.alloc(131_072) },
    }
    for (const { table, register, words } of identity?.registers ?? []) words.copy(unit.words[table], register * 2)
    return unit
  })
  const functions = new Map<number, number>()
  const served = new Map<string, Value[]>()
  const find = (pointId: string) => {
    for (const unit of units) for (const point of unit.points) if (point.id === pointId) return { unit, point }
    throw new RangeError(`the simulator has no point ${pointId}`)
  }
  const note: Note = (unit, table, start, count) => {
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
  /** `reply` gets the answer's PDU, late by the device's turnaround; nothing from a silent one. */
  const serve = (id: number, pdu: Buffer, reply: (pdu: Buffer) => void): void => {
    if (!hears()) return
    functions.set(pdu[0]!, (functions.get(pdu[0]!) ?? 0) + 1)
    for (const unit of units) {
      if (unit.unitId !== id || unit.fault === 'timeout' || unit.fault === 'offline') continue
      const answered = unit.fault === 'garbage' ? Buffer.of(pdu[0]!, 0xfe, 0xed) : answer(unit, pdu, note)
      if (unit.turnaroundMs > 0) clock.after(unit.turnaroundMs, () => reply(answered))
      else reply(answered)
    }
  }
  const wire = await openWire(config, serve, clock, port)
  return {
    where: wire.where, redirect: wire.redirect, port: wire.port,
    get: (pointId) => { const { unit, point } = find(pointId); return valueOf(unit, point) },
    set: (pointId, raw) => { const { unit, point } = find(pointId); if (!isIdentity(unit, point)) store(unit, point, raw) },
    served: (pointId) => served.get(pointId) ?? [],
    functions,
    fault: (deviceId, fault) => { for (const unit of units) if (unit.id === deviceId) unit.fault = fault },
    [Symbol.asyncDispose]: () => wire.close(),
  }
}

function mappedBy(points: readonly ModbusPoint[], identity: Identity | null): Record<Table, Set<number>> {
  const mapped = { coil: new Set<number>(), discrete: new Set<number>(), holding: new Set<number>(), input: new Set<number>() }
  for (const { address } of points) for (let at = 0; at < widthOf(address); at++) mapped[address.table].add(address.register + at)
  for (const { table, register, words } of identity?.registers ?? []) for (let at = 0; at < words.length / 2; at++) mapped[table].add(register + at)
  return mapped
}

/** What it is does not move: its own unit id, its firmware. */
const isIdentity = ({ identity }: Unit, { address }: ModbusPoint): boolean => identity?.registers.some(({ table, register }) => table === address.table && register === address.register) ?? false

type Note = (unit: Unit, table: Table, start: number, count: number) => void
type Serve = (unit: number, pdu: Buffer, reply: (pdu: Buffer) => void) => void
interface WireEnd { readonly where: string; readonly redirect: Readonly<Record<string, unknown>>; readonly port: number; close(): Promise<void> }

function openWire(config: ModbusConfig, serve: Serve, clock: Clock, port?: number): Promise<WireEnd> {
  const { settings } = config
  if (settings.transport === 'rtu') return openPty(settings.path!, config, serve)
  if (settings.transport === 'dtu') return dialIn(config, serve, clock)
  return listenOn(settings.host!, port ?? settings.port, settings.transport === 'tcp' ? serveMbap : serveRtuSocket, serve)
}

function isLocal(host: string): boolean {
  return host === 'localhost' || Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === host))
}

/** On the site file's own address, else on loopback with the same port, else on any. */
async function listenOn(host: string, port: number, attend: (socket: Socket, serve: Serve) => void, serve: Serve): Promise<WireEnd> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => { sockets.add(socket); socket.on('close', () => sockets.delete(socket)).on('error', () => {}); attend(socket, serve) })
  const attempt = (address: string, wanted: number): Promise<void> => new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(error)
    server.once('error', failed).listen(wanted, address, () => { server.off('error', failed); resolve() })
  })
  const address = isLocal(host) ? host : '127.0.0.1'
  await attempt(address, port).catch((error: unknown) => { if (codeOf(error) === 'EACCES' || (codeOf(error) === 'EADDRINUSE' && address !== host)) return attempt(address, 0); throw error })
  const actual = (server.address() as { port: number }).port
  return {
    where: `${address}:${actual}`, redirect: { ...(address === host ? {} : { host: address }), ...(actual === port ? {} : { port: actual }) }, port: actual,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function serveMbap(socket: Socket, serve: Serve): void {
  const reader = new MbapReader()
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk, (transaction, unit, pdu) => serve(unit, Buffer.from(pdu), (reply) => { socket.write(encodeMbap(transaction, unit, reply)) }))
    } catch {
      socket.destroy()
    }
  })
}

const serveRtuSocket = (socket: Socket, serve: Serve): void => serveRtu(socketLink(socket, 'gateway'), serve)

/** Requests have lengths of their own; what is none is thrown away byte by byte. */
function serveRtu(link: ByteLink, serve: Serve): void {
  let bytes: Buffer = Buffer.alloc(0)
  link.onBytes((chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 4) {
      const length = bytes[1] === 17 ? 4 : bytes[1] === 43 ? 7 : foreignFrame(bytes, 0)
      if (length === 0 || length > bytes.length) { if (bytes.length > 256) bytes = bytes.subarray(1); else break; continue }
      const unit = bytes[0]!
      serve(unit, Buffer.from(bytes.subarray(1, length - 2)), (reply) => link.write(encodeRtu(unit, reply)))
      bytes = bytes.subarray(length)
    }
  })
  link.onClose(() => {})
}

/** A pty pair of socat: the gateway opens one end under the site file's name where that can be made, the simulator the other. */
async function openPty(wanted: string, config: ModbusConfig, serve: Serve): Promise<WireEnd> {
  const folder = await mkdtemp(path.join(tmpdir(), 'linli-pty-'))
  const mine = path.join(folder, 'device')
  const free = !wanted.startsWith('/dev/') && await access(path.dirname(wanted)).then(() => access(wanted).then(() => false, () => true), () => false)
  const theirs = free ? wanted : path.join(folder, 'gateway')
  const socat = spawn('socat', [`pty,raw,echo=0,link=${theirs}`, `pty,raw,echo=0,link=${mine}`], { stdio: 'ignore' })
  const failed = new Promise<never>((_, reject) => { socat.once('error', reject); socat.once('exit', (code) => reject(new RangeError(`socat ended with ${code}; install it (apt install socat) and check that ${theirs} can be made`))) })
  failed.catch(() => {})
  const made = async (): Promise<void> => { while (!(await access(theirs).then(() => access(mine).then(() => true), () => false).catch(() => false))) await new Promise((resolve) => setImmediate(resolve)) }
  const gone = async (): Promise<void> => { socat.kill(); await rm(folder, { recursive: true, force: true }) }
  const link = await Promise.race([made(), failed]).then(() => openSerial({ ...config.settings, path: mine, parity: 'none' })).catch(async (error: unknown) => { await gone(); throw error })
  serveRtu(link, serve)
  return {
    where: theirs, redirect: theirs === wanted ? {} : { path: theirs }, port: 0,
    async close() {
      await link.close()
      await gone()
    },
  }
}

/** A modem: calls the gateway, says who it is, and calls again when it was hung up on. */
async function dialIn({ settings }: ModbusConfig, serve: Serve, clock: Clock): Promise<WireEnd> {
  const { host, port } = settings.listen!
  const address = host === '0.0.0.0' ? '127.0.0.1' : host
  let ended = false
  let socket: Socket
  let cancel = (): void => {}
  const dial = (): void => {
    if (ended) return
    socket = connect({ host: address, port, noDelay: true }, () => { socket.write(packetBytes(settings.registration!)); serveRtuSocket(socket, serve) })
    socket.on('error', () => {}).once('close', () => { if (!ended) cancel = clock.after(redialMs, dial) })
  }
  dial()
  return { where: `dials ${address}:${port}`, redirect: {}, port, async close() { ended = true; cancel(); socket.destroy() } }
}

const redialMs = 500

function answer(unit: Unit, pdu: Buffer, note: Note): Buffer {
  const code = pdu[0]!
  const refuse = (exception: number): Buffer => Buffer.of(code | 0x80, exception)
  if (code === 43 && (unit.identity ? unit.identity.objects.size > 0 : !unit.mapped)) return identification(unit, pdu)
  if (code === 17 || code === 43) return refuse(1)
  if (pdu.length < 5) return refuse(3)
  const start = pdu.readUInt16BE(1)
  const second = pdu.readUInt16BE(3)
  const table = tables[code]
  if (table) return readTable(unit, code, table, start, second, note)
  const { holding } = unit.words
  switch (code) {
    case 5: unit.bits.coil[start] = second === 0xff00 ? 1 : 0; return pdu.subarray(0, 5)
    case 6: holding.writeUInt16BE(second, start * 2); return pdu.subarray(0, 5)
    case 15:
      if (pdu.length !== 6 + Math.ceil(second / 8) || start + second > 65_536) return refuse(3)
      for (let index = 0; index < second; index++) unit.bits.coil[start + index] = (pdu[6 + (index >> 3)]! >> (index & 7)) & 1
      return pdu.subarray(0, 5)
    case 16:
      if (pdu.length !== 6 + second * 2 || start + second > 65_536) return refuse(3)
      pdu.copy(holding, start * 2, 6)
      return pdu.subarray(0, 5)
    case 22:
      if (pdu.length !== 7) return refuse(3)
      holding.writeUInt16BE((holding.readUInt16BE(start * 2) & second) | (pdu.readUInt16BE(5) & ~second & 0xffff), start * 2)
      return pdu
    case 23:
      if (pdu.length < 10 || pdu.length !== 10 + pdu.readUInt16BE(7) * 2) return refuse(3)
      pdu.copy(holding, pdu.readUInt16BE(5) * 2, 10)
      return readTable(unit, code, 'holding', start, second, note)
    default: return refuse(1)
  }
}

function readTable(unit: Unit, code: number, table: Table, start: number, count: number, note: Note): Buffer {
  const refuse = (exception: number): Buffer => Buffer.of(code | 0x80, exception)
  const bits = isBitTable(table)
  if (count < 1 || count > (bits ? 2_000 : 125)) return refuse(3)
  if (start + count > 65_536) return refuse(2)
  if (unit.mapped) for (let at = start; at < start + count; at++) if (!unit.mapped[table].has(at)) return refuse(2)
  note(unit, table, start, count)
  const data = bits ? packBits(unit.bits[table as 'coil'].subarray(start, start + count)) : unit.words[table as 'holding'].subarray(start * 2, (start + count) * 2)
  return Buffer.concat([Buffer.of(code, data.length), data])
}

function identification({ id, identity }: Unit, pdu: Buffer): Buffer {
  const texts = identity ? [...identity.objects].toSorted(([a], [b]) => a - b) : ['Linli', id, '1.0'].map((text, index) => [index, text] as const)
  return Buffer.from([43, 14, pdu[2] ?? 1, 1, 0, 0, texts.length, ...texts.flatMap(([object, text]) => [object, text.length, ...Buffer.from(text, 'latin1')])])
}

function valueOf(unit: Unit, { address }: ModbusPoint): Value {
  const { table, register } = address
  if (isBitTable(table)) return unit.bits[table as 'coil'][register] === 1
  const decoded = decodePoint(address, unit.words[table as 'holding'].subarray(register * 2, (register + widthOf(address)) * 2), register)
  return 'value' in decoded ? decoded.value : 0
}

function store(unit: Unit, { address }: ModbusPoint, raw: Value): void {
  const { table, register, bit } = address
  if (isBitTable(table)) { unit.bits[table as 'coil'][register] = raw === true ? 1 : 0; return }
  const words = unit.words[table as 'holding']
  if (bit === undefined) { encodeRegisters(address, held(address, raw)).copy(words, register * 2); return }
  const word = words.readUInt16BE(register * 2)
  words.writeUInt16BE(raw === true ? word | (1 << bit) : word & ~(1 << bit), register * 2)
}

/** What a register of that format would hold: a whole number, or the nearest float. */
function held(address: ModbusAddress, raw: Value): Value {
  const format = formatOf(address)
  return typeof raw === 'number' && format !== 'f32' && format !== 'f64' ? Math.round(raw) : raw
}
