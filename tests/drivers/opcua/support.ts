import { opcuaSchemas, type OpcuaConfig } from '../../../drivers/opcua/schema.ts'
import type { PointConfig } from '../../../gateway/contract/index.ts'
import { point } from '../../support/points.ts'

type Points = Readonly<Record<string, { readonly node?: string; readonly [key: string]: unknown }>>
const common = new Set(['type', 'writable', 'pollMs', 'unit', 'scale'])
export const namespace = 'nsu=urn:linli:peer'

/** A connection as firmware-config would build it. A point without `node` has the peer's node of its own name. */
export function opcuaConfig(endpoint: string, devices: Readonly<Record<string, { readonly points: Points; readonly root?: string }>>, settings: object = {}): OpcuaConfig {
  return {
    id: 'plc', driver: 'opcua', settings: opcuaSchemas.connection.parse({ endpoint, security: 'None', publishingInterval: '50ms', keepAlive: '1s', timeout: '1s', connectTimeout: '5s', sessionTimeout: '6s', ...settings }) as OpcuaConfig['settings'],
    devices: Object.entries(devices).map(([id, { points, ...device }]) => ({
      id, name: { zh: id, en: id }, connectionId: 'plc', settings: opcuaSchemas.device.parse(device) as OpcuaConfig['devices'][number]['settings'],
      points: Object.entries(points).map(([name, keys]) => opcuaPoint(`${id}.${name}`, { node: `${namespace};s=${name}`, ...keys })),
    })),
  }
}

function opcuaPoint(id: string, keys: object): PointConfig<any> {
  const pick = (wanted: boolean): object => Object.fromEntries(Object.entries(keys).filter(([key]) => common.has(key) === wanted))
  return point({ id, pollMs: 50, ...pick(true), address: opcuaSchemas.point.parse(pick(false)) })
}
