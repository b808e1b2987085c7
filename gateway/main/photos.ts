import path from 'node:path'
import type { PhotoStore } from '../photos/index.ts'
import type { Basics } from './basics.ts'

/** Null where no page would take or show one: nothing of it is loaded then. */
export async function openPhotos({ site, clock, log, stack }: Basics): Promise<PhotoStore | null> {
  if (!site.console.enabled && !site.decisions.residents.page.enabled) return null
  const { PhotoStore } = await import('../photos/index.ts')
  return stack.use(new PhotoStore({ folder: path.join(site.store.path, 'photos'), config: site.photos, clock, log: log.child({ room: 'photos' }) }))
}
