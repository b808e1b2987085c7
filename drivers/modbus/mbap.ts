import { frameError, maxPduBytes } from './pdu.ts'

/** MBAP header: transaction, protocol 0, length, unit (Modbus Messaging on TCP/IP 1.0b §3.1.3). */
export const headerBytes = 7

export function encodeMbap(transaction: number, unit: number, pdu: Buffer): Buffer {
  const out = Buffer.allocUnsafe(headerBytes + pdu.length)
  out.writeUInt16BE(transaction, 0)
  out.writeUInt16BE(0, 2)
  out.writeUInt16BE(pdu.length + 1, 4)
  out[6] = unit
  pdu.copy(out, headerBytes)
  return out
}

export type MbapHandler = (transaction: number, unit: number, pdu: Buffer) => void

const nothing: Buffer = Buffer.alloc(0)

/** Splits a TCP stream into frames, wherever the segments end. */
export class MbapReader {
  #rest = nothing

  /** Throws DriverError MODBUS_FRAME; the stream cannot be trusted after that. `chunk` may be used again afterwards, so a `pdu` is only valid during its call. */
  push(chunk: Buffer, handle: MbapHandler): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= headerBytes) {
      const length = bytes.readUInt16BE(at + 4)
      if (bytes.readUInt16BE(at + 2) !== 0) throw frameError('the protocol id is not 0')
      if (length < 2 || length > maxPduBytes + 1) throw frameError(`a length of ${length} cannot be`)
      const end = at + headerBytes - 1 + length
      if (bytes.length < end) break
      handle(bytes.readUInt16BE(at), bytes[at + 6]!, bytes.subarray(at + headerBytes, end))
      at = end
    }
    this.#rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at))
  }
}
