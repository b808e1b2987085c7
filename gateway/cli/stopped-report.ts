import path from 'node:path'
import type { Clock, JsonObject } from '../contract/index.ts'
import type { ReportPort } from '../control/report.ts'
import { openEvents } from '../event-log/index.ts'
import { openMinutes } from '../history/index.ts'
import { codeOf, ConfigError, systemClock } from '../kit/index.ts'
import { createReports } from '../main/report.ts'
import type { Site } from './rooms.ts'

/**
 * Reports from the folder of a gateway that does not run, read-only, drawn up by what the running one uses. What went up is taken from the
 * event log, which holds it as long as the rest. `address`: where nobody answered. Throws ConfigError REPORT_NO_DATA.
 */
export async function openStopped(site: Site, address: string, clock: Pick<Clock, 'now'> = systemClock): Promise<ReportPort> {
  const store = site.store.path
  const [events, minutes] = await Promise.all([openEvents(path.join(store, 'events')), openMinutes(path.join(store, 'history'))]).catch((cause: unknown) => {
    throw new ConfigError('REPORT_NO_DATA', `no gateway answers on ${address}, and its folder ${store} cannot be read (${codeOf(cause)}); run this as the user the gateway runs as, or check the disk`, { cause })
  })
  if (!events && !minutes) throw new ConfigError('REPORT_NO_DATA', `no gateway answers on ${address}, and ${store} holds neither events nor history of ${site.site.id}; check store.path in the site file and run this on the gateway's machine, or start it with "linli run"`)
  const eventLog = events ?? { async *read() {} }
  return createReports(site, clock, {
    eventLog, history: site.history.enabled && minutes ? minutes : undefined,
    async told({ name, to }) {
      let found: JsonObject | null = null
      for await (const { data } of eventLog.read(to, Infinity, ['report'])) if (data.month === name) found = data
      return found
    },
  })
}
