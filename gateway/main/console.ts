import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GatewayConditions, PointId } from '../contract/index.ts'
import type { Console, ConsoleParts } from '../console/index.ts'
import { codeOf, describe } from '../kit/index.ts'
import type { PhotoStore } from '../photos/index.ts'
import { version } from '../version.ts'
import type { Basics } from './basics.ts'
import type { Lines } from './discovery/mqtt-bus.ts'
import type { Store } from './store.ts'

const pages = fileURLToPath(new URL('../console/web-dist', import.meta.url))

type Lent = Pick<ConsoleParts, 'status' | 'live' | 'feed' | 'alerts' | 'facility' | 'modes' | 'writer' | 'history' | 'eventLog' | 'reports' | 'support' | 'changes' | 'checkpointAt'>
export interface ConsoleOptions extends Basics, Lent { readonly store: Store; readonly conditions: GatewayConditions; readonly photos: PhotoStore | null; readonly lines: Lines }

const failing = { key: 'console/failing', severity: 3, title: { zh: '值守页面无法打开', en: 'the console cannot be opened' } } as const

/** Null where the site file does not turn it on: nothing of it is loaded then. One that cannot be opened is an alert; the building goes on. */
export async function openConsole({ site, clock, log: root, stack, store: { journal, holding }, conditions, photos, lines, ...lent }: ConsoleOptions): Promise<Console | null> {
  if (!site.console.enabled || !photos) return null
  const log = root.child({ room: 'console' })
  const { people, doors } = site.decisions
  try {
    const [{ serveConsole }, { commissioningPort }, { discoveryDesk }] = await Promise.all([import('../console/index.ts'), import('./commissioning.ts'), import('./discovery/desk.ts')])
    const discovery = discoveryDesk({ site, lines, changes: lent.changes, clock })
    stack.defer(() => discovery.close())
    const commissioning = stack.use(await commissioningPort({ site, clock, log: root.child({ room: 'commission' }), ...lent }))
    const served = stack.use(await serveConsole({
      ...lent, photos, discovery, commissioning, conditions, residents: site.decisions.residents.page, clock, log, version, pages, config: site.console, folder: path.join(site.store.path, 'console'), deadLetters: journal.deadLetters,
      site: { id: site.site.id, name: site.site.name, timezone: site.site.timezone, region: site.site.region }, places: site.places,
      people: people.map(({ id, name, role }) => ({ id, name, role })), connections: site.connections,
      locks: new Map<string, PointId>(doors.flatMap(({ id, lock }) => (lock ? [[id, lock.point] as const] : []))),
      unready: () => (holding ? ['STORE_UNUSABLE'] : []),
    }))
    conditions.clear(failing.key)
    return served
  } catch (error) {
    log.error({ code: codeOf(error) }, describe(error))
    conditions.raise({ ...failing, data: { code: codeOf(error) } })
    return null
  }
}
