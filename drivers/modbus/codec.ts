import { DriverError } from '../../gateway/kit/index.ts'
import type { ModbusAddress } from './schema.ts'

/** MBAP header: transaction, protocol 0, length, unit (Modbus Messaging on TCP/IP 1.0b §3.1.3). */
const headerBytes = 7
const maxPduBytes = 253

export const readFunctions = { coil: 1, discrete: 2, holding: 3, input: 4 } as const satisfies Record<ModbusAddress['table'], number>
export const writeFunctions = { coil: 5, register: 6, coils: 15, registers: 16 } as const

export interface Frame { readonly transaction: number; readonly unit: number; readonly pdu: Buffer }

export function encodeFrame({ transaction, unit, pdu }: Frame): Buffer {
  const out = Buffer.allocUnsafe(headerBytes + pdu.length)
  out.writeUInt16BE(transaction, 0)
  out.writeUInt16BE(0, 2)
  out.writeUInt16BE(pdu.length + 1, 4)
  out[6] = unit
  pdu.copy(out, headerBytes)
  return out
}

/** Splits a byte stream into frames. Throws DriverError MODBUS_FRAME; the stream cannot be trusted after that. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const frames: Frame[] = []
    while (this.#rest.length >= headerBytes) {
      const length = this.#rest.readUInt16BE(4)
      if (this.#rest.readUInt16BE(2) !== 0) throw frameError('the protocol id is not 0')
      if (length < 2 || length > maxPduBytes + 1) throw frameError(`a length of ${length} cannot be`)
      if (this.#rest.length < headerBytes - 1 + length) break
      frames.push({ transaction: this.#rest.readUInt16BE(0), unit: this.#rest[6]!, pdu: this.#rest.subarray(headerBytes, headerBytes - 1 + length) })
      this.#rest = this.#rest.subarray(headerBytes - 1 + length)
    }
    return frames
  }
}

const frameError = (why: string): DriverError => new DriverError('MODBUS_FRAME', `the answer is not a Modbus TCP frame: ${why}`, { retriable: true })

function pdu(code: number, first: number, second: number, extra: Buffer = Buffer.alloc(0)): Buffer {
  const out = Buffer.allocUnsafe(5 + extra.length)
  out[0] = code
  out.writeUInt16BE(first, 1)
  out.writeUInt16BE(second, 3)
  extra.copy(out, 5)
  return out
}

export const readRequest = (table: ModbusAddress['table'], start: number, count: number): Buffer => pdu(readFunctions[table], start, count)
/** Application Protocol 1.1b3 §6.5: 0xFF00 on, 0x0000 off. */
export const writeCoilRequest = (register: number, on: boolean): Buffer => pdu(writeFunctions.coil, register, on ? 0xff00 : 0)
export const writeRegisterRequest = (register: number, value: number): Buffer => pdu(writeFunctions.register, register, value)
export const writeRegistersRequest = (register: number, words: Buffer): Buffer =>
  pdu(writeFunctions.registers, register, words.length / 2, Buffer.concat([Buffer.of(words.length), words]))

/** The data of a read's answer. Throws DriverError: an exception's code, or MODBUS_FRAME when it is not the answer to this request. */
export function readReply(request: Buffer, reply: Buffer): Buffer {
  checkFunction(request, reply)
  const count = request.readUInt16BE(3)
  const expected = request[0]! <= 2 ? Math.ceil(count / 8) : count * 2
  if (reply[1] !== expected || reply.length !== 2 + expected) throw frameError(`it carries ${reply.length - 2} bytes and says ${reply[1]}; ${expected} were asked for`)
  return reply.subarray(2)
}

/** A write is answered with its own first five bytes. Throws as {@link readReply}. */
export function writeReply(request: Buffer, reply: Buffer): void {
  checkFunction(request, reply)
  if (reply.length !== 5 || !reply.equals(request.subarray(0, 5))) throw frameError('it does not repeat what was written')
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
