import path from 'node:path'
import type { Clock, ConnectionConfig, DesiredPort, GatewayEvent, PointWriter, RaiseAlert, Random, Work } from './contract/index.ts'
import { codeOf, describe, LogRing, systemClock, systemRandom, type Logger } from './kit/index.ts'
import type { Site } from './cli/rooms.ts'
import type { Console } from './console/index.ts'
import { ConnectionWatch } from './connection-watch.ts'
import { serveControl } from './control/server.ts'
import { Feed } from './feed.ts'
import { FileEventLog } from './event-log/index.ts'
import { Heartbeat } from './heartbeat.ts'
import { FileHistory } from './history/index.ts'
import { HostClock } from './host-clock.ts'
import { LiveValues } from './live.ts'
import { runUntilDisposed, withinPatience, type Basics } from './main/basics.ts'
import { openMessages } from './main/channels.ts'
import { openCity, openLedger, openRoads } from './main/city.ts'
import { openConsole } from './main/console.ts'
import { openDecisions } from './main/decisions.ts'
import { openDevices, type Handover, type WriteGuard } from './main/devices.ts'
import { openPhotos } from './main/photos.ts'
import { openReports } from './main/report.ts'
import { openResidents } from './main/residents.ts'
import { ruleViews } from './main/rule-views.ts'
import { openStore } from './main/store.ts'
import { openSupport } from './main/support.ts'
import { gatewayEvent } from './events.ts'
import { createStatus, type GatewayStatus } from './status.ts'
import { TimeKeeper } from './time.ts'
import { driverRegistry } from '../drivers/registry.ts'
import { createSounders } from '../rules/index.ts'
import { version } from './version.ts'

export interface GatewayOptions {
  readonly site: Site
  readonly log: Logger
  /** Where the log keeps its last lines, for the page and `linli logs`. */
  readonly ring?: LogRing
  readonly clock?: Clock
  readonly random?: Random
  /** For the one-to-one benchmark: readings a telemetry record; default as many as fit. */
  readonly maxReadings?: number
  /** What the gateway before held in memory while its disk could not be used. */
  readonly pending?: readonly Work[]
  /** Called with the pipeline's ticks, once a second, as long as it lives. Must not throw. */
  tick?(): void
  /** Connections that go on from the gateway before. */
  readonly handover?: Handover | undefined
  /** How its site file is changed while it runs; absent where nobody could put another gateway in its place. */
  readonly changes?: DesiredPort | undefined
}

export interface Gateway extends AsyncDisposable, PointWriter {
  readonly feed: Feed
  readonly live: LiveValues
  /** Null where the site file does not turn it on, or it could not be opened. */
  readonly console: Console | null
  status(): GatewayStatus
  /** The disk could not be used at the start and can be now: dispose this gateway and start another with what it held. Null when the disk is well. */
  readonly storeReturned: Promise<void> | null
  /** Once it is disposed. */
  held(): readonly Work[]
  /** What becomes of its configuration. Resolves when it is stored, or the disk takes too long. */
  tell(events: readonly GatewayEvent[], alerts: readonly RaiseAlert[]): Promise<void>
  /** Before it is disposed: connections that are the same in `next` go on. */
  handOver(next: readonly ConnectionConfig[]): Handover
}

