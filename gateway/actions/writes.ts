import type { Clock, CommandState, EpochMs, GatewayConditions, GatewayEvent, Json, PointConfig, PointId, PointWriter, StateWrite, Value, WritePoint } from '../contract/index.ts'
import { codeOf, describe, type Logger } from '../kit/index.ts'
import { noBatch, type Batch } from '../consequences.ts'
import { Buckets } from './bucket.ts'
import { Lanes } from './lanes.ts'

export interface WriteParts {
  readonly clock: Clock
  readonly log: Logger
  readonly writer: PointWriter
  readonly conditions: GatewayConditions
  /** 16 hex digits. */
  newId(): string
  point(id: PointId): PointConfig | undefined
  /** Until its connection is up; null when it is, or there is no such point. */
  whenUp(id: PointId): Promise<void> | null
  /** One atomic batch, at once. */
  record(events: readonly GatewayEvent[], state: readonly StateWrite[]): Promise<void>
}

/** What is known of a write while it is under way, kept in the batch of the decision so that a crash cannot hide it. A type, so that it is JSON. */
type Order = { readonly id: string; readonly rule: string; readonly point: PointId; readonly value: Value; readonly at: EpochMs }
interface Ending { readonly state: Exclude<CommandState, 'accepted' | 'running'>; readonly code?: string; readonly detail?: string }

export const writeState = 'write/'
/** Of one rule for one point. */
const rate = { burst: 5, everyMs: 1_000 }
const maxUnderWay = 256
const maxOfPoint = 16
/** A device that has not confirmed by then is not waited for. */
const writeMs = 10_000
/** For a driver to let go, once it was asked to. */
const graceMs = 1_000
const partingMs = 3_000
/** Nothing was written, and the same order would be refused again. */
const refusals: ReadonlySet<string> = new Set(['POINT_UNKNOWN', 'POINT_NOT_WRITABLE', 'POINT_VALUE', 'DOOR_FORBIDDEN', 'DOOR_FIRE'])
/** As the site file wants it: no trouble that anybody has to look into. */
const intended: ReadonlySet<string> = new Set(['DOOR_FORBIDDEN', 'DOOR_FIRE'])

/** What rules write: begun ahead of the fsync, at most once, in order for each point. Every end becomes a `command` event with the rule as actor. */
export class RuleWrites implements AsyncDisposable {
  readonly counters = { written: 0, failed: 0, expired: 0, refused: 0, limited: 0 }
  readonly #parts: WriteParts
  readonly #buckets: Buckets
  readonly #lanes = new Lanes()
  readonly #stop = new AbortController()
  /** Until their ends are on disk, which a failing one keeps waiting: no reason to write nothing more. */
  readonly #work = new Set<Promise<void>>()
  #underWay = 0

