import type { DesiredPort, Journal, JournalReader, PointWriter, Uplink } from '../contract/index.ts'
import { bookState, hasUnfinished } from '../../cloud-sync/commands/book.ts'
import type { CommandDesk } from '../../cloud-sync/commands/desk.ts'
import type { DesiredDesk } from '../../cloud-sync/desired/desk.ts'
import { Ledger } from '../../cloud-sync/ledger/ledger.ts'
import { openSigner, type Signer } from '../../cloud-sync/ledger/signing.ts'
import type { CityLink } from '../../cloud-sync/link.ts'
import { topicsOf, type Topics } from '../../cloud-sync/topics.ts'
import { createUplink } from '../../cloud-sync/uplink.ts'
import type { Site } from '../cli/rooms.ts'
import type { Feed } from '../feed.ts'
import type { HostClock } from '../host-clock.ts'
import type { LiveValues } from '../live.ts'
import { siteModel, snapshot } from '../site-model.ts'
import type { TimeKeeper } from '../time.ts'
import { codeOf, describe } from '../kit/index.ts'
import { version } from '../version.ts'
import { runUntilDisposed, withinPatience, type Basics } from './basics.ts'
import { channelReaders } from './channels.ts'
import type { OpenedDecisions } from './decisions.ts'
import type { Store } from './store.ts'

type UplinkConfig = Site['uplinks'][number]
export interface Road { readonly config: UplinkConfig; readonly reader: JournalReader }

/** One reader of the journal for each uplink. Nothing goes to the city that is not on disk: none before there is one. */
export async function openRoads({ site }: Basics, { journal, holding }: Store): Promise<readonly Road[]> {
  const streams = (config: UplinkConfig) => (config.streams ? { streams: [...config.streams, 'ledger'] } : {})
  const roads = holding ? [] : await Promise.all(site.uplinks.map(async (config) => ({ config, reader: await journal.reader(config.id, { from: 'start', ...streams(config) }) })))
  await journal.forget([...site.uplinks.map(({ id }) => id), ...channelReaders(site)])
  return roads
}

/** Signs what goes up. Null while there is no disk. */
export async function openLedger({ site, log, clock }: Basics, { journal, holding }: Store): Promise<{ readonly ledger: Ledger; readonly signer: Signer } | null> {
  if (holding) return null
  const signer = await openSigner(site.store.path, log)
  return { ledger: new Ledger({ gateway: site.site.id, journal, signer, clock, log, everyMs: site.ledger.checkpoint }), signer }
}

export interface CityOptions extends Basics {
  readonly store: Store
  readonly roads: readonly Road[]
  readonly signed: Awaited<ReturnType<typeof openLedger>>
  readonly decisions: OpenedDecisions
  readonly writer: PointWriter
  readonly live: LiveValues
  readonly feed: Feed
  readonly time: TimeKeeper
  readonly host: HostClock
  /** Absent where nobody could put another gateway in its place. */
  readonly changes?: DesiredPort | undefined
}

export interface City {
  readonly uplinks: readonly Uplink[]
  readonly commands: CommandDesk | null
  /** Of the uplink that takes configurations. */
  readonly desired: DesiredDesk | null
  /** The ledger first, so that every record has its epoch. */
  run(): Promise<void>
}

/** Uplinks, and the commands that come by them. */
export async function openCity(options: CityOptions): Promise<City> {
  const { site, log, clock, random, stack, store: { journal }, roads, signed, decisions: { desk, conditions }, live, time, host } = options
  const gateway = site.site.id
  const { region } = site.site
  const commands = site.uplinks.some((uplink) => uplink.commands) || hasUnfinished(await journal.state.entries(bookState)) ? await openCommands(commandParts(options, journal)) : null
  const desired = await openDesired(options)
  const uplinks = roads.map(({ config, reader }) => createUplink({
    attached: attachments(config.commands && commands!.portOf({ gateway, topics: topicsIn(site, config), uplink: config.id, config: config.commands }), config.configuration && desired),
    config, gateway, region, reader, clock, random, log: log.child({ uplink: config.id }), version, epoch: journal.epoch, maxMessageBytes: site.journal.maxMessageBytes,
    conditions, onCommit: (listener) => journal.onCommit(listener), timeQuality: () => time.quality,
    model: () => ({ ...siteModel(site), publicKey: signed?.signer.publicKey ?? '' }), snapshot: () => snapshot({ live, desk, journal, time, clock }),
  }))
  return {
    uplinks, commands: commands?.desk ?? null, desired,
    async run() {
      if (signed) await withinPatience(clock, signed.ledger.start())
      for (const uplink of uplinks) runUntilDisposed(stack, async (signal) => { await host.ready; time.ask(); await uplink.run(signal) })
      stack.defer(() => signed?.ledger.stop())
    },
  }
}

const topicsIn = ({ site }: Site, { prefix }: UplinkConfig): Topics => topicsOf(prefix, site.region, site.id)

interface Attachment { attached(link: CityLink): void }
const attachments = (...all: readonly (Attachment | null | undefined)[]) => (link: CityLink): void => { for (const each of all) each?.attached(link) }

/** Loaded only where an uplink takes configurations. */
async function openDesired({ site, clock, log, stack, signed, changes }: CityOptions): Promise<DesiredDesk | null> {
  const uplink = site.uplinks.find(({ configuration }) => configuration)
  if (!uplink || !signed) return null
  if (!changes) { log.warn({ code: 'CHANGE_UNAVAILABLE', uplink: uplink.id }, 'this gateway was not started by linli run: no configuration of the city is taken'); return null }
  const { createDesired } = await import('./desired.ts')
  try {
    return stack.use(await createDesired({ site, topics: topicsIn(site, uplink), config: uplink.configuration!, signer: signed.signer, changes, clock, log: log.child({ room: 'desired' }) }))
  } catch (error) {
    // A house without wishes of the city's has its alarms all the same.
    log.error({ code: codeOf(error), uplink: uplink.id }, `no configuration of the city is taken: ${describe(error)}`)
    return null
  }
}

type CommandParts = Parameters<typeof CommandDesk.open>[0]

function commandParts({ log, clock, writer, live, feed, time, decisions: { pipeline, desk } }: CityOptions, journal: Journal): CommandParts {
  return {
    clock, log: log.child({ room: 'commands' }), writer, reader: live, state: journal.state, point: (id) => live.points.get(id), timeQuality: () => time.quality,
    act: (act, now) => desk.act(act, now),
    // What the desk did asks for another time to wake.
    record: (events, state) => { void pipeline.told({ events: [], state: [] }); return pipeline.record(events, state) },
    onReading: (listener) => feed.subscribe((item) => { if (item.kind === 'reading') listener(item.reading) }),
  }
}

/** Loaded only where an uplink takes commands, or took some whose end nobody has told: most sites do not. */
async function openCommands(parts: CommandParts) {
  const [{ CommandDesk: Desk }, { createCommandPort }] = await Promise.all([import('../../cloud-sync/commands/desk.ts'), import('../../cloud-sync/commands/port.ts')])
  const desk = await Desk.open(parts)
  return { desk, portOf: (options: Omit<Parameters<typeof createCommandPort>[0], 'desk'>) => createCommandPort({ ...options, desk }) }
}
