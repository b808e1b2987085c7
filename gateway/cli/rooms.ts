import { uplinkSchema } from '../../cloud-sync/schema.ts'
import { driverRegistry } from '../../drivers/registry.ts'
import { facilityOf, loadSite, type LoadOptions, type SiteConfig } from '../../firmware-config/site/index.ts'
import { decisionSchemas, reviewDecisions, type Decisions } from '../../rules/site.ts'
import type { z } from 'zod'
import type { Facility } from '../contract/index.ts'

/** Each room's part of the site file, composed in one place; main and cli hand it to firmware-config. */
export const roomSchemas = {
  drivers: Object.fromEntries(Object.values(driverRegistry).map(({ name, schemas }) => [name, schemas])),
  decisions: decisionSchemas,
  uplink: uplinkSchema,
  review: reviewDecisions,
}

export type Site = SiteConfig<Decisions, z.output<typeof uplinkSchema>>

/** Throws SiteError with every problem at once. */
export const readSite = (file: string, options?: LoadOptions): Promise<Site> => loadSite(file, roomSchemas, options) as Promise<Site>

/** The devices and points of a site as decisions see them. */
export const facilityOfSite = (site: Site): Facility => ({ ...facilityOf(site.connections, roomSchemas.drivers, site.site.timezone), places: new Map(Object.entries(site.places)) })
