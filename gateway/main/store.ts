import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { AlertDesk, GatewayConditions, Journal, RaiseAlert, Work } from '../contract/index.ts'
import { codeOf, describe } from '../kit/index.ts'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { createSelection } from '../selections.ts'
import { HoldingJournal, type HoldingOptions } from '../store/holding.ts'
import { openJournal } from '../store/index.ts'
import type { TimeKeeper } from '../time.ts'
import { withinPatience, type Basics } from './basics.ts'

export interface StoreOptions extends Basics {
  readonly time: TimeKeeper
  readonly maxReadings?: number | undefined
  /** What the gateway before held in memory while its disk could not be used. */
  readonly pending: readonly Work[]
}

export interface Store {
  readonly journal: Journal
  /** The same while the disk cannot be used; null when it is well. */
  readonly holding: HoldingJournal | null
  /** From now on a failing disk is an alert; one that failed before is told at once. */
  tell(conditions: GatewayConditions, desk: AlertDesk): void
}

/** The journal, or what stands for it while its disk cannot be used. Throws StoreError STORE_LOCKED. */
export async function openStore({ site, log: root, clock, random, stack, time, maxReadings, pending }: StoreOptions): Promise<Store> {
  const encoder = createEncoder({
    gateway: site.site.id, region: site.site.region, gridCode: site.site.grid?.code, maxMessageBytes: site.journal.maxMessageBytes, maxReadings, timeQuality: () => time.quality,
  })
  const { commit: commitMs, maxBytes, alert, event, telemetry } = site.journal
  const given = { alert, event, telemetry, ...Object.fromEntries(site.streams.map(({ id, maxBytes: share }) => [id, share])) }
  const shares = Object.fromEntries(Object.entries(given).filter((entry): entry is [string, number] => entry[1] !== undefined))
  const log = root.child({ room: 'store' })
  let fails = false
  let told = (failing: boolean): void => { fails = failing }
  const open = async () => {
    await mkdir(site.store.path, { recursive: true })
    return openJournal({ folder: path.join(site.store.path, 'journal'), encoder, clock, random, log, commitMs, maxBytes, shares, selections: site.streams.map(createSelection), failing: (now) => told(now) })
  }
  const journal = stack.use(await open().catch((error: unknown) => hold(error, { clock, random, log, attempt: async () => { await (await open())[Symbol.asyncDispose]() } })))
  const holding = journal instanceof HoldingJournal ? journal : null
  await withinPatience(clock, Promise.all(pending.map((work) => journal.commit(work).catch((error: unknown) => log.error({ code: codeOf(error) }, describe(error))))))
  return {
    journal, holding,
    tell(conditions, desk) {
      told = (failing) => { if (failing) conditions.raise(storeFailing); else conditions.clear(storeFailing.key) }
      if (holding || fails) told(true)
      else if (desk.open().some(({ key }) => key === `gateway/${storeFailing.key}`)) told(false)
    },
  }
}

const storeFailing = { key: 'store/failing', severity: 2, title: { zh: '网关磁盘无法写入，数据暂存内存', en: 'the gateway cannot write to its disk; data waits in memory' } } as const satisfies Pick<RaiseAlert, 'key' | 'severity' | 'title'>

/** A disk that cannot be used is no reason for a house without alarms, nor to start again and again. Another gateway on the same store is. */
function hold(error: unknown, options: HoldingOptions): Journal {
  if (codeOf(error) === 'STORE_LOCKED') throw error
  options.log.error({ code: 'STORE_UNUSABLE', cause: codeOf(error) }, `${describe(error)}. The gateway runs without it: rules and alarms work, nothing is acknowledged, and it is tried again`)
  return new HoldingJournal(options)
}