  constructor(parts: WriteParts) { this.#parts = parts; this.#buckets = new Buckets(parts.clock, rate) }

  get underWay(): number { return this.#underWay }

  /** Never throws. */
  take({ ruleId, point, value, at, deadlineMs }: WritePoint): Batch {
    const order: Order = { id: this.#parts.newId(), rule: ruleId, point, value, at }
    const refused = this.#buckets.take(`${ruleId} ${point}`)
    if (refused > 0) this.counters.limited++
    // Told once for as long as it lasts.
    if (refused > 1) return noBatch
    const refusal = this.#refusal(order, refused)
    if (refusal) return { events: [this.#ended(order, refusal)], state: [] }
    // A clock that was set back lengthens no deadline.
    const beginWithin = Math.min(deadlineMs, at + deadlineMs - this.#parts.clock.now())
    const work = this.#run(order, beginWithin).catch((error: unknown) => this.#parts.log.error({ code: codeOf(error), rule: ruleId, point }, `the end of a write could not be recorded: ${describe(error)}`))
    this.#work.add(work)
    void work.then(() => this.#work.delete(work))
    return { events: [], state: [{ key: `${writeState}${order.id}`, value: order }] }
  }

  /** From `StateStore.entries('write/')`: what the last life began and did not see the end of. It is told, and never carried out again. */
  async restore(entries: readonly (readonly [string, Json])[]): Promise<void> {
    const orders = entries.flatMap(([, value]) => (isOrder(value) ? [value] : []))
    if (entries.length === 0) return
    await this.#parts.record(orders.map((order) => this.#ended(order, unknown(`the gateway ended while ${order.point} was written`))), entries.map(([key]) => ({ key, value: null })))
  }

  /** Calls off what is under way and waits until each has its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    const patience = new AbortController()
    // A failing disk may keep an end waiting for ever; the restart tells it then.
    await Promise.race([Promise.all(this.#work), this.#parts.clock.sleep(partingMs, patience.signal).catch(() => {})])
    patience.abort()
  }

  #refusal({ rule, point }: Order, limited: number): Ending | null {
    const away = (code: string, detail: string): Ending => ({ state: 'rejected', code, detail })
    if (limited > 0) return away('WRITE_RATE', `rule "${rule}" writes ${point} more than once a second; further writes are left out until it calms down. Give the rule a hysteresis or a "for"`)
    if (this.#stop.signal.aborted) return away('WRITE_NOT_BEGUN', `${point} was not written: the gateway is stopping`)
    if (this.#underWay < maxUnderWay && this.#lanes.length(point) < maxOfPoint) return null
    return away('WRITE_QUEUE_FULL', `${point} was not written: so many writes wait for it or for others; the devices answer more slowly than rules decide`)
  }

  async #run(order: Order, beginWithin: number): Promise<void> {
    this.#underWay++
    const ending = await this.#carryOut(order, beginWithin).finally(() => { this.#underWay-- })
    await this.#parts.record([this.#ended(order, ending)], [{ key: `${writeState}${order.id}`, value: null }])
  }

  async #carryOut({ point, value, rule }: Order, beginWithin: number): Promise<Ending> {
    const { clock, writer } = this.#parts
    const turn = this.#lanes.enter(point)
    const beginBy = clock.monotonic() + beginWithin
    const inTurn = beginWithin > 0 && (!turn.before || await this.#before(turn.before, beginBy))
    // While the gateway starts, or a cable is out, there is nothing yet to write to: the driver says so itself when it takes too long.
    const up = inTurn && this.#parts.whenUp(point)
    if (up) await this.#before(up, beginBy)
    if (!inTurn || this.#stop.signal.aborted) {
      turn.leave()
      return { state: 'expired', code: 'WRITE_NOT_BEGUN', detail: `${point} was not written: ${inTurn ? 'the gateway is stopping' : 'its deadline had passed before it could begin'}` }
    }
    const limit = new AbortController()
    const abort = (): void => limit.abort()
    const cancel = clock.after(writeMs, abort)
    this.#stop.signal.addEventListener('abort', abort, { once: true })
    const outcome = writer.write(point, value, limit.signal, { actor: `rule:${rule}`, origin: 'rule' }).then((): Ending => ({ state: 'done' }), endingOf)
    // The next write of this point waits until the driver has let go, not only until we gave up waiting for it.
    void outcome.then(turn.leave)
    return Promise.race([outcome, letGo(limit.signal, clock).then(() => unknown(`no word from ${point} within ${writeMs / 1_000} s`))])
      .finally(() => { cancel(); this.#stop.signal.removeEventListener('abort', abort) })
  }

  /** Whether it came in time. A gateway that stops waits for nothing. */
  async #before(what: Promise<void>, beginBy: number): Promise<boolean> {
    const { clock } = this.#parts
    const stop = new AbortController()
    const abort = (): void => stop.abort()
    this.#stop.signal.addEventListener('abort', abort, { once: true })
    const came = await Promise.race([what.then(() => true), clock.sleep(Math.max(0, beginBy - clock.monotonic()), stop.signal).then(() => false, () => false)])
    this.#stop.signal.removeEventListener('abort', abort)
    stop.abort()
    return came
  }

  /** Counted, told, and made an event. */
  #ended(order: Order, { state, code, detail }: Ending): GatewayEvent {
    const { clock, log, conditions, point } = this.#parts
    const at = clock.now()
    this.counters[({ done: 'written', failed: 'failed', expired: 'expired', rejected: 'refused' } as const)[state]]++
    const config = point(order.point)
    const key = `write/${order.point}/failed`
    log[state === 'done' ? 'debug' : 'warn']({ rule: order.rule, point: order.point, state, code }, detail ?? `${order.point} written`)
    if (state === 'done') conditions.clear(key)
    else if (!intended.has(code!)) {
      const name = config?.name ?? { zh: order.point, en: order.point }
      conditions.raise({ key, severity: 3, title: { zh: `规则未能操作“${name.zh}”`, en: `a rule could not operate "${name.en}"` }, data: { point: order.point, value: order.value, by: order.rule, code: code!, detail: detail! } })
    }
    return {
      stream: 'event', type: 'command', at, ...(config ? { subject: config.deviceId } : {}),
      data: { id: order.id, state, at, actor: `rule:${order.rule}`, origin: 'rule', point: order.point, value: order.value, ...(code ? { code, detail: detail! } : {}) },
    }
  }
}

const unknown = (why: string): Ending => ({ state: 'failed', code: 'WRITE_OUTCOME_UNKNOWN', detail: `${why}: nobody knows whether it was done; look at the device, or read the point` })

function endingOf(error: unknown): Ending {
  const code = codeOf(error)
  return { state: refusals.has(code) ? 'rejected' : 'failed', code, detail: describe(error).slice(0, 500) }
}

/** A while after the signal: whoever has not come back by then ignores it. */
const letGo = (signal: AbortSignal, clock: Clock): Promise<void> => new Promise((resolve) => { signal.addEventListener('abort', () => { clock.after(graceMs, resolve) }, { once: true }) })

function isOrder(value: Json): value is Order {
  const order = value as Partial<Order> | null
  return typeof order === 'object' && order !== null && typeof order.id === 'string' && typeof order.rule === 'string' && typeof order.point === 'string' && typeof order.at === 'number' && order.value !== undefined
}
