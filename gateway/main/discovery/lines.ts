import { lookup } from 'node:dns/promises'
import { readdir, realpath } from 'node:fs/promises'
import path from 'node:path'
import { openSerial, openSocket } from '../../../drivers/modbus/link.ts'
import type { Place, ScanEvent, SerialSetting } from '../../../drivers/modbus/scan/events.ts'
import { SerialScanLine, type ScanLine } from '../../../drivers/modbus/scan/scan-line.ts'
import { TcpScanLine } from '../../../drivers/modbus/scan/tcp-scan-line.ts'
import { commonSettings, scanRtu } from '../../../drivers/modbus/scan/rtu-scan.ts'
import { targetsOf, type Target } from '../../../drivers/modbus/scan/tcp-range.ts'
import { scanTcp } from '../../../drivers/modbus/scan/tcp-scan.ts'
import type { ScanProfile } from '../../../drivers/modbus/scan/fingerprint.ts'
import { connection as connectionSchema, type ModbusConnection } from '../../../drivers/modbus/settings.ts'
import { wireOf } from '../../../drivers/modbus/wire.ts'
import { ConfigError, systemClock as clock } from '../../kit/index.ts'

/** What to look through; the same for the command line and the page. */
export interface ScanRequest {
  /** `rtu`: a serial port, or HOST:PORT of a serial server. `tcp`: addresses. */
  readonly kind: 'rtu' | 'tcp'
  readonly target: string
  readonly units: { readonly first: number; readonly last: number }
  readonly timeoutMs?: number | undefined
  /** Only of `rtu`; default: what is common. */
  readonly settings?: readonly SerialSetting[] | undefined
  readonly everySetting?: boolean | undefined
  readonly despiteMaster?: boolean | undefined
  readonly anyNetwork?: boolean | undefined
  /** Addresses that the running gateway polls: they are left alone, and told. */
  readonly users?: readonly { readonly id: string; readonly host: string; readonly port: number }[] | undefined
}

const connectMs = 1_500
/** Sensors answer within 50 ms, meters within 100; who is later is found all the same, by its late answer. */
const usualTimeoutMs = { rtu: 120, tcp: 500 } as const
/** For reading what was found: nobody waits for silence there. */
export const patientMs = 1_000

/** A device that was found, and the line it was found on, opened again. Throws DriverError MODBUS_PORT or MODBUS_CONNECT_FAILED. */
export async function openPlace(place: Place): Promise<ScanLine> {
  if (place.transport === 'tcp') return TcpScanLine.open(place.host, place.port, connectMs, clock)
  if (place.transport === 'rtu') return new SerialScanLine(await openSerial({ path: place.path, dataBits: 8, ...place.setting }), wireOf({ transport: 'rtu', dataBits: 8, ...place.setting }), clock)
  const settings = connectionSchema.parse({ transport: 'rtu-over-tcp', host: place.host, port: place.port, connectTimeout: connectMs }) as ModbusConnection
  // Behind a serial server the silences are its business; its packets come with the network's delay.
  return new SerialScanLine(await openSocket(settings, clock), { charMs: 0, silenceMs: 5 }, clock)
}

/** Reads only. Throws DriverError SCAN_RANGE, SCAN_OTHER_MASTER, MODBUS_PORT, MODBUS_CONNECT_FAILED, MODBUS_CLOSED. */
export async function* scanModbus(request: ScanRequest, library: readonly ScanProfile[], signal: AbortSignal): AsyncGenerator<ScanEvent> {
  const { kind, target, units, timeoutMs = usualTimeoutMs[kind] } = request
  if (kind === 'tcp') {
    const all = await targetsOf(target, { anyNetwork: request.anyNetwork === true, resolve: addressesOf })
    const used = all.flatMap((each) => { const user = userOf(each, request); return user ? [{ ...each, user: user.id }] : [] })
    for (const { host, port, user } of used) yield { kind: 'warning', code: 'SCAN_LINE_IN_USE', text: `${host}:${port} is connection ${user} of the running gateway; it was left alone` }
    const targets = all.filter((each) => !used.some(({ address, port }) => address === each.address && port === each.port))
    yield* scanTcp({ targets, units, timeoutMs, connectMs, library, clock }, signal)
    return
  }
  // 0 is the broadcast, and 248 and more are reserved (Serial Line 1.02 §2.2).
  const serialUnits = { first: Math.max(1, units.first), last: Math.min(247, units.last) }
  const [server] = target.startsWith('/') ? [] : await targetsOf(target, { anyNetwork: request.anyNetwork === true, resolve: addressesOf })
  const user = server && userOf(server, request)
  if (user) throw new ConfigError('SCAN_LINE_IN_USE', `${target} is connection ${user.id} of the running gateway, which polls it; a search would disturb it: stop the gateway and use linli scan`)
  const file = server ? '' : await lastingName(target)
  const placeOf = (setting: SerialSetting): Place => (server ? { transport: 'rtu-over-tcp', host: server.host, port: server.port } : { transport: 'rtu', path: file, setting })
  yield* scanRtu({
    units: serialUnits, library, clock, placeOf,
    // The serial server has its own setting: there is nothing to try.
    settings: server ? commonSettings.slice(0, 1) : request.settings ?? commonSettings, timeoutMs: server ? Math.max(timeoutMs, 250) : timeoutMs,
    everySetting: request.everySetting === true, despiteMaster: request.despiteMaster === true,
    baudOf: ({ baudRate }) => (server ? null : baudRate), open: (setting) => openPlace(placeOf(setting)),
  }, signal)
}

const userOf = ({ host, address, port }: Target, { users }: ScanRequest) => users?.find((each) => each.port === port && (each.host === address || each.host === host))

const addressesOf = async (name: string): Promise<readonly string[]> => (await lookup(name, { all: true, family: 4 })).map(({ address }) => address)

const lasting = '/dev/serial/by-id'

/** `/dev/serial/by-id/…` of a port, which survives renumbering; the port itself where it has none. */
export async function lastingName(port: string): Promise<string> {
  if (!port.startsWith('/dev/') || port.startsWith('/dev/serial/')) return port
  const real = await realpath(port).catch(() => port)
  for (const name of await readdir(lasting).catch(() => [])) if (await realpath(path.join(lasting, name)).catch(() => '') === real) return path.join(lasting, name)
  return port
}
