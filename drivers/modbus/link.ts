import { connect, type Socket } from 'node:net'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, describe, DriverError } from '../../gateway/kit/index.ts'
import { closed } from './line.ts'
import type { ModbusConnection } from './settings.ts'

/** Bytes to and from a serial line, wherever its end is: a port of this box, a serial server, a modem that dialled in. */
export interface ByteLink {
  write(bytes: Buffer): void
  /** At most one listener each. `onClose` is called once. */
  onBytes(listener: (bytes: Buffer) => void): void
  onClose(listener: (error: DriverError) => void): void
  close(): Promise<void>
}

/** Throws DriverError MODBUS_PORT. serialport is loaded only here: a site without serial lines does not pay for it. */
export async function openSerial({ path, baudRate, parity, dataBits, stopBits }: Pick<ModbusConnection, 'path' | 'baudRate' | 'parity' | 'dataBits' | 'stopBits'>): Promise<ByteLink> {
  const { SerialPort } = await import('serialport')
  const port = new SerialPort({ path: path!, baudRate, parity, dataBits, stopBits, autoOpen: false, highWaterMark: 4_096 })
  await new Promise<void>((resolve, reject) => port.open((cause) => { if (cause) reject(portError(path!, cause)); else resolve() }))
  let ended = false
  let end: (error: DriverError) => void = () => {}
  const gone = (cause?: unknown): void => { if (!ended) { ended = true; end(closed(`the serial port ${path} is gone${cause ? ` (${describe(cause)})` : ''}; check the adapter's plug`)) } }
  port.on('error', (cause) => { gone(cause); if (port.isOpen) port.close(() => {}) })
  port.on('close', gone)
  return {
    write: (bytes) => { port.write(bytes) },
    onBytes: (listener) => { port.on('data', listener) },
    onClose: (listener) => { end = listener },
    close: () => new Promise((resolve) => { ended = true; if (port.isOpen) port.close(() => resolve()); else resolve() }),
  }
}

/** serialport tells the cause in words only; they are shown, not decided on. */
function portError(path: string, cause: unknown): DriverError {
  return new DriverError('MODBUS_PORT', `serial port ${path} cannot be opened (${describe(cause)}); check the path (ls -l /dev/serial/by-id), that nothing else uses it, and that the gateway's user is in group dialout`, { cause, retriable: true })
}

/** A serial server that passes RTU frames over TCP. Throws DriverError MODBUS_CONNECT_FAILED. */
export async function openSocket({ host, port, connectTimeout }: ModbusConnection, clock: Clock): Promise<ByteLink> {
  const socket = connect({ host: host!, port, noDelay: true, keepAlive: true })
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: unknown, why: string): void => {
      socket.destroy()
      reject(new DriverError('MODBUS_CONNECT_FAILED', `no connection to ${host}:${port} (${why}); check the address, the cable and that the serial server is in TCP server mode`, { cause, retriable: true }))
    }
    const cancel = clock.after(connectTimeout, () => failed(null, `no answer within ${connectTimeout} ms`))
    socket.once('connect', () => { cancel(); resolve() })
    socket.once('error', (error) => { cancel(); failed(error, codeOf(error)) })
  })
  return socketLink(socket, `${host}:${port}`)
}

/** A connected socket as a link. `name` is how errors call it. */
export function socketLink(socket: Socket, name: string): ByteLink {
  let ended = false
  let end: (error: DriverError) => void = () => {}
  const gone = (): void => { if (!ended) { ended = true; end(closed(`${name} closed it`)) } }
  socket.on('error', () => {}).once('end', () => { socket.destroy(); gone() }).once('close', gone)
  return {
    write: (bytes) => { socket.write(bytes) },
    onBytes: (listener) => { socket.on('data', listener) },
    onClose: (listener) => { end = listener; if (socket.destroyed) gone() },
    close: async () => { ended = true; socket.destroy() },
  }
}
