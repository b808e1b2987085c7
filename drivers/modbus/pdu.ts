import { DriverError } from '../../gateway/kit/index.ts'
import type { ModbusAddress } from './settings.ts'

/** Largest protocol data unit: function code and data (Application Protocol 1.1b3 §4.1). */
export const maxPduBytes = 253

export const readFunctions = { coil: 1, discrete: 2, holding: 3, input: 4 } as const satisfies Record<ModbusAddress['table'], number>
const functions = { writeCoil: 5, writeRegister: 6, writeCoils: 15, writeRegisters: 16, reportServerId: 17, maskWrite: 22, readWrite: 23, encapsulated: 43 } as const
/** MEI type of read device identification (§6.21). */
const identificationType = 14

/** What came in cannot be the answer to this request. */
export const frameError = (why: string): DriverError => new DriverError('MODBUS_FRAME', `the answer makes no sense: ${why}`, { retriable: true })

function words(code: number, ...values: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(1 + values.length * 2)
  out[0] = code
  values.forEach((value, index) => out.writeUInt16BE(value, 1 + index * 2))
  return out
}

export const readRequest = (table: ModbusAddress['table'], start: number, count: number): Buffer => words(readFunctions[table], start, count)
/** §6.5: 0xFF00 on, 0x0000 off. */
export const writeCoilRequest = (register: number, on: boolean): Buffer => words(functions.writeCoil, register, on ? 0xff00 : 0)
export const writeRegisterRequest = (register: number, value: number): Buffer => words(functions.writeRegister, register, value)
export const writeRegistersRequest = (register: number, data: Buffer): Buffer =>
  Buffer.concat([words(functions.writeRegisters, register, data.length / 2), Buffer.of(data.length), data])
export const writeCoilsRequest = (register: number, values: readonly boolean[]): Buffer => {
  const data = packBits(values)
  return Buffer.concat([words(functions.writeCoils, register, values.length), Buffer.of(data.length), data])
}
/** §6.16: result = (present AND `and`) OR (`or` AND NOT `and`). */
export const maskWriteRequest = (register: number, and: number, or: number): Buffer => words(functions.maskWrite, register, and, or)
/** §6.17: the write goes before the read. */
export const readWriteRequest = (start: number, count: number, register: number, data: Buffer): Buffer =>
  Buffer.concat([words(functions.readWrite, start, count, register, data.length / 2), Buffer.of(data.length), data])
/** Basic (1), regular (2) or extended (3) identification from `objectId` on. */
export const identifyRequest = (category: 1 | 2 | 3, objectId: number): Buffer => Buffer.of(functions.encapsulated, identificationType, category, objectId)

/** §6.13. */
export const serverIdRequest = (): Buffer => Buffer.of(functions.reportServerId)

export function packBits(values: ArrayLike<boolean | number>): Buffer {
  const out = Buffer.alloc(Math.ceil(values.length / 8))
  for (let index = 0; index < values.length; index++) if (values[index]) out[index >> 3]! |= 1 << (index & 7)
  return out
}

/**
 * How long the answer to `request` is, from its first bytes: -1 when it cannot be one, 0 when more bytes are needed to know. Serial
 * frames carry no length of their own, so this is what finds their end. `reply` begins with the function code.
 */
export function replyLength(request: Buffer, reply: Buffer): number {
  if (reply.length === 0) return 0
  const code = request[0]!
  if (reply[0] === (code | 0x80)) return 2
  if (reply[0] !== code) return -1
  if (code <= 4 || code === functions.readWrite) {
    if (reply.length < 2) return 0
    const expected = dataLength(request)
    return reply[1] === expected ? 2 + expected : -1
  }
  if (code === functions.reportServerId) return reply.length < 2 ? 0 : 2 + reply[1]!
  if (code === functions.maskWrite) return 7
  return code === functions.encapsulated ? identificationLength(reply) : 5
}

function dataLength(request: Buffer): number {
  const count = request.readUInt16BE(3)
  return request[0]! <= 2 ? Math.ceil(count / 8) : count * 2
}

