import path from 'node:path'
import type { Clock, EventLog, GatewayEvent } from '../contract/index.ts'
import { readDocument } from '../../firmware-config/site/document.ts'
import { Problems } from '../../firmware-config/site/problems.ts'
import { Audit } from '../console/audit.ts'
import { silentLog } from '../kit/index.ts'
import type { GatewayStatus } from '../status.ts'
import { makeBundle, type Bundle } from '../support/bundle.ts'
import type { CheckUp } from '../support/findings.ts'
import { createScrubber, type ScrubClass } from '../support/scrub.ts'
import { knownOf } from '../support/secrets.ts'
import { version } from '../version.ts'
import { fileHash } from './file-hash.ts'

export interface BundleOptions {
  /** The site file. */
  readonly file: string
  readonly store: string
  readonly problems?: readonly string[]
  readonly status: GatewayStatus | null
  readonly logLines: readonly string[]
  checkUp(): Promise<CheckUp>
  /** The newest so many; 0: none. */
  readonly events: number
  readonly eventLog: Pick<EventLog, 'read'> | null
  readonly clock: Clock
  progress?(share: number): void
  /** For a test that shows what each class of the scrubber is for. */
  readonly classes?: ReadonlySet<ScrubClass>
}

const auditEntries = 300
const eventDays = 400
const dayMs = 86_400_000
export const mostEvents = 10_000

/** A support bundle of a gateway that runs or does not. */
export async function bundleOf({ file, store, problems = [], status, logLines, checkUp, events, eventLog, clock, progress = () => {}, classes }: BundleOptions): Promise<Bundle> {
  progress(0.05)
  const now = clock.now()
  const [found, document, configHash] = await Promise.all([checkUp(), readDocument(file, new Problems()), fileHash(file)])
  progress(0.6)
  const siteTree = document?.value ?? null
  const known = await knownOf(siteTree, { folder: path.dirname(path.resolve(file)) })
  progress(0.65)
  const audit = await Audit.open(path.join(store, 'console'), clock, silentLog()).then((log) => log.read({ limit: auditEntries }), () => ({ entries: [] }))
  progress(0.7)
  const last = events > 0 && eventLog ? await lastOf(eventLog, now, Math.min(events, mostEvents)) : null
  progress(0.85)
  const bundle = await makeBundle({ now, version, checkUp: found, siteTree, problems, configHash, store, status, logLines, audit: audit.entries, events: last, scrubber: createScrubber(known, classes) })
  progress(1)
  return bundle
}

async function lastOf(eventLog: Pick<EventLog, 'read'>, now: number, count: number): Promise<readonly GatewayEvent[]> {
  const last: GatewayEvent[] = []
  for await (const event of eventLog.read(now - eventDays * dayMs, now + dayMs)) {
    last.push(event)
    if (last.length >= count * 2) last.splice(0, last.length - count)
  }
  return last.slice(-count)
}
