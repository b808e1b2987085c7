import { access } from 'node:fs/promises'
import path from 'node:path'
import type { EventLog } from '../contract/index.ts'
import type { LogRing } from '../kit/index.ts'
import type { LiveValues } from '../live.ts'
import type { GatewayStatus } from '../status.ts'
import { BundleJob, type MakeBundle } from '../support/bundle-job.ts'
import type { CheckUp } from '../support/findings.ts'
import { createLogs, type LogsPort } from '../support/logs.ts'
import type { Scrubber } from '../support/scrub.ts'
import { version } from '../version.ts'
import type { Basics } from './basics.ts'
import { fileHash } from './file-hash.ts'

/** Secrets are read again after so long: a page asks every two seconds. */
const knownForMs = 60_000

export interface SupportOptions extends Pick<Basics, 'site' | 'clock' | 'stack'> { readonly ring: LogRing; readonly eventLog: Pick<EventLog, 'read'>; readonly live: Pick<LiveValues, 'read'>; status(): GatewayStatus }

/** What support engineers ask a running gateway for. Loaded when somebody asks. */
export interface Support {
  readonly logs: LogsPort
  /** One at a time: who asks meanwhile gets the same. */
  checkUp(): Promise<CheckUp>
  readonly bundle: MakeBundle
  /** The same for the page, in the background. */
  readonly bundles: BundleJob
}

export function openSupport({ site, clock, stack, ring, eventLog, live, status }: SupportOptions): Support {
  let known: { readonly until: number; readonly scrubber: Promise<Scrubber> } | null = null
  let checking: Promise<CheckUp> | null = null
  const startedWith = fileHash(site.file)
  const scrubber = (): Promise<Scrubber> => {
    const now = clock.monotonic()
    if (!known || known.until <= now) known = { until: now + knownForMs, scrubber: scrubberOf(site) }
    return known.scrubber
  }
  const look = async (): Promise<CheckUp> => {
    const [{ checkUp }, { checkMeters }, { siteFacts }] = await Promise.all([import('../support/check-up.ts'), import('./check-decoding.ts'), import('./check-up.ts')])
    const [runsWith, hasAdmin] = await Promise.all([startedWith, hasAccounts(site)])
    const facts = await siteFacts(site, { now: clock.now(), runsWith: runsWith ?? '', hasAdmin })
    return checkUp({ facts: { ...facts, looks: [...facts.looks ?? [], ['devices', () => checkMeters(site.connections, live, clock)]] }, clock, version, status: status(), synchronised: async () => false })
  }
  const check = (): Promise<CheckUp> => (checking ??= look().finally(() => { checking = null }))
  const bundle: MakeBundle = async (events, progress) => {
    const { bundleOf } = await import('./bundle.ts')
    return bundleOf({ file: site.file, store: site.store.path, status: status(), logLines: [...ring.read()].map(({ line }) => line), checkUp: check, events, eventLog, clock, progress })
  }
  return { logs: createLogs(ring, scrubber), checkUp: check, bundle, bundles: stack.use(new BundleJob(bundle, clock)) }
}

/** Somebody has claimed the page. */
export const hasAccounts = ({ store }: Pick<SupportOptions['site'], 'store'>): Promise<boolean> => access(path.join(store.path, 'console', 'accounts.json')).then(() => true, () => false)

async function scrubberOf(site: SupportOptions['site']): Promise<Scrubber> {
  const [{ knownOf }, { createScrubber }] = await Promise.all([import('../support/secrets.ts'), import('../support/scrub.ts')])
  // Whoever may read the log knows the roster.
  return createScrubber({ ...await knownOf(site, { persons: [] }), people: [] })
}
