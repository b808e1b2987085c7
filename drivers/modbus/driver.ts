import type { Clock, Driver, DriverKit } from '../../gateway/contract/index.ts'
import { openDtu, packetBytes } from './dtu.ts'
import type { Line } from './line.ts'
import { openSerial, openSocket, type ByteLink } from './link.ts'
import { RtuLine } from './rtu-line.ts'
import { ModbusSession, named } from './session.ts'
import type { ModbusAddress, ModbusConnection, ModbusDevice } from './settings.ts'
import { TcpLine } from './tcp-line.ts'
import { wireOf } from './wire.ts'

/** Modbus on every wire: TCP, a serial port, RTU through a serial server, and modems that dial in. */
export const modbusDriver: Driver<ModbusConnection, ModbusDevice, ModbusAddress> = {
  name: 'modbus',
  async connect(config, kit, signal) {
    const settleMs = Math.max(0, ...config.devices.map(({ settings }) => Math.max(settings.timeout ?? config.settings.timeout, settings.worstLatency ?? 0)))
    const line = openLine(config.settings, settleMs, kit, signal)
    const aborted = (): void => { void line[Symbol.asyncDispose]() }
    signal.addEventListener('abort', aborted, { once: true })
    try {
      await line.open()
    } catch (error) {
      await line[Symbol.asyncDispose]()
      throw named(error, `connection ${config.id}`)
    } finally {
      signal.removeEventListener('abort', aborted)
    }
    return new ModbusSession(config, kit, line)
  },
}

/** The line a connection's settings describe; not yet open. */
export function openLine(settings: ModbusConnection, settleMs: number, { clock, log }: Pick<DriverKit, 'clock' | 'log'>, signal: AbortSignal): Line {
  if (settings.transport === 'tcp') return new TcpLine({ host: settings.host!, port: settings.port, connectTimeout: settings.connectTimeout, pauseAfterConnect: settings.pauseAfterConnect, clock })
  // Behind a serial server or a modem the silences are its business; here the bytes come in packets.
  const wire = settings.transport === 'rtu' ? wireOf(settings) : { charMs: 0, silenceMs: 0 }
  const texts = [settings.heartbeat, settings.registration].filter((text) => text !== undefined).map(packetBytes)
  return new RtuLine({ wire, texts, settleMs, pauseAfterConnect: settings.pauseAfterConnect, clock, open: () => openLink(settings, clock, log, signal) })
}

function openLink(settings: ModbusConnection, clock: Clock, log: DriverKit['log'], signal: AbortSignal): Promise<ByteLink> {
  if (settings.transport === 'rtu') return openSerial(settings)
  if (settings.transport === 'rtu-over-tcp') return openSocket(settings, clock)
  return openDtu({ listen: settings.listen!, registration: packetBytes(settings.registration!), withinMs: Math.max(settings.connectTimeout, 60_000), clock, log, signal })
}
