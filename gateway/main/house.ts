import { access, readFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import path from 'node:path'
import type { Clock, GatewayEvent, RaiseAlert, Work } from '../contract/index.ts'
import { ConfigurationBook } from '../../firmware-config/apply/book.ts'
import { hashOf } from '../../firmware-config/apply/hash.ts'
import { interrupted, type BootTime, type Reason } from '../../firmware-config/apply/trial.ts'
import type * as Rooms from '../cli/rooms.ts'
import type { Site } from '../cli/rooms.ts'
import { controlClient } from '../control/client.ts'
import { codeOf, describe, systemClock, type Logger } from '../kit/index.ts'
import { startGateway, type Gateway, type GatewayOptions } from '../main.ts'
import { build as thisBuild } from '../build.ts'
import { Changes, putFile, rolledBack } from './changes.ts'
import { keepChecked, takeChecked } from './checked-site.ts'
import type { Handover } from './devices.ts'

export interface HouseOptions extends Omit<GatewayOptions, 'site' | 'log' | 'pending' | 'handover' | 'changes'> {
  readonly file: string
  /** For the level that the site file wants. */
  log(level: string): Logger
  readonly signal: AbortSignal
  /** A gateway stands: the first, and each that takes another's place. */
  started?(gateway: Gateway, site: Site): void
  boot?(): Promise<BootTime>
  /** Default: this program, where it has a name. */
  readonly build?: string | null
}

/**
 * One gateway after the other, until the signal aborts: with another site file (Changes), or on a disk that came back. Connections that
 * are the same in the next one keep their sessions. Throws what the first one throws.
 */
export async function runHouse({ file, signal, log: createLog, started, boot = bootTime, clock = systemClock, build = thisBuild, ...options }: HouseOptions): Promise<void> {
  const found = await openSite({ file, clock, boot, build })
  const log = createLog(found.site.log.level)
  const changes = await openChanges(found, { clock, log, boot })
  let handover: Handover | undefined
  await using _left = { async [Symbol.asyncDispose]() { await handover?.[Symbol.asyncDispose]() } }
  let [site, turned] = [found.site, false]
  // After the start: nobody waits for it.
  const cancelKeep = found.keep ? clock.after(keepAfterMs, () => { found.keep!().catch((error: unknown) => log.warn({ code: codeOf(error) }, `the checked site file is not kept for the next start: ${describe(error)}`)) }) : () => {}
  using _keep = { [Symbol.dispose]: cancelKeep }
  for (let pending: readonly Work[] = []; !signal.aborted;) {
    log.level = site.log.level
    const gateway = await startGateway({ site, log, clock, ...options, pending, handover, changes }).catch(async (error: unknown) => {
      // At the start of the process it is another one's, and so is its trial.
      const occupied = !turned && ['STORE_LOCKED', 'CONTROL_IN_USE'].includes(codeOf(error))
      if (!occupied && await changes?.failed(error)) return null
      throw error
    })
    if (!gateway) { site = changes!.site; continue }
    handover = undefined
    started?.(gateway, site)
    changes?.attach({ status: () => ({ ...gateway.status(), console: gateway.console !== null }), tell: (...told) => gateway.tell(...told) })
      .catch((error: unknown) => log.error({ code: codeOf(error) }, describe(error)))
    const why = await Promise.race([aborted(signal), gateway.storeReturned?.then(() => 'starting anew on the disk that came back') ?? never, changes?.turnFrom(site) ?? never])
    changes?.detach()
    if (typeof why === 'object') {
      handover = gateway.handOver(why.site.connections)
      site = why.site
      turned = true
    }
    log.info(typeof why === 'object' ? { keeps: [...handover?.lines.keys() ?? []] } : {}, typeof why === 'object' ? `turning: ${why.reason}` : why)
    await gateway[Symbol.asyncDispose]()
    pending = gateway.held()
  }
}

interface FoundSite {
  readonly site: Site
  readonly text: string
  readonly book: ConfigurationBook | null
  readonly trouble: string | null
  readonly events: readonly GatewayEvent[]
  readonly alerts: readonly RaiseAlert[]
  /** So that the next start need not read it; null where this one did not. */
  keep: (() => Promise<void>) | null
}
type Parts = Pick<HouseOptions, 'file'> & { readonly clock: Clock; boot(): Promise<BootTime> }

/** Throws SiteError. Loads what reads site files. */
const readSite = async (...asked: Parameters<typeof Rooms.readSite>): Promise<Site> => (await import('../cli/rooms.ts')).readSite(...asked)

/** The site file as it is to be in force: what a trial left behind is settled before anything is opened. Throws SiteError. */
async function openSite({ file, clock, boot, build: program }: Parts & { readonly build: string | null }): Promise<FoundSite> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0))
  const text = bytes.toString().replace(/^\uFEFF/, '')
  const source = { file, bytes, build: program }
  const taken = takeChecked(source)
  const first = taken ? { site: taken } : await readSite(file).then((site) => ({ site }), (error: unknown) => ({ error }))
  const store = 'site' in first ? first.site.store.path : (await import('../../firmware-config/apply/store-path.ts')).storePathOf(file, text)
  const plain = { text, book: null, events: [], alerts: [], keep: null }
  // Another gateway has it: its trial is its own, and the store will say so.
  if ('site' in first && await answers(first.site)) return { ...plain, site: first.site, trouble: null }
  const opened = await ConfigurationBook.open(path.join(store, 'configurations')).catch((error: unknown) => ({ trouble: describe(error) }))
  if ('trouble' in opened) { if ('error' in first) throw first.error; return { ...plain, site: first.site, trouble: opened.trouble } }
  const { book, damaged } = opened
  const trouble = damaged ? 'the list of configurations could not be read and begins anew; the old one lies beside it as book.json.damaged' : null
  const back = await settle({ file, text, book, clock, boot, broken: 'error' in first ? first.error : null })
  if (!back) {
    if ('error' in first) throw first.error
    const { site } = first
    return { ...plain, site, book, trouble, keep: taken ? null : () => keepChecked(source, site) }
  }
  return { ...plain, site: await readSite(file), text: back.text, book, trouble, ...rolledBack(back.number, book.inForce, back.why, clock.now()) }
}

