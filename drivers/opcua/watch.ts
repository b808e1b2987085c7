import { AttributeIds, DataChangeFilter, DataChangeTrigger, DeadbandType, TimestampsToReturn } from 'node-opcua-client'
import type { ClientMonitoredItemBase, ClientMonitoredItemGroup, ClientSession, ClientSubscription, DataValue, MonitoringParametersOptions, NotificationMessage } from 'node-opcua-client'
import type { Clock } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import { within } from './deadline.ts'
import { chunks, type Target } from './nodes.ts'
import type { OpcuaConnection } from './schema.ts'
import { plainName, statusNameOf } from './status.ts'

export interface WatchSink {
  changed(target: Target, data: DataValue): void
  /** The notifications of one message are told. */
  flush(): void
  /** A message is missing: what it carried has to be read. */
  gap(): void
  lost(error: DriverError): void
}

/** What became of the points that were to be watched. */
export interface Watched {
  /** The server will not watch these; with its reason. */
  readonly refused: readonly { readonly target: Target; readonly status: string }[]
  /** Watched, without the deadband they asked for. */
  readonly unfiltered: readonly { readonly target: Target; readonly status: string }[]
  /** Sampled more slowly than asked. */
  readonly slower: readonly { readonly target: Target; readonly everyMs: number }[]
}

const noFilter = new Set(['BadMonitoredItemFilterUnsupported', 'BadMonitoredItemFilterInvalid', 'BadFilterNotAllowed', 'BadDeadbandFilterInvalid', 'BadFilterOperatorUnsupported'])
const signsMissed = 3

/** One subscription of a session. Values come to the sink; a subscription that ends or goes silent is told as lost. */
export class Watch {
  readonly counters = { notifications: 0, publishes: 0, sequenceGaps: 0 }
  readonly #subscription: ClientSubscription
  readonly #clock: Clock
  readonly #sink: WatchSink
  readonly #settings: OpcuaConnection
  readonly #itemsPerCall: number
  #lastSign: number
  #nextSequence: number | null = null
  #closed = false
  #flushing = false

