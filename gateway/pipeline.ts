import type { AlertDesk, ClearAlert, Clock, DeviceStatus, Effect, EpochMs, GatewayConditions, GatewayEvent, HistoryIntake, Intake, Journal, Occurrence, RaiseAlert, Reading, StateWrite, Work } from './contract/index.ts'
import { codeOf, describe, type Logger } from './kit/index.ts'
import type { Feed } from './feed.ts'
import type { LiveValues } from './live.ts'
import { normalise } from './normalise.ts'
import type { Repeats } from './repeats.ts'
import { thinningMs, type TelemetryBranch } from './telemetry.ts'
import type { ClockStep, TimeKeeper } from './time.ts'

/** What the rules room gives: every rule of the site behind two calls. */
export interface RuleEngine {
  step(readings: readonly Reading[]): { readonly effects: readonly Effect[]; readonly state: readonly StateWrite[] }
  tick(at: EpochMs): { readonly effects: readonly Effect[]; readonly state: readonly StateWrite[] }
  wakeAt(): EpochMs | undefined
}

export interface PipelineParts {
  readonly journal: Journal
  readonly live: LiveValues
  readonly telemetry: TelemetryBranch
  readonly repeats: Repeats
  readonly engine: RuleEngine
  readonly desk: AlertDesk
  readonly feed: Feed
  /** Sees every change, and every tick the rules are given (law 12). */
  readonly history?: HistoryIntake
  readonly time: TimeKeeper
  readonly clock: Clock
  readonly log: Logger
}

const tickMs = 1_000

/** intake -> readings -> live, rules, telemetry -> journal. Everything up to the commit is synchronous, so order is kept. */
export class Pipeline {
  readonly counters = { readings: 0, events: 0, alerts: 0, unmapped: 0, refused: 0 }
  readonly #parts: PipelineParts
  #lost = { readings: 0, events: 0 }
  /** How far each stream had got when the clock last stepped. */
  readonly #steppedAt = new Map<string, number>()
  #cancelTick: () => void = () => {}
  #cancelWake: () => void = () => {}

