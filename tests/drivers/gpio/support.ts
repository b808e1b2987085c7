import type { DriverKit, Json } from '../../../gateway/contract/index.ts'
import { gpioSchemas } from '../../../drivers/gpio/schema.ts'
import type { GpioConfig, GpioPoint } from '../../../drivers/gpio/settings.ts'
import { point } from '../../support/points.ts'
import { testKit } from '../../support/sessions.ts'

const common = new Set(['type', 'writable', 'unit', 'scale'])

/** One device `box` with these points, as the site file would give them after its defaults. */
export function gpioConfig(settings: object, points: Readonly<Record<string, Readonly<Record<string, unknown>>>>, id = 'pins'): GpioConfig {
  return {
    id, driver: 'gpio', settings: gpioSchemas.connection.parse(settings) as GpioConfig['settings'],
    devices: [{
      id: 'box', name: { zh: '箱', en: 'box' }, connectionId: id, settings: {},
      points: Object.entries(points).map(([name, keys]) => {
        const address = Object.fromEntries(Object.entries(keys).filter(([key]) => !common.has(key)))
        const ours = Object.fromEntries(Object.entries(keys).filter(([key]) => common.has(key)))
        return point({ id: `box.${name}`, type: keys.count ? 'number' : 'boolean', ...ours, address: gpioSchemas.point.parse(address) }) as GpioPoint
      }),
    }],
  }
}

/** A kit that remembers what it is handed: `remember` stands for the journal, which outlives the session. */
export function rememberingKit(stored = new Map<string, Json>()): { readonly kit: DriverKit; readonly stored: Map<string, Json> } {
  return { stored, kit: { ...testKit(), recall: async (key) => stored.get(key) } }
}