  private constructor(subscription: ClientSubscription, settings: OpcuaConnection, itemsPerCall: number, clock: Clock, sink: WatchSink) {
    this.#subscription = subscription
    this.#settings = settings
    this.#itemsPerCall = itemsPerCall
    this.#clock = clock
    this.#sink = sink
    this.#lastSign = clock.monotonic()
    const lost = (why: string): void => { if (!this.#closed) sink.lost(new DriverError('OPCUA_SUBSCRIPTION_LOST', `the server ended the subscription (${why}); it is opened again`, { retriable: true })) }
    subscription.on('raw_notification', (message: NotificationMessage) => this.#received(message))
    subscription.on('terminated', () => lost('terminated'))
    subscription.on('status_changed', (status: { readonly name: string }) => lost(status.name))
    subscription.on('internal_error', () => {})
    subscription.on('error', (error: Error) => lost(error.message))
  }

  /** Throws what the library throws when the server refuses a subscription ({@link statusNameOf} tells why). */
  static async open(session: ClientSession, settings: OpcuaConnection, itemsPerCall: number, clock: Clock, sink: WatchSink): Promise<Watch> {
    const { publishingInterval, keepAlive, sessionTimeout, timeout } = settings
    const subscription = await within(clock, timeout, 'the subscription', session.createSubscription2({
      requestedPublishingInterval: publishingInterval, publishingEnabled: true, priority: 10, maxNotificationsPerPublish: 1_000,
      requestedMaxKeepAliveCount: Math.max(3, Math.ceil(keepAlive / publishingInterval)),
      requestedLifetimeCount: Math.max(12, Math.ceil(sessionTimeout / publishingInterval)),
    }))
    return new Watch(subscription, settings, itemsPerCall, clock, sink)
  }

  /** Those with the same interval, filter and queue in one call, as many as the server takes. */
  async add(targets: readonly Target[]): Promise<Watched> {
    const out = { refused: [] as { target: Target; status: string }[], unfiltered: [] as { target: Target; status: string }[], slower: [] as { target: Target; everyMs: number }[] }
    for (const alike of Map.groupBy(targets, ({ point: { pollMs, address } }) => JSON.stringify([pollMs, address.filter, address.queueSize])).values()) {
      for (const some of chunks(alike, this.#itemsPerCall)) await this.#create(some, true, out)
    }
    return out
  }

  /** Ms since the server last said anything about this subscription, above what is allowed; 0 while all is well. */
  overdueMs(): number {
    const { publishingInterval, maxKeepAliveCount } = this.#subscription
    const allowed = signsMissed * Math.max(publishingInterval * maxKeepAliveCount, this.#settings.keepAlive) + this.#settings.timeout
    return Math.max(0, this.#clock.monotonic() - this.#lastSign - allowed)
  }

  /** Its own end is no loss; the session that closes deletes it on the server. */
  close(): void { this.#closed = true }

  async #create(targets: readonly Target[], filtered: boolean, out: { refused: { target: Target; status: string }[]; unfiltered: { target: Target; status: string }[]; slower: { target: Target; everyMs: number }[] }): Promise<void> {
    const { point: { pollMs, address } } = targets[0]!
    let group: ClientMonitoredItemGroup
    try {
      group = await within(this.#clock, this.#settings.timeout, 'the monitored items', this.#monitor(targets, {
        samplingInterval: pollMs, queueSize: address.queueSize, discardOldest: true, filter: filtered ? filterOf(address.filter) : null,
      }))
    } catch (error) {
      const status = statusNameOf(error)
      if (status === '') throw error
      out.refused.push(...targets.map((target) => ({ target, status })))
      return
    }
    const again: Target[] = []
    group.monitoredItems.forEach((item, index) => {
      const target = targets[index]!
      const status = item.statusCode
      if (status.isGoodish()) {
        const everyMs = item.monitoringParameters.samplingInterval
        if (everyMs > Math.max(pollMs, this.#settings.publishingInterval) * 1.5) out.slower.push({ target, everyMs })
        return
      }
      const name = plainName(status)
      if (filtered && address.filter && noFilter.has(name)) { again.push(target); out.unfiltered.push({ target, status: name }) }
      else out.refused.push({ target, status: name })
    })
    if (again.length > 0) await this.#create(again, false, out)
  }

  /** Listens in the callback itself: after a promise's turn the first notification could be gone. */
  #monitor(targets: readonly Target[], parameters: MonitoringParametersOptions): Promise<ClientMonitoredItemGroup> {
    return new Promise((resolve, reject) => {
      this.#subscription.monitorItems(targets.map(({ node }) => ({ nodeId: node!, attributeId: AttributeIds.Value })), parameters, TimestampsToReturn.Both, (error, group) => {
        if (error || !group) return reject(error ?? new DriverError('OPCUA_SUBSCRIPTION_LOST', 'the server created no monitored items', { retriable: true }))
        group.on('changed', (_item: ClientMonitoredItemBase, data: DataValue, index: number) => this.#changed(targets[index]!, data))
        resolve(group)
      })
    })
  }

  #changed(target: Target, data: DataValue): void {
    this.counters.notifications++
    this.#sink.changed(target, data)
    if (this.#flushing) return
    // The library tells one message's items in one turn.
    this.#flushing = true
    queueMicrotask(() => { this.#flushing = false; this.#sink.flush() })
  }

  #received({ sequenceNumber, notificationData }: NotificationMessage): void {
    this.#lastSign = this.#clock.monotonic()
    this.counters.publishes++
    // Part 4 §5.13.1.1: a keep-alive carries the number that comes next and uses none up (some servers repeat the last one); numbers go round at 2^32 - 1 to 1.
    const carries = (notificationData?.length ?? 0) > 0
    const next = this.#nextSequence
    if (next !== null && (carries ? sequenceNumber !== next : sequenceNumber > next)) { this.counters.sequenceGaps++; this.#sink.gap() }
    if (carries) this.#nextSequence = sequenceNumber === 0xffff_ffff ? 1 : sequenceNumber + 1
    else if (next === null || sequenceNumber > next) this.#nextSequence = sequenceNumber
  }
}

function filterOf(filter: Target['point']['address']['filter']): DataChangeFilter | null {
  if (!filter) return null
  return 'absolute' in filter
    ? new DataChangeFilter({ trigger: DataChangeTrigger.StatusValue, deadbandType: DeadbandType.Absolute, deadbandValue: filter.absolute })
    : new DataChangeFilter({ trigger: DataChangeTrigger.StatusValue, deadbandType: DeadbandType.Percent, deadbandValue: filter.percent })
}
