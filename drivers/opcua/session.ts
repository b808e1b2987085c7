import { AttributeIds, coerceNodeId } from 'node-opcua-client'
import type { DataValue } from 'node-opcua-client'
import type { DriverKit, Finding, Intake, Sample, Session, Value } from '../../gateway/contract/index.ts'
import { BoundedQueue, codeOf, describe, DriverError } from '../../gateway/kit/index.ts'
import { within } from './deadline.ts'
import { Devices } from './devices.ts'
import { diagnose } from './doctor.ts'
import type { Link } from './link.ts'
import type { Limits, Target } from './nodes.ts'
import { Poller } from './poll.ts'
import type { OpcuaAddress, OpcuaConfig, OpcuaPoint } from './schema.ts'
import { bare, plainName, statusNameOf } from './status.ts'
import { sampleOf } from './values.ts'
import { Watch } from './watch.ts'
import { Writer } from './write.ts'

/** Messages that may wait for a consumer, which does not wait for the disk. */
const maxQueued = 10_000
const missingAgainMs = 30_000
const missesAllowed = 1
/** Server_ServerStatus_State and _CurrentTime. */
const signsOfLife = ['i=2259', 'i=2258'].map((nodeId) => ({ nodeId: coerceNodeId(nodeId), attributeId: AttributeIds.Value }))

/** One session on one channel: watched points, polled points, signs of life. Any loss ends it; the supervisor opens the next one. */
export class OpcuaSession implements Session<OpcuaAddress> {
  readonly #config: OpcuaConfig
  readonly #kit: DriverKit
  readonly #link: Link
  readonly #limits: Limits
  readonly #targets: ReadonlyMap<string, Target>
  readonly #poller: Poller
  readonly #writer = new Writer()
  readonly #devices: Devices
  readonly #queue = new BoundedQueue<Intake>(maxQueued)
  readonly #last = new Map<string, Pick<Sample, 'raw' | 'quality' | 'reason'>>()
  readonly #counters = { keepAlives: 0, keepAliveMisses: 0, overflows: 0 }
  readonly #changes = new Map<string, number>()
  readonly #facts = { clockOffsetMs: null as number | null, subscriptionRefused: null as string | null, unfiltered: [] as { pointId: string; status: string }[], slower: [] as { pointId: string; everyMs: number }[], serverState: 0 }
  #samples: Sample[] = []
  #watch: Watch | null = null
  #missing: Target[] = []
  #alive = true
  /** Since when a sign of life is waited for, in ms of the monotonic clock. */
  #unanswered: number | null = null
  #ended = false
  #cancels: (() => void)[] = []

