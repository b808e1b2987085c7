import type { FoundDevice, Place } from '../../../drivers/modbus/scan/events.ts'
import type { ModbusConnection, ModbusDevice } from '../../../drivers/modbus/settings.ts'
import type { PlainObject } from '../../../firmware-config/site/plain.ts'
import { Draft, type Proposal } from './draft.ts'

export const whereOf = (place: Place): string => (place.transport === 'rtu' ? place.path : `${place.host}:${place.port}`)

/** Of Modbus devices alone. Throws SiteError where the site file is wrong, before or after. */
export async function propose(file: string, before: string, found: readonly FoundDevice[]): Promise<Proposal> {
  const draft = await Draft.open(file, before)
  for (const device of found) addModbus(draft, device)
  return draft.proposal()
}

/** Nothing below the least score, nothing with a doubled unit id, nothing that is in the site file already: that is left, with the reason. */
export function addModbus(draft: Draft, device: FoundDevice, key = ''): void {
  const { place, unitId, identified } = device
  const where = whereOf(place)
  const refuse = (why: string): void => { draft.left.push({ key, unitId, where, why }) }
  if (device.duplicate) return refuse('two devices answer to this unit id; change one of them first')
  if (!identified) return refuse(device.candidates[0] ? `not identified; it looks most like ${device.candidates[0].profile} (${device.candidates[0].score} of 100)` : 'not identified')
  const own = draft.site.connections.filter(({ driver }) => driver === 'modbus').find(({ settings }) => isAt(settings as ModbusConnection, place))
  if (own?.devices.some(({ settings }) => (settings as ModbusDevice).unitId === unitId)) return refuse(`is in the site file already, on connection ${own.id}`)
  if (own && !sameSetting(own.settings as ModbusConnection, place)) return refuse(`connection ${own.id} of the site file has this port with another setting; correct it there first`)
  const connection = own?.id ?? draft.connection(where, () => connectionOf(place, draft))
  const { profile, label } = identified
  draft.devices.push({
    id: draft.freshId(`${profile}-${unitId}`), name: { zh: `${label.zh} ${unitId}`, en: `${label.en} ${unitId}` }, connection, profile, unitId,
    ...(device.turnaroundMs > slowMs ? { timeout: `${Math.ceil(device.turnaroundMs / 500) + 1}s` } : {}),
  })
}

/** Slower than this, and the default timeout of a second is no comfort. */
const slowMs = 500

function connectionOf(place: Place, draft: Draft): PlainObject & { readonly id: string } {
  if (place.transport !== 'rtu') return { id: draft.freshId(place.transport === 'tcp' ? `modbus-${place.host}` : 'serial-server'), driver: 'modbus', ...(place.transport === 'tcp' ? {} : { transport: place.transport }), host: place.host, ...(place.port === 502 ? {} : { port: place.port }) }
  const { baudRate, parity, stopBits } = place.setting
  return { id: draft.freshId('bus'), driver: 'modbus', transport: 'rtu', path: place.path, baudRate, ...(parity === 'none' ? {} : { parity }), ...(stopBits === 1 ? {} : { stopBits }) }
}

function isAt({ transport, path, host, port }: ModbusConnection, place: Place): boolean {
  if (transport !== place.transport) return false
  return place.transport === 'rtu' ? path === place.path : host === place.host && port === place.port
}

function sameSetting({ baudRate, parity, stopBits }: ModbusConnection, place: Place): boolean {
  return place.transport !== 'rtu' || (place.setting.baudRate === baudRate && place.setting.parity === parity && place.setting.stopBits === stopBits)
}
