import type { FoundDevice, Place } from '../../../drivers/modbus/scan/events.ts'
import type { ModbusConnection, ModbusDevice } from '../../../drivers/modbus/settings.ts'
import { addEntries } from '../../../firmware-config/points-csv/index.ts'
import { readSite } from '../../cli/rooms.ts'

type Written = Readonly<Record<string, string | number | Readonly<Record<string, string>>>>

/** What of a scan goes into a site file, and why the rest does not. */
export interface Proposal {
  readonly file: string
  /** The site file as it was read, and as it would be. */
  readonly before: string
  readonly text: string
  readonly connections: readonly Written[]
  readonly devices: readonly Written[]
  readonly left: readonly { readonly unitId: number; readonly where: string; readonly why: string }[]
}

export const whereOf = (place: Place): string => (place.transport === 'rtu' ? place.path : `${place.host}:${place.port}`)

/**
 * Entries for the identified devices: nothing below the least score, nothing with a doubled unit id, nothing that is in the site file
 * already. Throws SiteError where the site file is wrong, before or after.
 */
export async function propose(file: string, before: string, found: readonly FoundDevice[]): Promise<Proposal> {
  const site = await readSite(file, { text: before })
  const ids = new Set([...site.connections.map(({ id }) => id), ...site.connections.flatMap(({ devices }) => devices.map(({ id }) => id))])
  const connections: Written[] = []
  const devices: Written[] = []
  const left: { unitId: number; where: string; why: string }[] = []
  const chosen = new Map<string, string | null>()
  for (const device of found) {
    const where = whereOf(device.place)
    const refuse = (why: string): void => { left.push({ unitId: device.unitId, where, why }) }
    if (device.duplicate) { refuse('two devices answer to this unit id; change one of them first'); continue }
    if (!device.identified) { refuse(device.candidates[0] ? `not identified; it looks most like ${device.candidates[0].profile} (${device.candidates[0].score} of 100)` : 'not identified'); continue }
    const own = site.connections.filter(({ driver }) => driver === 'modbus').find(({ settings }) => isAt(settings as ModbusConnection, device.place))
    if (own?.devices.some(({ settings }) => (settings as ModbusDevice).unitId === device.unitId)) { refuse(`is in the site file already, on connection ${own.id}`); continue }
    if (own && !sameSetting(own.settings as ModbusConnection, device.place)) { refuse(`connection ${own.id} of the site file has this port with another setting; correct it there first`); continue }
    if (!chosen.has(where)) {
      const entry = own ? null : connectionOf(device.place, ids)
      if (entry) connections.push(entry)
      chosen.set(where, own?.id ?? String(entry!.id))
    }
    const { profile, label } = device.identified
    const id = freshId(`${profile}-${device.unitId}`, ids)
    devices.push({ id, name: { zh: `${label.zh} ${device.unitId}`, en: `${label.en} ${device.unitId}` }, connection: chosen.get(where)!, profile, unitId: device.unitId, ...(device.turnaroundMs > slowMs ? { timeout: `${Math.ceil(device.turnaroundMs / 500) + 1}s` } : {}) })
  }
  const text = addEntries(before, { connections, devices })
  if (devices.length > 0) await readSite(file, { text })
  return { file, before, text, connections, devices, left }
}

/** Slower than this, and the default timeout of a second is no comfort. */
const slowMs = 500

function connectionOf(place: Place, ids: Set<string>): Written {
  if (place.transport !== 'rtu') return { id: freshId(place.transport === 'tcp' ? `modbus-${place.host.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}` : 'serial-server', ids), driver: 'modbus', ...(place.transport === 'tcp' ? {} : { transport: place.transport }), host: place.host, ...(place.port === 502 ? {} : { port: place.port }) }
  const { baudRate, parity, stopBits } = place.setting
  return { id: freshId('bus', ids), driver: 'modbus', transport: 'rtu', path: place.path, baudRate, ...(parity === 'none' ? {} : { parity }), ...(stopBits === 1 ? {} : { stopBits }) }
}

function freshId(wanted: string, ids: Set<string>): string {
  const base = wanted.slice(0, 40)
  let id = base
  for (let n = 2; ids.has(id); n++) id = `${base}-${n}`
  ids.add(id)
  return id
}

function isAt({ transport, path, host, port }: ModbusConnection, place: Place): boolean {
  if (transport !== place.transport) return false
  return place.transport === 'rtu' ? path === place.path : host === place.host && port === place.port
}

function sameSetting({ baudRate, parity, stopBits }: ModbusConnection, place: Place): boolean {
  return place.transport !== 'rtu' || (place.setting.baudRate === baudRate && place.setting.parity === parity && place.setting.stopBits === stopBits)
}

/** Lines that are new, for a person to look at. */
export function addedLines({ before, text }: Pick<Proposal, 'before' | 'text'>): readonly string[] {
  const rest = Map.groupBy(before.split(/\r?\n/), (line) => line)
  return text.split(/\r?\n/).filter((line) => { const same = rest.get(line); if (!same || same.length === 0) return line.trim() !== ''; same.pop(); return false })
}
