import { isDeepStrictEqual } from 'node:util'
import type { ConnectionConfig, DeviceConfig, PointConfig } from '../../gateway/contract/index.ts'

/**
 * Ids of connections whose drivers would be told the same again: their sessions go on. What only the gateway looks at (names, places,
 * deadbands, who may write) may change around them; what makes a value of what was read may not, for a session tells changes alone.
 */
export function keptConnections(before: readonly ConnectionConfig[], after: readonly ConnectionConfig[]): readonly string[] {
  const old = new Map(before.map((connection) => [connection.id, connection]))
  return after.filter((connection) => { const other = old.get(connection.id); return other !== undefined && isDeepStrictEqual(toDriver(other), toDriver(connection)) }).map(({ id }) => id)
}

const byId = <T extends { readonly id: string }>(entries: readonly T[]): T[] => entries.toSorted((a, b) => (a.id < b.id ? -1 : 1))

const toDriver = ({ id, driver, settings, devices }: ConnectionConfig): object => ({ id, driver, settings, devices: byId(devices).map(device) })
const device = ({ id, settings, points }: DeviceConfig): object => ({ id, settings, points: byId(points).map(point) })
function point({ name: _name, deadband: _deadband, cityWrite: _cityWrite, effect: _effect, urgent: _urgent, ...rest }: PointConfig): object { return rest }
