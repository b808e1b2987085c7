import type { Facility, JsonObject, KioskView, Occurrence, Rule } from '../../gateway/contract/index.ts'
import type { HoursParts } from '../hours.ts'
import { openCatalogue } from './catalogue.ts'
import { createKiosk } from './kiosk.ts'
import { createResidents } from './residents.ts'
import type { KioskConfig, ResidentsConfig, ServicesConfig } from './schema.ts'


export interface Kiosks {
  readonly rules: readonly Rule[]
  /** Fields that an occurrence of a terminal gets before it is stored: which kiosk, what the item is called. */
  enrich(occurrence: Occurrence): JsonObject
  views(now: number): readonly KioskView[]
}

export interface KioskDecisions extends Omit<HoursParts, 'timezone'> { readonly kiosks: readonly KioskConfig[]; readonly services: ServicesConfig; readonly residents: ResidentsConfig }

/** Throws ConfigError SERVICES_INVALID when the file of services cannot be read any more. */
export function createKiosks({ kiosks: configs, services, residents, ...plans }: KioskDecisions, { devices, timezone, places: named }: Pick<Facility, 'devices' | 'timezone' | 'places'>): Kiosks {
  const catalogue = openCatalogue(services)
  const kiosks = configs.map((config) => createKiosk(config, { ...plans, timezone, services: catalogue }))
  const byDevice = new Map(configs.map((config, index) => [config.device[0]!, { config, kiosk: kiosks[index]! }]))
  const places = new Map([...devices].map(([id, { name, place }]) => {
    const config = byDevice.get(id)?.config
    const where = config?.place ?? place
    return [id, { name: config?.name ?? name, ...(where === undefined ? {} : { place: where }), ...(config ? { kiosk: config.id } : {}) }] as const
  }))
  return {
    rules: [...kiosks, createResidents(residents, { devices: places, ...(named ? { places: named } : {}) })],
    enrich: (occurrence) => byDevice.get(occurrence.deviceId)?.kiosk.enrich(occurrence) ?? {},
    views: (now) => kiosks.map((kiosk) => kiosk.view(now)),
  }
}