  constructor(parts: PipelineParts) { this.#parts = parts }

  start(): void {
    this.#cancelTick = this.#parts.clock.after(tickMs, () => { this.#tick(); this.start() })
    this.#planWake()
  }

  /** Commits what waits in thinning windows; call before the journal is disposed. */
  async stop(): Promise<void> {
    this.#cancelTick()
    this.#cancelWake()
    await this.#commit({ readings: this.#parts.telemetry.flush(), urgent: true }).catch(() => {})
  }

  /** From the supervisors. Answers the intake's `settled` when its fate is known. */
  accept(connectionId: string, intake: Intake): void {
    const { live, clock } = this.#parts
    const now = clock.now()
    if (intake.scanned !== undefined) live.scanned(connectionId, intake.scanned)
    const readings = this.#readings(intake, now)
    this.#parts.history?.readings(readings)
    const taken = this.#occurrences(intake)
    const events = [...(intake.devices ?? []).flatMap((status) => this.#deviceEvent(status)), ...taken.events]
    const work = this.#work(readings, events, false)
    for (const [key, value] of Object.entries(intake.remember ?? {})) work.state.push({ key: memoryKey(connectionId, key), value })
    if (taken.keys.length > 0) work.state.push(...this.#parts.repeats.remember(taken.keys, now))
    const stored = isEmpty(work) ? Promise.resolve() : this.#commit({ ...work, awaited: intake.settled !== undefined })
    this.#parts.repeats.pending(taken.keys, stored)
    Promise.all([stored, ...taken.waits]).then(
      () => intake.settled?.('stored'),
      (error: unknown) => this.#refuse(error, intake, readings.length, work.events.length - taken.events.length),
    )
  }

  /** The gateway's own events. */
  async emit(...events: readonly GatewayEvent[]): Promise<void> { await this.#commit(this.#work([], events, true)) }

  /** What the gateway has to tell about itself. */
  conditions(): GatewayConditions {
    const apply = (effect: RaiseAlert | ClearAlert): void => {
      const alerts = this.#parts.desk.apply([effect])
      if (alerts.events.length === 0) return
      this.counters.alerts += alerts.events.length
      if (this.#parts.feed.watched) for (const event of alerts.events) this.#parts.feed.publish({ kind: 'event', event })
      this.#background({ ...alerts, urgent: true })
    }
    const of = (key: string) => ({ key: `gateway/${key}`, ruleId: 'gateway', at: this.#parts.clock.now() })
    return {
      raise: ({ key, severity, title, data = {} }) => apply({ kind: 'raise', ...of(key), severity, title, data }),
      clear: (key, data = {}) => apply({ kind: 'clear', ...of(key), data }),
    }
  }

  #readings(intake: Intake, now: EpochMs): Reading[] {
    const { live, feed } = this.#parts
    const readings: Reading[] = []
    for (const sample of intake.samples) {
      const point = live.points.get(sample.pointId)
      if (!point) { this.counters.unmapped++; continue }
      const reading = normalise(sample, point, now, intake.redelivered)
      live.put(reading)
      readings.push(reading)
      if (feed.watched) feed.publish({ kind: 'reading', reading })
    }
    return readings
  }

  #occurrences(intake: Intake) {
    const events: GatewayEvent[] = []
    const keys: string[] = []
    const waits: Promise<unknown>[] = []
    for (const occurrence of intake.occurrences ?? []) {
      const repeat = this.#parts.repeats.check(occurrence)
      if (repeat.known) { if (repeat.stored) waits.push(repeat.stored); continue }
      if (repeat.key) keys.push(repeat.key)
      events.push(occurrenceEvent(occurrence, intake.redelivered))
    }
    return { events, keys, waits }
  }

  #deviceEvent(status: DeviceStatus): readonly GatewayEvent[] {
    const news = this.#parts.live.states.report(status)
    return news ? [this.#stateEvent(news)] : []
  }

  #stateEvent({ deviceId, state, at, reason, detail }: DeviceStatus): GatewayEvent {
    this.#parts.log.child({ device: deviceId }).info({ state, reason, detail }, `device ${state}`)
    return { stream: 'event', type: 'device', at, subject: deviceId, data: { device: deviceId, state, ...(reason ? { reason } : {}), ...(detail ? { detail } : {}) } }
  }

  /** Rules, alerts and the telemetry branch for these readings, gathered into one batch. */
  #work(readings: readonly Reading[], events: readonly GatewayEvent[], urgent: boolean, step = readings.length > 0 ? this.#parts.engine.step(readings) : undefined) {
    const { journal, telemetry, desk, feed } = this.#parts
    const alerts = step && step.effects.length > 0 ? desk.apply(step.effects.filter((effect) => effect.kind === 'raise' || effect.kind === 'clear')) : undefined
    const all = alerts ? [...events, ...alerts.events] : events
    const thin = readings.length > 0 ? thinningMs(journal.fill) : 0
    const selected = readings.flatMap((reading) => telemetry.select(reading, thin))
    this.counters.readings += selected.length
    this.counters.events += all.length
    this.counters.alerts += alerts?.events.length ?? 0
    if (feed.watched) for (const event of all) feed.publish({ kind: 'event', event })
    if (step) this.#planWake()
    return {
      readings: selected, events: all, state: [...(step?.state ?? []), ...(alerts?.state ?? [])],
      urgent: urgent || all.length > 0 || readings.some((reading) => this.#parts.live.points.get(reading.pointId)?.urgent),
    }
  }

  async #commit(work: Work): Promise<void> {
    await this.#parts.journal.commit(work)
    if (this.#lost.readings + this.#lost.events > 0) this.#declareLost()
  }

  /** What the store would not take and nobody sends again, once it takes something again. */
  #declareLost(): void {
    const { readings, events } = this.#lost
    this.#lost = { readings: 0, events: 0 }
    const data = { action: 'readings-refused', readings, ...(events > 0 ? { events } : {}), reason: 'JOURNAL_OVERLOADED' }
    this.#parts.journal.commit({ events: [gatewayEvent(this.#parts.clock.now(), data)] }).catch(() => this.#lose({ readings, events }))
  }

  #lose({ readings, events }: { readonly readings: number; readonly events: number }): void {
    this.#lost = { readings: this.#lost.readings + readings, events: this.#lost.events + events }
  }

  /** `own`: events that the gateway drew from it; its device sends again what it sent, not those. */
  #refuse(error: unknown, intake: Intake, readings: number, own: number): void {
    this.counters.refused++
    // What a device keeps for a resend is not lost; a polled change is, so its number is declared once the store is back.
    this.#lose({ readings: intake.settled ? 0 : readings, events: own + (intake.settled ? 0 : intake.occurrences?.length ?? 0) })
    intake.settled?.('refused')
    if (this.counters.refused % 1_000 === 1) this.#parts.log.error({ code: codeOf(error), refused: this.counters.refused }, describe(error))
  }

  #tick(): void {
    const { clock, live, telemetry, time } = this.#parts
    const step = time.check()
    if (step) this.#stepped(step)
    const calmed = live.states.calmed(clock.now())
    if (calmed.length > 0) this.#background(this.#work([], calmed.map((status) => this.#stateEvent(status)), true))
    const due = telemetry.due(clock.now(), live.readings(), (reading) => live.confirmedAt(reading))
    this.counters.readings += due.length
    if (due.length > 0) this.#background({ readings: due })
  }

  /** Law 10: which records of this epoch carry times of the clock as it was, `offsetMs` from where it is now. */
  #stepped({ offsetMs, at }: ClockStep): void {
    const { journal } = this.#parts
    const heads = Object.entries(journal.heads()).filter(([stream]) => stream !== 'ledger')
    const ranges = heads.flatMap(([stream, { seq }]) => { const from = (this.#steppedAt.get(stream) ?? 0) + 1; return seq >= from ? [[stream, { from, to: seq }] as const] : [] })
    for (const [stream, { seq }] of heads) this.#steppedAt.set(stream, seq)
    this.#background(this.#work([], [gatewayEvent(at, { action: 'clock-stepped', offsetMs, epoch: journal.epoch, streams: Object.fromEntries(ranges) })], true))
  }

  #planWake(): void {
    const { engine, clock, history } = this.#parts
    this.#cancelWake()
    const wakeAt = engine.wakeAt()
    if (wakeAt === undefined) { this.#cancelWake = () => {}; return }
    this.#cancelWake = clock.after(Math.max(0, wakeAt - clock.now()), () => {
      const now = clock.now()
      history?.tick(now)
      const work = this.#work([], [], false, engine.tick(now))
      if (!isEmpty(work)) this.#background(work)
    })
  }

  /** Nobody waits for it. */
  #background(work: Work): void {
    this.#commit(work).catch((error: unknown) => {
      this.#lose({ readings: work.readings?.length ?? 0, events: work.events?.length ?? 0 })
      this.#parts.log.error({ code: codeOf(error) }, describe(error))
    })
  }
}

/** Where a connection's driver keeps what it remembers. */
export const memoryKey = (connectionId: string, key: string): string => `driver/${connectionId}/${key}`

export const gatewayEvent = (at: EpochMs, data: GatewayEvent['data']): GatewayEvent => ({ stream: 'event', type: 'gateway', at, data })

function occurrenceEvent(occurrence: Occurrence, redelivered = false): GatewayEvent {
  const { type, at, deviceId, sourceId, data } = occurrence
  // Without an id of its own a repeat cannot be told, only marked.
  const mark = redelivered && sourceId === undefined ? { redelivered } : {}
  return { stream: 'event', type, at, subject: deviceId, data: { device: deviceId, ...(sourceId === undefined ? {} : { sourceId }), ...data }, ...mark }
}

function isEmpty(work: Work): boolean {
  return !work.events?.length && !work.readings?.length && !work.state?.length
}
