import type { Value } from '../../gateway/contract/index.ts'
import { codeOf, DriverError } from '../../gateway/kit/index.ts'
import { maskWriteRequest, readReply, readRequest, writeCoilRequest, writeRegisterRequest, writeRegistersRequest, writeReply } from './pdu.ts'
import type { ModbusPoint } from './plan.ts'
import { widthOf } from './registers.ts'
import type { ModbusAddress } from './settings.ts'
import { decodePoint, encodeRegisters } from './values.ts'

export type Send = (pdu: Buffer) => Promise<Buffer>

/** Writes and reads back. Nothing is sent twice. Throws DriverError POINT_VALUE, WRITE_NOT_CONFIRMED, or what `send` throws. */
export async function writeAndConfirm(point: ModbusPoint, raw: Value, maskWrite: boolean, send: Send): Promise<void> {
  const expected = await writePoint(point.address, raw, maskWrite, send)
  await confirm(point, expected, send)
}

/** Returns what a read-back should give: a boolean, or the registers' bytes. */
async function writePoint(address: ModbusAddress, raw: Value, maskWrite: boolean, send: Send): Promise<boolean | Buffer> {
  const { table, register, bit } = address
  if (table === 'coil' || bit !== undefined) {
    if (typeof raw !== 'boolean' && raw !== 0 && raw !== 1) throw new DriverError('POINT_VALUE', `${JSON.stringify(raw)} is neither on nor off`)
    const on = raw === true || raw === 1
    const request = table === 'coil' ? writeCoilRequest(register, on) : maskWrite ? maskOf(address, bit!, on) : await withBit(address, bit!, on, send)
    writeReply(request, await send(request))
    return on
  }
  const words = encodeRegisters(address, raw)
  const request = words.length === 2 ? writeRegisterRequest(register, words.readUInt16BE(0)) : writeRegistersRequest(register, words)
  writeReply(request, await send(request))
  return words
}

/** On the wire the two bytes of a word may stand the other way round. */
const onWire = (value: number, { byteSwap }: ModbusAddress): number => (byteSwap ? ((value & 0xff) << 8) | (value >> 8) : value)

/** The device itself changes the one bit: nobody can come between a read and a write. */
function maskOf(address: ModbusAddress, bit: number, on: boolean): Buffer {
  return maskWriteRequest(address.register, onWire(0xffff & ~(1 << bit), address), onWire(on ? 1 << bit : 0, address))
}

/** The register as it is, with one bit changed. */
async function withBit(address: ModbusAddress, bit: number, on: boolean, send: Send): Promise<Buffer> {
  const read = readRequest(address.table, address.register, 1)
  const value = onWire(readReply(read, await send(read)).readUInt16BE(0), address)
  return writeRegisterRequest(address.register, onWire(on ? value | (1 << bit) : value & ~(1 << bit), address))
}

async function confirm(point: ModbusPoint, expected: boolean | Buffer, send: Send): Promise<void> {
  const { address } = point
  const read = readRequest(address.table, address.register, widthOf(address))
  // A read may be asked again, other than the write.
  const reply = await send(read).catch((error: unknown) => { if (codeOf(error) === 'MODBUS_FRAME' || codeOf(error) === 'MODBUS_CRC') return send(read); throw error })
  const data = readReply(read, reply)
  const decoded = decodePoint(address, data, address.register)
  const same = typeof expected === 'boolean' ? 'value' in decoded && decoded.value === expected : data.equals(expected)
  if (!same) throw new DriverError('WRITE_NOT_CONFIRMED', `the device took the write but reads back ${'value' in decoded ? JSON.stringify(decoded.value) : decoded.reason}; a local switch or another master may hold it`)
}
