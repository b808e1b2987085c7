import type { Maintenance } from '../contract/index.ts'
import { systemClock } from '../kit/index.ts'
import { ConfigError } from '../kit/errors.ts'
import { controlClient } from '../control/client.ts'
import { paint, print, printJson, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'
import { span } from './status.ts'

export interface MaintenanceCommand extends SocketOptions { readonly device?: string; readonly place?: string; readonly for?: number; readonly reason?: string; readonly by?: string; readonly json?: boolean }

/** `linli maintenance`: which devices are worked on; their alerts make no sound, and figures leave them out. */
export async function maintenance(action: string, id: string | undefined, options: MaintenanceCommand): Promise<void> {
  const client = controlClient(await socketPath(options))
  if (action === 'list') {
    const entries = await client.maintenance()
    if (options.json) return printJson(entries)
    return print(entries.length === 0 ? paint('green', 'nothing is in maintenance') : table([['ID', 'WHAT', 'ENDS IN', 'BY', 'REASON'], ...entries.map(row)]))
  }
  if (action === 'begin') {
    const { device, place, reason = '', by = '' } = options
    const entry = await client.orderMaintenance({ action, ...(device === undefined ? {} : { device }), ...(place === undefined ? {} : { place }), forMs: options.for ?? 0, reason, by }) as Maintenance
    return options.json ? printJson(entry) : print(`${what(entry)} is in maintenance until ${new Date(entry.until).toLocaleString('sv-SE')}; linli maintenance end ${entry.id} ends it earlier`)
  }
  if (action !== 'end' || id === undefined) throw new ConfigError('MAINTENANCE_USAGE', 'write linli maintenance list, begin --device X --for 2h --reason "…" --by ID, or end ID')
  const { ended } = await client.orderMaintenance({ action, id }) as { ended: boolean }
  if (!ended) process.exitCode = 1
  if (options.json) return printJson({ id, ended })
  print(ended ? 'ended; what is still wrong is told now' : `there is no maintenance ${id}; linli maintenance lists them`)
}

const what = ({ device, place }: Maintenance): string => (device === undefined ? `place ${place}` : `device ${device}`)
const row = (entry: Maintenance): readonly string[] => [entry.id, what(entry), span(Math.max(0, entry.until - systemClock.now())), entry.by, entry.reason]
