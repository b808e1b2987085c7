import { uplinkSchema } from '../../cloud-sync/schema.ts'
import { driverSchemas } from '../../drivers/schemas.ts'
import { loadSite, type LoadOptions, type SiteConfig } from '../../firmware-config/site/index.ts'
import { expandLibrary, type Expansions } from '../../rules/library/expand.ts'
import { decisionSchemas, reviewDecisions, type Decisions } from '../../rules/site.ts'
import type { z } from 'zod'

/** Each room's part of the site file, composed in one place; main and cli hand it to firmware-config. */
export const roomSchemas = {
  drivers: driverSchemas,
  decisions: decisionSchemas,
  uplink: uplinkSchema,
  review: reviewDecisions,
}

/** All that a gateway takes from its site file: plain data, so that it can be kept (checked-site.ts). */
export type Site = SiteConfig<Decisions, z.output<typeof uplinkSchema>> & { readonly library: Expansions }

/** Throws SiteError with every problem at once. */
export async function readSite(file: string, options?: LoadOptions): Promise<Site> {
  const site = await loadSite(file, roomSchemas, options) as SiteConfig<Decisions, z.output<typeof uplinkSchema>>
  return Object.freeze({ ...site, library: expandLibrary(site.decisions.rules, site.facility) })
}
