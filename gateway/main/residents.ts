import path from 'node:path'
import type { AlertDesk, GatewayConditions, Occurrence } from '../contract/index.ts'
import { codeOf, ConfigError, describe, StoreError } from '../kit/index.ts'
import type { PhotoStore } from '../photos/index.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Basics } from './basics.ts'

export interface ResidentsOptions extends Basics {
  readonly pipeline: Pick<Pipeline, 'accept'>
  readonly desk: Pick<AlertDesk, 'open' | 'closed'>
  readonly photos: PhotoStore | null
  readonly conditions: GatewayConditions
}

const failing = { key: 'residents/failing', severity: 4, title: { zh: '居民评价页面无法打开', en: "the residents' page cannot be opened" } } as const
const patienceMs = 10_000

/** Nothing of it is loaded where the site file does not turn it on. One that cannot be opened is an alert; the building goes on. */
export async function openResidents({ site, clock, log: root, stack, pipeline, desk, photos, conditions }: ResidentsOptions): Promise<void> {
  const { residents: { page: config }, kiosks } = site.decisions
  if (!config.enabled || !photos) return
  const log = root.child({ room: 'residents' })
  const accept = (occurrence: Occurrence): Promise<void> => new Promise((resolve, reject) => {
    // It is with the gateway then, and may still be stored: the page sends the same again, and it counts once.
    const cancel = clock.after(patienceMs, () => reject(new ConfigError('RESIDENTS_BUSY', 'the gateway cannot store it at the moment; send it again', { retriable: true })))
    pipeline.accept('residents', { samples: [], occurrences: [occurrence], settled: (outcome) => {
      cancel()
      if (outcome === 'stored') resolve(); else reject(new StoreError('RESIDENTS_BUSY', 'the gateway cannot store it at the moment; send it again', { retriable: true }))
    } })
  })
  try {
    const { serveResidents } = await import('../residents/index.ts')
    stack.use(await serveResidents({ config, folder: path.join(site.store.path, 'residents'), site: site.site.name, kiosks, places: site.places, clock, log, desk, photos, accept }))
    conditions.clear(failing.key)
  } catch (error) {
    log.error({ code: codeOf(error) }, describe(error))
    conditions.raise({ ...failing, data: { code: codeOf(error) } })
  }
}