/** The composition root: acquires on one stack, disposes in reverse. Throws ConfigError or StoreError; nothing stays open then. */
export async function startGateway({ site, log, ring = new LogRing(), clock = systemClock, random = systemRandom, maxReadings, pending = [], handover, changes, tick }: GatewayOptions): Promise<Gateway> {
  await using stack = new AsyncDisposableStack()
  const basics: Basics = { site, log, clock, random, stack }
  const host = stack.use(new HostClock({ clock, log: log.child({ room: 'time' }) }))
  const time = new TimeKeeper(clock, () => host.synchronised)
  const live = new LiveValues(site.connections)
  const feed = new Feed()
  const startedAt = clock.now()

  // The store opens in a thread of its own; what the site's drivers load, loads meanwhile. One that cannot says so when it is connected.
  for (const driver of new Set(site.connections.map((connection) => connection.driver))) driverRegistry[driver]?.load().catch(() => {})
  const store = await openStore({ ...basics, time, maxReadings, pending })
  const { journal, holding } = store
  const history = site.history.enabled ? stack.use(new FileHistory({ folder: path.join(site.store.path, 'history'), clock, log: log.child({ room: 'history' }), ...site.history })) : undefined
  const eventLog = stack.use(new FileEventLog({ folder: path.join(site.store.path, 'events'), clock, log: log.child({ room: 'events' }), ...site.events, retainDays: site.decisions.access.keepDays }))
  const guards: WriteGuard[] = []
  if (handover) live.adopt(handover.live, new Set(handover.lines.keys()))
  const { supervisors, writer, bus, whenUp, run: connect, takeOver, handOver } = await openDevices({ ...basics, store, live, guards, handover, accept: (id, intake) => pipeline.accept(id, intake) })
  const decisions = await openDecisions({ ...basics, store, live, feed, time, history, eventLog, writer, bus, whenUp, guards })
  const { pipeline, modes, ticks, facility, desk, actions, conditions } = decisions
  const reports = await openReports({ ...basics, store, decisions, eventLog, history })
  ticks.push((now) => reports.tick(now))
  if (tick) ticks.push(() => tick())
  const channels = await openMessages({ ...basics, store, decisions, supervisors })
  store.tell(conditions, desk)
  const roads = await openRoads(basics, store)
  if (!holding) await withinPatience(clock, pipeline.emit(gatewayEvent(startedAt, { action: 'started', version, epoch: journal.epoch })))
  const signed = await openLedger(basics, store)
  const city = await openCity({ ...basics, store, roads, signed, decisions, writer, live, feed, time, host, changes })
  const status = createStatus({ ...decisions, site, startedAt, clock, time, journal, readers: roads.map(({ reader }) => reader), live, supervisors, uplinks: city.uplinks, history, eventLog, channels: channels ?? undefined, commands: city.commands })

  // Stopped in this order: commands and rules' writes called off, devices, then what they brought is on disk and signed, then the uplinks send what they can and let go.
  await city.run()
  if (channels) runUntilDisposed(stack, (signal) => channels.run(signal))
  pipeline.start()
  stack.defer(() => withinPatience(clock, pipeline.stop()))
  if (holding) stack.defer(() => holding.close())
  connect()
  stack.use(actions)
  const sounders = stack.use(createSounders(site.decisions.sounders, { clock, writer, desk, log: log.child({ room: 'sounder' }) }))
  stack.use(new ConnectionWatch({ connections: site.connections, device: (id) => live.device(id), conditions, clock }))
  if (site.decisions.heartbeat) {
    const heartbeat = stack.use(new Heartbeat({ config: site.decisions.heartbeat, clock, writer, conditions, log: log.child({ room: 'heartbeat' }) }))
    ticks.push(() => heartbeat.beat())
  }
  if (city.commands) stack.use(city.commands)
  const alerts = { desk, pipeline, sounders, clock, people: site.decisions.people.map(({ id }) => id) }
  const support = openSupport({ site, clock, stack, ring, eventLog, live, status })
  const control = serveControl({ socket: site.control.socket, ...support, status, live, alerts, facility, maintenance: { modes, clock }, reports, rules: ruleViews({ ...decisions, site, live, clock }), journal, feed, history, eventLog, channels: channels ?? undefined, log, writer, changes, desired: city.desired ?? undefined })
  await control.then((served) => stack.use(served), (error: unknown) => { if (!holding) throw error; log.error({ code: codeOf(error) }, describe(error)) })
  const photos = await openPhotos(basics)
  const page = await openConsole({ ...basics, support, photos, lines: supervisors, store, status, live, feed, alerts, facility, modes, writer, history, eventLog, reports, conditions, changes, checkpointAt: () => signed?.ledger.lastAt ?? null })
  await openResidents({ ...basics, pipeline, desk, photos, conditions })

  // The last step that may fail is behind us: what was handed over is not lost with a gateway that could not start.
  takeOver(pipeline)
  const owned = stack.move()
  log.info({ gateway: site.site.id, region: site.site.region, epoch: journal.epoch, connections: supervisors.size, points: live.points.size }, 'gateway started')
  return {
    feed, live, status, console: page, write: (...args) => writer.write(...args), storeReturned: holding?.returned ?? null, held: () => holding?.held() ?? [],
    tell: (events, raised) => withinPatience(clock, Promise.all([pipeline.emit(...events), pipeline.told(desk.apply(raised))])), handOver,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
