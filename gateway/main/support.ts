import type { LogRing } from '../kit/index.ts'
import { createLogs, type LogsPort } from '../support/logs.ts'
import type { Scrubber } from '../support/scrub.ts'
import type { Basics } from './basics.ts'

/** Secrets are read again after so long: a page asks every two seconds. */
const knownForMs = 60_000

export interface SupportOptions extends Pick<Basics, 'site' | 'clock'> { readonly ring: LogRing }

/** What support engineers ask a running gateway for. Loaded when somebody asks. */
export interface Support { readonly logs: LogsPort }

export function openSupport({ site, clock, ring }: SupportOptions): Support {
  let known: { readonly until: number; readonly scrubber: Promise<Scrubber> } | null = null
  const scrubber = (): Promise<Scrubber> => {
    const now = clock.monotonic()
    if (!known || known.until <= now) known = { until: now + knownForMs, scrubber: scrubberOf(site) }
    return known.scrubber
  }
  return { logs: createLogs(ring, scrubber) }
}

async function scrubberOf(site: SupportOptions['site']): Promise<Scrubber> {
  const [{ knownOf }, { createScrubber }] = await Promise.all([import('../support/secrets.ts'), import('../support/scrub.ts')])
  // Whoever may read the log knows the roster.
  return createScrubber({ ...await knownOf(site, []), people: [] })
}
