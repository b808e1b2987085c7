import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { randomBytes } from 'node:crypto'
import type { Clock, DriverKit, Journal, PointWriter, Random, RaiseAlert, Work } from './contract/index.ts'
import { codeOf, describe, DriverError, keyedHash, randomHex, readSecret, systemClock, systemRandom, type Logger } from './kit/index.ts'
import { bookState, hasUnfinished } from '../cloud-sync/command-book.ts'
import type { CommandDesk } from '../cloud-sync/command-desk.ts'
import { createEncoder } from '../cloud-sync/envelope.ts'
import { Ledger } from '../cloud-sync/ledger.ts'
import { openSigner } from '../cloud-sync/signing.ts'
import { createUplink } from '../cloud-sync/uplink.ts'
import { driverRegistry } from '../drivers/registry.ts'
import { createAlertDesk, createEngine, createRules } from '../rules/index.ts'
import type { Site } from './cli/rooms.ts'
import { serveControl } from './control/server.ts'
import { Feed } from './feed.ts'
import { FileHistory } from './history/index.ts'
import { HostClock } from './host-clock.ts'
import { LiveValues } from './live.ts'
import { toRaw } from './normalise.ts'
import { gatewayEvent, memoryKey, Pipeline } from './pipeline.ts'
import { Repeats } from './repeats.ts'
import { createSelection } from './selections.ts'
import { siteModel, snapshot } from './site-model.ts'
import { createStatus, type GatewayStatus } from './status.ts'
import { HoldingJournal, type HoldingOptions } from './store/holding.ts'
import { openJournal } from './store/index.ts'
import { Supervisor } from './supervisor.ts'
import { TelemetryBranch } from './telemetry.ts'
import { TimeKeeper } from './time.ts'
import { version } from './version.ts'

export interface GatewayOptions {
  readonly site: Site
  readonly log: Logger
  readonly clock?: Clock
  readonly random?: Random
  /** For the one-to-one benchmark: readings a telemetry record; default as many as fit. */
  readonly maxReadings?: number
  /** What the gateway before held in memory while its disk could not be used. */
  readonly pending?: readonly Work[]
}

export interface Gateway extends AsyncDisposable, PointWriter {
  readonly feed: Feed
  readonly live: LiveValues
  status(): GatewayStatus
  /** The disk could not be used at the start and can be now: dispose this gateway and start another with what it held. Null when the disk is well. */
  readonly storeReturned: Promise<void> | null
  /** Once it is disposed. */
  held(): readonly Work[]
}