/** Null: the file stays as it is. Otherwise the one before lies there again. */
async function settle({ file, text, book, clock, boot, broken }: Parts & { readonly text: string; readonly book: ConfigurationBook; readonly broken: unknown }): Promise<{ readonly number: number; readonly text: string; readonly why: Reason } | null> {
  const { trial } = book
  const hash = hashOf(text)
  if (!trial) { if (!broken && hash !== book.hash(book.inForce)) await book.found(text, clock.now(), { reason: await reasonOf(book, text) }); return null }
  if (hash === book.hash(trial.previous)) { await book.settle('rolled-back', 'the gateway ended before it was in force, or while it was taken back', 'CHANGE_INTERRUPTED'); return null }
  if (hash !== book.hash(trial.number)) {
    if (broken) return null
    await book.settle('rolled-back', 'the site file was changed by hand during the trial', 'CHANGE_FILE_EDITED')
    await book.found(text, clock.now(), { reason: 'changed by hand during a trial' })
    return null
  }
  const why = broken ? { code: 'CHANGE_START_FAILED', text: { zh: `配置无法读取：${describe(broken)}`, en: `it cannot be read: ${describe(broken)}` } } : interrupted(trial, await boot())
  if (!why) { await book.started(); return null }
  const before = await book.text(trial.previous)
  await putFile(file, before)
  await book.settle('rolled-back', `${why.text.en} (${why.code})`, why.code)
  return { number: trial.number, text: before, why }
}

/** For the history: who put this text there. */
async function reasonOf(book: ConfigurationBook, text: string): Promise<string> {
  if (book.inForce === 0) return 'found at the first start'
  const old = await book.text(book.inForce).catch(() => null)
  if (old === null) return 'changed by hand'
  const { isMigrated } = await import('../../firmware-config/apply/version.ts')
  return isMigrated(old, text) ? 'written in the present version by linli migrate' : 'changed by hand'
}

async function openChanges({ site, text, book, trouble, events, alerts }: FoundSite, { clock, log, boot }: Pick<Parts, 'clock' | 'boot'> & { readonly log: Logger }): Promise<Changes | undefined> {
  if (trouble !== null) log.error({ code: 'CHANGE_BOOK' }, trouble)
  for (const { data } of events) log.error({ code: data.reason, configuration: data.number, previous: data.previous }, `configuration ${data.number} was taken back before the start: ${data.note}`)
  return book ? new Changes({ book, site, text, clock, log: log.child({ room: 'change' }), boot, answers, read: (other) => readSite(site.file, { text: other }), untold: { events, alerts } }) : undefined
}

const keepAfterMs = 3_000
const never = new Promise<never>(() => {})
const aborted = (signal: AbortSignal): Promise<'stopping'> => new Promise((resolve) => { if (signal.aborted) resolve('stopping'); else signal.addEventListener('abort', () => resolve('stopping'), { once: true }) })
/** Where no socket lies nobody listens: the usual start need not ask, which takes it 8 ms. */
const answers = async (site: Site): Promise<boolean> =>
  await lies(site.control.socket) && controlClient(site.control.socket).changes().then(() => true, (error: unknown) => codeOf(error) !== 'CONTROL_UNREACHABLE')
const lies = (file: string): Promise<boolean> => access(file).then(() => true, (error: unknown) => codeOf(error) !== 'ENOENT')

/** No clock that can be set counts a trial's time. */
async function bootTime(): Promise<BootTime> {
  return { boot: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim(), upMs: Math.round(uptime() * 1_000) }
}
