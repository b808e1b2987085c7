import type { ModbusConnection, ModbusDevice } from './settings.ts'

/** MODBUS over Serial Line 1.02 §2.5.1: unit and CRC around the PDU; a request to read is 8 bytes, its answer 5 and the data. */
const readRequestBytes = 8
const readReplyBytes = 5

/** What a serial line's settings mean in milliseconds. */
export interface Wire {
  /** One character: start, data, parity and stop bits. 0 on TCP. */
  readonly charMs: number
  /** The silence between frames: 3.5 characters, 1.75 ms above 19200 baud (§2.5.1.1). */
  readonly silenceMs: number
}

type SerialSettings = Pick<ModbusConnection, 'transport' | 'baudRate' | 'parity' | 'dataBits' | 'stopBits'>

export function wireOf({ transport, baudRate, parity, dataBits, stopBits }: SerialSettings): Wire {
  if (transport === 'tcp') return { charMs: 0, silenceMs: 0 }
  const charMs = (1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits) * 1_000 / baudRate
  return { charMs, silenceMs: baudRate > 19_200 ? 1.75 : 3.5 * charMs }
}

export const dataBytes = (bits: boolean, count: number): number => (bits ? Math.ceil(count / 8) : count * 2)

/** One read from silence to silence, without what the device needs to think. */
export function readMs(wire: Wire, bits: boolean, count: number): number {
  return (readRequestBytes + readReplyBytes + dataBytes(bits, count)) * wire.charMs + 2 * wire.silenceMs
}

/** What Ethernet, a TCP stack and a small controller take for a request, in registers that travel in the same time: measured devices need some ms. */
const tcpGap = 60

/**
 * How many registers nobody asked for are cheaper to read than another request: the hole's wire time against a request's characters,
 * silences and the device's turnaround.
 */
export function gapBudget(wire: Wire, device: Pick<ModbusDevice, 'maxGap' | 'turnaround'>): { readonly registers: number; readonly bits: number } {
  if (device.maxGap !== undefined) return { registers: device.maxGap, bits: device.maxGap }
  if (wire.charMs === 0) return { registers: tcpGap, bits: tcpGap * 16 }
  const registers = Math.min(124, Math.floor((readMs(wire, false, 0) + device.turnaround) / (2 * wire.charMs)))
  return { registers, bits: registers * 16 }
}