  constructor(config: OpcuaConfig, kit: DriverKit, link: Link, { targets, limits }: { readonly targets: readonly Target[]; readonly limits: Limits }) {
    this.#config = config
    this.#kit = kit
    this.#link = link
    this.#limits = limits
    this.#targets = new Map(targets.map((target) => [target.point.id, target]))
    this.#devices = new Devices(config)
    this.#poller = new Poller({
      session: link.session, clock: kit.clock, timeoutMs: config.settings.timeout, perRead: limits.nodesPerRead,
      sink: { read: (target, data) => this.#seen(target, data), failed: (target, reason, status) => this.#failed(target, reason, status), flush: (scanned) => this.#flush(scanned) },
    })
    // The client closes a connection itself on which nothing is answered: whoever pulls the cable is told of silence, whichever timer is first.
    const lost = (): void => {
      const silent = this.#unanswered !== null && kit.clock.monotonic() - this.#unanswered >= config.settings.timeout
      this.#lost(new DriverError(silent ? 'OPCUA_SILENT' : 'OPCUA_CLOSED', `connection ${config.id}: ${config.settings.endpoint} ${silent ? 'gives no sign of life' : 'closed the connection'}; it is opened again`, { retriable: true }))
    }
    link.client.on('connection_lost', lost)
    link.client.on('close', lost)
    link.session.on('session_closed', lost)
  }

  async *intake(signal: AbortSignal): AsyncGenerator<Intake, void, void> {
    const aborted = (): void => this.#end()
    signal.addEventListener('abort', aborted, { once: true })
    if (!signal.aborted) void this.#start().catch((error: unknown) => this.#lost(error))
    try {
      yield* this.#queue
    } finally {
      signal.removeEventListener('abort', aborted)
      this.#end()
    }
  }

  async write(point: OpcuaPoint, raw: Value, signal: AbortSignal): Promise<void> {
    const { session } = this.#link
    const { clock } = this.#kit
    const target = this.#targets.get(point.id)!
    await this.#writer.write(target, raw, { session, clock, timeoutMs: this.#config.settings.timeout, signal })
    // A polled node need not wait for its turn. A watched one tells by itself; a read could overtake an older notification.
    if (!this.#poller.has(target)) return
    await this.#poller.once([target])
    this.#flush(false)
  }

  statistics(): Readonly<Record<string, number>> {
    const watch = this.#watch?.counters ?? { notifications: 0, publishes: 0, sequenceGaps: 0 }
    return { ...watch, ...this.#poller.counters, ...this.#counters, polledPoints: this.#poller.size, clockOffsetMs: Math.round(this.#facts.clockOffsetMs ?? 0) }
  }

  deviceStatistics(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries(this.#config.devices.map(({ id, points }) => [id, { points: points.length, bad: this.#devices.bad(id), changes: this.#changes.get(id) ?? 0 }]))
  }

  findings(): readonly Finding[] {
    const { pki: { ownUntil }, serverUntil } = this.#link
    const secure = this.#config.settings.security !== 'None'
    return diagnose(this.#config, {
      ...this.#facts, ...this.#counters, now: this.#kit.clock.now(), ownUntil: secure ? ownUntil : Infinity, serverUntil, missing: this.#devices.missing(),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end()
    await this.#link.close(this.#alive)
  }

  /** Everything is read once, so that all is known at once; then watched, or polled where the server will not have that. */
  async #start(): Promise<void> {
    const all = [...this.#targets.values()]
    const known = all.filter(({ node }) => node !== null)
    for (const target of all) if (!target.node) this.#failed(target, 'OPCUA_BAD_NODE', 'its namespace is not on this server')
    await this.#poller.once(known)
    this.#flush(true)
    if (this.#ended) return
    this.#every(this.#config.settings.keepAlive, () => this.#signOfLife())
    this.#missing = known.filter((target) => this.#isMissing(target))
    this.#every(missingAgainMs, () => this.#lookAgain())
    await this.#follow(known.filter((target) => !this.#isMissing(target)))
  }

  #isMissing({ point }: Target): boolean { return this.#last.get(point.id)?.reason === 'OPCUA_BAD_NODE' }

  async #follow(targets: readonly Target[]): Promise<void> {
    const watch = this.#config.settings.mode === 'subscribe' && targets.length > 0 ? await this.#openWatch() : null
    if (!watch) return this.#poller.add(targets)
    const { id, devices } = this.#config
    const { refused, unfiltered, slower } = await watch.add(targets)
    if (this.#ended) return
    this.#poller.add(refused.map(({ target }) => target))
    if (refused.length > 0) this.#kit.log.warn({ code: 'OPCUA_POLLING', points: refused.slice(0, 20).map(({ target, status }) => `${target.point.id} ${status}`), devices: devices.length }, `connection ${id}: the server will not watch ${refused.length} nodes (${refused[0]!.status}); they are polled`)
    if (unfiltered.length > 0) this.#kit.log.warn({ code: 'OPCUA_FILTER_REFUSED', points: unfiltered.slice(0, 20).map(({ target }) => target.point.id) }, `connection ${id}: the server refuses the deadband of ${unfiltered.length} nodes (${unfiltered[0]!.status}); every change of them travels`)
    this.#facts.unfiltered.push(...unfiltered.map(({ target, status }) => ({ pointId: target.point.id, status })))
    this.#facts.slower.push(...slower.map(({ target, everyMs }) => ({ pointId: target.point.id, everyMs })))
  }

  /** Null when the server takes no subscription: said aloud, once a session. */
  async #openWatch(): Promise<Watch | null> {
    if (this.#watch || this.#facts.subscriptionRefused !== null) return this.#watch
    const { id, settings } = this.#config
    try {
      this.#watch = await Watch.open(this.#link.session, settings, this.#limits.itemsPerCall, this.#kit.clock, {
        changed: (target, data) => this.#seen(target, data), flush: () => this.#flush(false), lost: (error) => this.#lost(error),
        gap: () => void this.#poller.once([...this.#targets.values()].filter(({ node }) => node !== null)).then(() => this.#flush(false)),
      })
    } catch (error) {
      const status = statusNameOf(error)
      if (status === '' || codeOf(error) === 'OPCUA_TIMEOUT') throw error
      this.#facts.subscriptionRefused = status
      this.#kit.log.warn({ code: 'OPCUA_POLLING', status }, `connection ${id}: ${settings.endpoint} refuses a subscription (${status}); its points are polled`)
    }
    return this.#watch
  }

  /** Nodes that came into being after we did: a PLC that was loaded, a device that was added to the server. */
  async #lookAgain(): Promise<void> {
    if (this.#missing.length === 0) return
    const asked = this.#missing
    await this.#poller.once(asked)
    this.#flush(false)
    this.#missing = asked.filter((target) => this.#isMissing(target))
    await this.#follow(asked.filter((target) => !this.#isMissing(target)))
  }

  async #signOfLife(): Promise<void> {
    const { clock } = this.#kit
    const { id, settings: { timeout, endpoint } } = this.#config
    for (let misses = 0; !this.#ended; misses++) {
      const sent = clock.monotonic()
      this.#unanswered ??= sent
      try {
        const [state, time] = await within(clock, timeout, 'a sign of life', this.#link.session.read(signsOfLife, 0))
        this.#counters.keepAlives++
        this.#unanswered = null
        this.#serverSays(state, time, (clock.monotonic() - sent) / 2)
        break
      } catch (error) {
        if (this.#ended) return
        this.#counters.keepAliveMisses++
        if (misses < missesAllowed && codeOf(error) === 'OPCUA_TIMEOUT') continue
        const code = codeOf(error) === 'OPCUA_TIMEOUT' ? 'OPCUA_SILENT' : 'OPCUA_CLOSED'
        this.#lost(new DriverError(code, `connection ${id}: ${endpoint} gives no sign of life (${describe(error)}); it is opened again`, { cause: bare(error), retriable: true }))
        return
      }
    }
    if ((this.#watch?.overdueMs() ?? 0) > 0) this.#lost(new DriverError('OPCUA_SUBSCRIPTION_LOST', `connection ${id}: ${endpoint} answers reads and says nothing about its subscription any more; it is opened again`, { retriable: true }))
  }

  #serverSays(state: DataValue | undefined, time: DataValue | undefined, halfTripMs: number): void {
    const { log, clock } = this.#kit
    const now = typeof state?.value?.value === 'number' ? state.value.value : 0
    if (now !== this.#facts.serverState) log.warn({ code: 'OPCUA_SERVER_STATE', state: now }, `connection ${this.#config.id}: the server's state is ${now} (0 is running)`)
    this.#facts.serverState = now
    const told: unknown = time?.value?.value
    if (told instanceof Date) this.#facts.clockOffsetMs = told.getTime() + halfTripMs - clock.now()
  }

  #seen(target: Target, data: DataValue): void {
    if (data.statusCode.hasOverflowBit) this.#counters.overflows++
    this.#take(target, sampleOf(target.point.id, data, target.point.address.index, this.#kit.clock.now()), plainName(data.statusCode))
  }

  #failed(target: Target, reason: string, status: string): void {
    this.#take(target, { pointId: target.point.id, raw: null, at: this.#kit.clock.now(), quality: 'bad', reason }, status || reason)
  }

  #take({ point, text }: Target, sample: Sample, status: string): void {
    this.#devices.note(sample, point.deviceId, text, status === 'Good' && sample.reason ? sample.reason : status)
    const last = this.#last.get(point.id)
    if (last && last.raw === sample.raw && last.quality === sample.quality && last.reason === sample.reason) return
    this.#last.set(point.id, { raw: sample.raw, quality: sample.quality, ...(sample.reason === undefined ? {} : { reason: sample.reason }) })
    this.#changes.set(point.deviceId, (this.#changes.get(point.deviceId) ?? 0) + 1)
    this.#samples.push(sample)
  }

  #flush(scanned: boolean): void {
    if (this.#ended) return
    const now = this.#kit.clock.now()
    const devices = this.#devices.changes(now)
    if (this.#samples.length === 0 && devices.length === 0 && !scanned) return
    const kept = this.#queue.push({ samples: this.#samples, ...(devices.length > 0 ? { devices } : {}), ...(scanned ? { scanned: now } : {}) })
    this.#samples = []
    if (!kept) this.#lost(new DriverError('OPCUA_OVERLOADED', `connection ${this.#config.id}: ${maxQueued} notifications wait to be taken; set a "filter" or a longer "poll" for points that change all the time`, { retriable: true }))
  }

  #every(ms: number, task: () => Promise<void>): void {
    const slot = this.#cancels.length
    this.#cancels.push(() => {})
    const arm = (): void => {
      if (this.#ended) return
      this.#cancels[slot] = this.#kit.clock.after(ms, () => void task().catch((error: unknown) => this.#lost(error)).then(arm))
    }
    arm()
  }

  #lost(error: unknown): void {
    if (this.#ended) return
    this.#alive = codeOf(error) === 'OPCUA_SUBSCRIPTION_LOST' || codeOf(error) === 'OPCUA_OVERLOADED'
    // Whatever it was asked when it fell silent: its nodes' values, a subscription, a sign of life.
    const silent = codeOf(error) === 'OPCUA_TIMEOUT'
    const known = error instanceof DriverError && !silent
    this.#queue.fail(known ? error : new DriverError(silent ? 'OPCUA_SILENT' : 'OPCUA_CLOSED', `connection ${this.#config.id}: ${this.#config.settings.endpoint} ${silent ? 'gives no sign of life' : 'failed'} (${describe(error)}); it is opened again`, { cause: bare(error), retriable: true }))
    this.#end()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const cancel of this.#cancels) cancel()
    this.#poller.stop()
    this.#watch?.close()
    this.#queue.close()
  }
}