function identificationLength(reply: Buffer): number {
  if (reply.length < 7) return 0
  let at = 7
  for (let objects = reply[6]!; objects > 0; objects--) {
    if (reply.length < at + 2) return 0
    at += 2 + reply[at + 1]!
  }
  return at > maxPduBytes ? -1 : at
}

/** The data of a read's answer (also function 23). Throws DriverError: an exception's code, or MODBUS_FRAME when it is not the answer to this request. */
export function readReply(request: Buffer, reply: Buffer): Buffer {
  checkFunction(request, reply)
  const expected = dataLength(request)
  if (reply[1] !== expected || reply.length !== 2 + expected) throw frameError(`it carries ${reply.length - 2} bytes and says ${reply[1] ?? 'nothing'}; ${expected} were asked for`)
  return reply.subarray(2)
}

/** A write is answered with its own first bytes. Throws as {@link readReply}. */
export function writeReply(request: Buffer, reply: Buffer): void {
  checkFunction(request, reply)
  const echo = request.subarray(0, request[0] === functions.maskWrite ? 7 : 5)
  if (!reply.equals(echo)) throw frameError('it does not repeat what was written')
}

export interface Identification { readonly objects: ReadonlyMap<number, string>; /** Ask again from here; null when that was all. */ readonly next: number | null }

/** §6.21. Texts are trimmed; what is no printable ASCII becomes `?`. Throws as {@link readReply}. */
export function identifyReply(request: Buffer, reply: Buffer): Identification {
  checkFunction(request, reply)
  if (replyLength(request, reply) !== reply.length || reply[1] !== identificationType) throw frameError('it is no device identification')
  const objects = new Map<number, string>()
  let at = 7
  for (let left = reply[6]!; left > 0; left--) {
    const length = reply[at + 1]!
    objects.set(reply[at]!, reply.toString('latin1', at + 2, at + 2 + length).replace(/[^\x20-\x7e]/g, '?').trim())
    at += 2 + length
  }
  return { objects, next: reply[4] === 0xff && reply[5]! > request[3]! ? reply[5]! : null }
}

/** §6.13: what the maker put there; a text mostly. Throws as {@link readReply}. */
export function serverIdReply(request: Buffer, reply: Buffer): Buffer {
  checkFunction(request, reply)
  if (replyLength(request, reply) !== reply.length) throw frameError('it is no server id')
  return reply.subarray(2)
}

function checkFunction(request: Buffer, reply: Buffer): void {
  if (reply.length >= 2 && reply[0] === (request[0]! | 0x80)) throw exceptionError(reply[1]!)
  if (reply.length < 2 || reply[0] !== request[0]) throw frameError(`it answers function ${reply[0] ?? 'none'}; ${request[0]} was asked for`)
}

/** Application Protocol 1.1b3 §7. */
const exceptions: Readonly<Record<number, readonly [code: string, meaning: string]>> = {
  1: ['MODBUS_ILLEGAL_FUNCTION', 'it does not know this function'],
  2: ['MODBUS_ILLEGAL_ADDRESS', 'it has no such register; check the profile against the manual, addresses count from 0'],
  3: ['MODBUS_ILLEGAL_VALUE', 'it does not take this value or count'],
  4: ['MODBUS_DEVICE_FAILURE', 'it failed while doing it'],
  5: ['MODBUS_ACKNOWLEDGE', 'it needs longer'],
  6: ['MODBUS_DEVICE_BUSY', 'it is busy'],
  7: ['MODBUS_NEGATIVE_ACKNOWLEDGE', 'it cannot do that'],
  8: ['MODBUS_MEMORY_PARITY', 'its memory is damaged'],
  10: ['MODBUS_GATEWAY_PATH', 'the Modbus gateway has no road to it'],
  11: ['MODBUS_GATEWAY_TARGET', 'the Modbus gateway says it does not answer; check its power, wiring and unit id'],
}

function exceptionError(exception: number): DriverError {
  const [code, meaning] = exceptions[exception] ?? ['MODBUS_EXCEPTION', `it answers with exception ${exception}`]
  return new DriverError(code, meaning, { values: { exception }, retriable: true })
}
