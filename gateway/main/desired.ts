import { DesiredDesk } from '../../cloud-sync/desired/desk.ts'
import type { ConfigurationConfig } from '../../cloud-sync/desired/schema.ts'
import { openSealing } from '../../cloud-sync/desired/sealing.ts'
import type { Signer } from '../../cloud-sync/ledger/signing.ts'
import type { Topics } from '../../cloud-sync/topics.ts'
import { keepSecrets, sweepSecrets } from '../../firmware-config/apply/index.ts'
import type { Site } from '../cli/rooms.ts'
import type { Clock, DesiredPort } from '../contract/index.ts'
import { codeOf, describe, type Logger } from '../kit/index.ts'

export interface DesiredParts {
  readonly site: Site
  readonly topics: Topics
  readonly config: ConfigurationConfig
  readonly signer: Signer
  readonly changes: DesiredPort
  readonly clock: Clock
  readonly log: Logger
}

/** What the city wishes goes the road of every other change, watched by the gateway alone. Throws StoreError SEALING_KEY. */
export async function createDesired({ site, topics, config, signer, changes, clock, log }: DesiredParts): Promise<DesiredDesk> {
  const sealing = await openSealing(site.store.path, log)
  return new DesiredDesk({
    gateway: site.site.id, topics, config, sealing, signer, changes, clock, log,
    async apply({ version, hash, reason, base: builtUpon, acceptLoss }, { site: text, secrets }, author) {
      try {
        await keepSecrets(site.file, text, secrets)
        await changes.applyDesired({ ...author, text, reason, confirm: 'health', windowMs: config.window, acceptLoss, base: builtUpon, desired: { version, hash, actor: author.by } })
      } finally {
        // What was tried is in the book by now; of what was refused nothing stays, and what the book let go of takes its secrets with it.
        await sweepSecrets(site.file, changes.texts()).catch((error: unknown) => log.error({ code: codeOf(error) }, `secrets that nothing names any more could not be removed: ${describe(error)}`))
      }
    },
  })
}