/** The composition root: acquires on one stack, disposes in reverse. Throws ConfigError or StoreError; nothing stays open then. */
export async function startGateway({ site, log, clock = systemClock, random = systemRandom, maxReadings, pending = [] }: GatewayOptions): Promise<Gateway> {
  await using stack = new AsyncDisposableStack()
  const gateway = site.site.id
  const { region } = site.site
  const host = stack.use(new HostClock({ clock, log: log.child({ room: 'time' }) }))
  const time = new TimeKeeper(clock, () => host.synchronised)
  const live = new LiveValues(site.connections)
  const feed = new Feed()
  const startedAt = clock.now()

  const encoder = createEncoder({
    gateway, region, gridCode: site.site.grid?.code, maxMessageBytes: site.journal.maxMessageBytes, maxReadings, timeQuality: () => time.quality,
  })
  const { commitMs, maxBytes, alert, event, telemetry: telemetryBytes } = site.journal
  const shares = Object.fromEntries(Object.entries({ alert, event, telemetry: telemetryBytes, ...Object.fromEntries(site.streams.map(({ id, maxBytes: share }) => [id, share])) }).filter((entry): entry is [string, number] => entry[1] !== undefined))
  const storeLog = log.child({ room: 'store' })
  let storeFails = false
  let told = (failing: boolean): void => { storeFails = failing }
  const open = () => openJournal({ folder: path.join(site.store.path, 'journal'), encoder, clock, random, log: storeLog, commitMs, maxBytes, shares, selections: site.streams.map(createSelection), failing: (now) => told(now) })
  const journal = stack.use(await mkdir(site.store.path, { recursive: true }).then(open).catch((error: unknown) => hold(error, { clock, random, log: storeLog, attempt: async () => { await mkdir(site.store.path, { recursive: true }); await (await open())[Symbol.asyncDispose]() } })))
  const holding = journal instanceof HoldingJournal ? journal : null
  await withinPatience(clock, Promise.all(pending.map((work) => journal.commit(work).catch((error: unknown) => log.error({ code: codeOf(error) }, describe(error))))))

  const rules = createRules(site.decisions.rules)
  const engine = createEngine(rules)
  engine.restore(await journal.state.entries('rule/'))
  const desk = createAlertDesk({ newId: () => randomHex(8) })
  desk.restore(await journal.state.entries('alert/'))
  const repeats = new Repeats()
  repeats.restore(await journal.state.entries('seen/'))
  const telemetry = new TelemetryBranch(live.points)
  const history = site.history.enabled ? stack.use(new FileHistory({ folder: path.join(site.store.path, 'history'), clock, log: log.child({ room: 'history' }), ...site.history })) : undefined
  const pipeline = new Pipeline({ journal, live, telemetry, repeats, engine, desk, feed, time, clock, log, ...(history ? { history } : {}) })
  const conditions = pipeline.conditions()
  told = (failing) => { if (failing) conditions.raise(storeFailing); else conditions.clear(storeFailing.key) }
  if (holding || storeFails) told(true)
  else if (desk.open().some(({ key }) => key === `gateway/${storeFailing.key}`)) told(false)
  // Nothing goes to the city that is not on disk: no uplink before there is one.
  const readers = holding ? [] : await Promise.all(site.uplinks.map(async (config) => ({ config, reader: await journal.reader(config.id, { from: 'start', ...(config.streams ? { streams: [...config.streams, 'ledger'] } : {}) }) })))
  await journal.forget(site.uplinks.map(({ id }) => id))
  let publicKey = ''
  let ledger: Ledger | null = null
  if (!holding) {
    await withinPatience(clock, pipeline.emit(gatewayEvent(startedAt, { action: 'started', version, epoch: journal.epoch })))
    const signer = await openSigner(site.store.path, log)
    ledger = new Ledger({ gateway, journal, signer, clock, log, everyMs: site.ledger.checkpoint })
    publicKey = signer.publicKey
  }

  const siteKey = await loadSiteKey(path.join(site.store.path, 'site.key')).catch((error: unknown) => { if (holding) return randomBytes(32); throw error })
  const supervisors = new Map(site.connections.map((config) => {
    const child = log.child({ connection: config.id })
    const kit: DriverKit = { clock, random, log: child, hashIdentity: (value) => keyedHash(siteKey, value), readSecret, recall: (key) => journal.state.get(memoryKey(config.id, key)) }
    return [config.id, new Supervisor({ config, entry: driverRegistry[config.driver]!, kit, clock, random, log: child, accept: (id, intake) => pipeline.accept(id, intake) })]
  }))
  const writer: PointWriter = {
    async write(id, value, signal) {
      const point = live.points.get(id)
      if (!point) throw new DriverError('POINT_UNKNOWN', `no point "${id}" in ${site.file}; linli status lists them`)
      await supervisors.get(live.devices.get(point.deviceId)!.connectionId)!.write(point, toRaw(value, point), signal)
    },
  }
  const commands = site.uplinks.some((uplink) => uplink.commands) || hasUnfinished(await journal.state.entries(bookState)) ? await openCommands({
    clock, log: log.child({ room: 'commands' }), writer, reader: live, state: journal.state, point: (id) => live.points.get(id), timeQuality: () => time.quality,
    record: (event, state) => { feed.publish({ kind: 'event', event }); return journal.commit({ events: [event], state, urgent: true }) },
    onReading: (listener) => feed.subscribe((item) => { if (item.kind === 'reading') listener(item.reading) }),
  }) : null
  const uplinks = readers.map(({ config, reader }) => createUplink({
    ...(config.commands ? commands!.portOf({ gateway, base: `${config.prefix}/${region}/${gateway}`, uplink: config.id, config: config.commands }) : {}),
    config, gateway, region, reader, clock, random, log: log.child({ uplink: config.id }), version, epoch: journal.epoch, maxMessageBytes: site.journal.maxMessageBytes,
    conditions, onCommit: (listener) => journal.onCommit(listener), timeQuality: () => time.quality,
    model: () => ({ ...siteModel(site), publicKey }), snapshot: () => snapshot({ live, desk, journal, time, clock }),
  }))
  const status = createStatus({ site, startedAt, clock, time, journal, readers: readers.map(({ reader }) => reader), live, desk, pipeline, telemetry, repeats, supervisors, uplinks, history })

  // Stopped in this order: commands called off, devices, then what they brought is on disk and signed, then the uplinks send what they can and let go.
  if (ledger) await withinPatience(clock, ledger.start())
  for (const uplink of uplinks) runUntilDisposed(stack, async (signal) => { await host.ready; time.ask(); await uplink.run(signal) })
  stack.defer(() => ledger?.stop())
  pipeline.start()
  stack.defer(() => withinPatience(clock, pipeline.stop()))
  if (holding) stack.defer(() => holding.close())
  for (const supervisor of supervisors.values()) runUntilDisposed(stack, (signal) => supervisor.run(signal))
  if (commands) stack.use(commands.desk)
  const control = serveControl({ socket: site.control.socket, status, live, desk, deadLetters: journal.deadLetters, feed, history, log, writer })
  await control.then((served) => stack.use(served), (error: unknown) => { if (!holding) throw error; log.error({ code: codeOf(error) }, describe(error)) })

  const owned = stack.move()
  log.info({ gateway, region, epoch: journal.epoch, connections: supervisors.size, points: live.points.size }, 'gateway started')
  return {
    feed, live, status, write: (...args) => writer.write(...args), storeReturned: holding?.returned ?? null, held: () => holding?.held() ?? [],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const storeFailing = { key: 'store/failing', severity: 2, title: { zh: '网关磁盘无法写入，数据暂存内存', en: 'the gateway cannot write to its disk; data waits in memory' } } as const satisfies Pick<RaiseAlert, 'key' | 'severity' | 'title'>

/** A disk that cannot be used is no reason for a house without alarms, nor to start again and again. Another gateway on the same store is. */
function hold(error: unknown, options: HoldingOptions): Journal {
  if (codeOf(error) === 'STORE_LOCKED') throw error
  options.log.error({ code: 'STORE_UNUSABLE', cause: codeOf(error) }, `${describe(error)}. The gateway runs without it: rules and alarms work, nothing is acknowledged, and it is tried again`)
  return new HoldingJournal(options)
}

const patienceMs = 5_000

/** On a full disk it goes on by itself later; a house does not wait for that without alarms. */
async function withinPatience(clock: Clock, work: Promise<unknown>): Promise<void> {
  const stop = new AbortController()
  await Promise.race([work, clock.sleep(patienceMs, stop.signal).catch(() => {})]).finally(() => stop.abort())
}

/** Loaded only where an uplink takes commands, or took some whose end nobody has told: most sites do not. */
async function openCommands(parts: Parameters<typeof CommandDesk.open>[0]) {
  const [{ CommandDesk: Desk }, { createCommandPort }] = await Promise.all([import('../cloud-sync/command-desk.ts'), import('../cloud-sync/commands.ts')])
  const desk = await Desk.open(parts)
  return { desk, portOf: (options: Omit<Parameters<typeof createCommandPort>[0], 'desk'>) => createCommandPort({ ...options, desk }) }
}

function runUntilDisposed(stack: AsyncDisposableStack, run: (signal: AbortSignal) => Promise<void>): void {
  const stop = new AbortController()
  const running = run(stop.signal)
  stack.defer(async () => { stop.abort(); await running })
}

/** 32 random bytes, made on the first start, readable by the gateway's user alone. Without it no credential hash can be repeated. */
async function loadSiteKey(file: string): Promise<Uint8Array> {
  const fresh = randomBytes(32)
  await writeFile(file, fresh, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error })
  return readFile(file)
}
