import type { ActAnswer, AlertAct, AlertDesk, AlertEntry, AlertWork, Clock, EpochMs, EventLog, GatewayConditions, GatewayEvent, HistoryIntake, Intake, Journal, JsonObject, Modes, Occurrence, Reading, RuleInput, StateWrite, Work } from './contract/index.ts'
import { codeOf, describe, type Logger } from './kit/index.ts'
import { consequences, marked, noBatch, type Actions, type Outcome, type RuleEngine } from './consequences.ts'
import { deviceEvent, gatewayEvent, occurrenceEvent } from './events.ts'
import type { Feed } from './feed.ts'
import type { LiveValues } from './live.ts'
import { normalise } from './normalise.ts'
import type { Repeats } from './repeats.ts'
import { thinningMs, type TelemetryBranch } from './telemetry.ts'
import type { ClockStep, TimeKeeper } from './time.ts'
import { WakePlan } from './wake-plan.ts'

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
  /** Absent: rules only tell. */
  readonly actions?: Actions
  /** Absent: nothing is ever worked on. */
  readonly modes?: Pick<Modes, 'of'>
  /** What an occurrence's event says besides what its device said. */
  enrich?(occurrence: Occurrence): JsonObject
  /** Once a second, as long as the pipeline lives. Must not throw. */
  readonly ticks?: readonly ((now: EpochMs) => void)[]
  /** Is told every event that was committed. */
  readonly eventLog?: Pick<EventLog, 'record'>
  readonly time: TimeKeeper
  readonly clock: Clock
  readonly log: Logger
}

const tickMs = 1_000
/** An answer does not wait longer for a slow or failing disk: the act counts at once, and is stored when the disk is back. */
const actPatienceMs = 1_000
const usual: Pick<Modes, 'of'> = { of: () => undefined }
const idle: Actions = { take: () => noBatch }

/** intake -> readings -> live, rules, telemetry -> journal. Everything up to the commit is synchronous, so order is kept. */
export class Pipeline {
  readonly counters = { readings: 0, events: 0, alerts: 0, unmapped: 0, refused: 0 }
  readonly #parts: PipelineParts & Required<Pick<PipelineParts, 'modes' | 'actions'>>
  readonly #wakes: WakePlan
  #lost = { readings: 0, events: 0 }
  /** How far each stream had got when the clock last stepped. */
  readonly #steppedAt = new Map<string, number>()
  #cancelTick: () => void = () => {}

  constructor(parts: PipelineParts) {
    this.#parts = { modes: usual, actions: idle, ...parts }
    this.#wakes = new WakePlan(parts.clock, () => earliest(parts.engine.wakeAt(), parts.desk.wakeAt()), (now) => this.#woken(now))
  }

  start(): void {
    this.#planTick()
    this.#wakes.start()
  }

  /** Commits what waits in thinning windows and what rules remember; call before the journal is disposed. */
  async stop(): Promise<void> {
    this.#cancelTick()
    this.#wakes.stop()
    await this.#commit({ readings: this.#parts.telemetry.flush(), state: this.#parts.engine.checkpoint(), urgent: true }).catch(() => {})
  }

  /** From the supervisors. Answers the intake's `settled` when its fate is known. */
  accept(connectionId: string, intake: Intake): void {
    const { live, clock, history } = this.#parts
    const now = clock.now()
    if (intake.scanned !== undefined) live.scanned(connectionId, intake.scanned)
    const readings = this.#readings(intake, now)
    history?.readings(readings)
    const news = (intake.devices ?? []).flatMap((status) => live.states.report(status) ?? [])
    const taken = this.#occurrences(intake, now)
    const work = this.#work(readings, [...this.#deviceEvents(news), ...taken.events], [...news.map((device) => ({ device })), ...taken.inputs])
    for (const [key, value] of Object.entries(intake.remember ?? {})) work.state.push({ key: memoryKey(connectionId, key), value })
    if (taken.keys.length > 0) work.state.push(...this.#parts.repeats.remember(taken.keys, now))
    const stored = isEmpty(work) ? Promise.resolve() : this.#commit({ ...work, awaited: intake.settled !== undefined })
    this.#parts.repeats.pending(taken.keys, stored)
    Promise.all([stored, ...taken.waits]).then(
      () => intake.settled?.('stored'),
      (error: unknown) => this.#refuse(error, intake, readings.length, work.events.length - taken.events.length),
    )
  }

  /** What {@link LiveValues.adopt} took over is given to the rules, as after a start; neither the city nor the history is told it twice. */
  resume(connectionIds: ReadonlySet<string>): void {
    const { live, telemetry, engine } = this.#parts
    const devices = [...live.devices.values()].filter(({ connectionId }) => connectionIds.has(connectionId))
    const readings = devices.flatMap(({ points }) => points.flatMap(({ id }) => live.read(id) ?? []))
    for (const reading of readings) telemetry.resume(reading)
    const states = devices.flatMap(({ id }) => { const device = live.device(id); return device ? [{ device }] : [] })
    const work = readings.length + states.length > 0 ? this.#decided(engine.step(readings, states), []) : { events: [], state: [] }
    if (!isEmpty(work)) void this.#background(work)
  }

  /** Readings that nobody sends again. */
  missed(readings: number): void {
    if (readings === 0) return
    this.#lose({ readings, events: 0 })
    this.#declareLost()
  }

  /** The gateway's own events. */
  async emit(...events: readonly GatewayEvent[]): Promise<void> { await this.record(events, []) }

  /** One atomic batch, at once, of what others have done: commands, actions, maintenance. */
  async record(events: readonly GatewayEvent[], state: readonly StateWrite[]): Promise<void> {
    await this.#commit({ events: this.#told(events), state, urgent: true })
  }

  /** What a person does with an alert, wherever he does it. Throws nothing. */
  async act(act: AlertAct): Promise<ActAnswer> {
    const { desk, clock } = this.#parts
    const answer = desk.act(act, clock.now())
    if (answer.outcome === 'refused') return answer
    const stop = new AbortController()
    await Promise.race([this.#alerts(answer), clock.sleep(actPatienceMs, stop.signal).catch(() => {})])
    stop.abort()
    return answer
  }

  /** What the desk did for somebody else, such as a test alarm. Resolves when it is stored, or was refused. */
  told(work: AlertWork): Promise<void> { return this.#alerts(work) }

  /** A line in an alert's timeline, such as a channel's receipt. Resolves when it is stored, or was refused. */
  note(id: string, entry: AlertEntry): Promise<void> { return this.#alerts(this.#parts.desk.note(id, entry)) }

  /** What the gateway has to tell about itself. */
  conditions(): GatewayConditions {
    const { desk, clock } = this.#parts
    const of = (key: string) => ({ key: `gateway/${key}`, ruleId: 'gateway', at: clock.now() })
    return {
      raise: ({ key, severity, title, data = {} }) => void this.#alerts(desk.apply([{ kind: 'raise', ...of(key), severity, title, data }])),
      clear: (key, data = {}) => void this.#alerts(desk.apply([{ kind: 'clear', ...of(key), data }])),
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

  #occurrences(intake: Intake, receivedAt: EpochMs) {
    const events: GatewayEvent[] = []
    const inputs: { readonly occurrence: Occurrence; readonly receivedAt: EpochMs }[] = []
    const keys: string[] = []
    const waits: Promise<unknown>[] = []
    for (const occurrence of intake.occurrences ?? []) {
      const repeat = this.#parts.repeats.check(occurrence)
      if (repeat.known) { if (repeat.stored) waits.push(repeat.stored); continue }
      if (repeat.key) keys.push(repeat.key)
      events.push(occurrenceEvent(occurrence, this.#parts.enrich?.(occurrence), intake.redelivered))
      inputs.push({ occurrence, receivedAt })
    }
    return { events, inputs, keys, waits }
  }

  #deviceEvents(news: readonly Parameters<typeof deviceEvent>[0][]): readonly GatewayEvent[] {
    for (const { deviceId, state, reason, detail } of news) this.#parts.log.child({ device: deviceId }).info({ state, reason, detail }, `device ${state}`)
    return news.map(deviceEvent)
  }

  /** Rules, alerts and the telemetry branch for what came in, gathered into one batch. */
  #work(readings: readonly Reading[], events: readonly GatewayEvent[], others: readonly RuleInput[]) {
    const { journal, live, telemetry, engine, history } = this.#parts
    for (const input of others) {
      if ('device' in input) history?.device(input.device)
      else if ('occurrence' in input) history?.occurrence(input.occurrence, input.receivedAt)
    }
    const decided = this.#decided(readings.length + others.length > 0 ? engine.step(readings, others) : noOutcome, events)
    const thin = readings.length > 0 ? thinningMs(journal.fill) : 0
    const selected = readings.flatMap((reading) => telemetry.select(reading, thin))
    this.counters.readings += selected.length
    return { ...decided, readings: selected, urgent: decided.urgent || readings.some((reading) => live.points.get(reading.pointId)?.urgent) }
  }

  /** What the rules' step comes to, with the events that led to it. */
  #decided({ effects, state }: Outcome, events: readonly GatewayEvent[]) {
    const drawn = effects.length > 0 ? consequences(effects, this.#parts) : { ...noBatch, alerts: 0 }
    const all = this.#told([...events, ...drawn.events], drawn.alerts)
    this.#wakes.plan()
    return { events: all, state: [...state, ...drawn.state], urgent: all.length + drawn.state.length > 0 }
  }

  /** Marked, counted, shown. */
  #told(events: readonly GatewayEvent[], alerts = 0): readonly GatewayEvent[] {
    const { modes, feed } = this.#parts
    const all = events.map((event) => marked(event, modes))
    this.counters.events += all.length
    this.counters.alerts += alerts
    if (feed.watched) for (const event of all) feed.publish({ kind: 'event', event })
    return all
  }

  /** Of the desk's own doing. Resolves when it is stored or was refused. */
  async #alerts({ events, state }: AlertWork): Promise<void> {
    this.#wakes.plan()
    if (events.length + state.length === 0) return
    await this.#background({ events: this.#told(events, events.length), state, urgent: true })
  }

  async #commit(work: Work): Promise<void> {
    const { journal, engine, clock, eventLog } = this.#parts
    try {
      await journal.commit(work)
    } catch (error) {
      if (work.state?.length) engine.unwritten(work.state, clock.now())
      throw error
    }
    if (work.events?.length) eventLog?.record(work.events)
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

  #planTick(): void { this.#cancelTick = this.#parts.clock.after(tickMs, () => { this.#tick(); this.#planTick() }) }

  #tick(): void {
    const { clock, live, telemetry, time } = this.#parts
    const step = time.check()
    if (step) this.#stepped(step)
    if (step && step.offsetMs < 0) this.#decide(step.at)
    const calmed = live.states.calmed(clock.now())
    if (calmed.length > 0) void this.#background(this.#work([], this.#deviceEvents(calmed), calmed.map((device) => ({ device }))))
    const due = telemetry.due(clock.now(), live.readings(), (reading) => live.confirmedAt(reading))
    this.counters.readings += due.length
    if (due.length > 0) void this.#background({ readings: due })
    for (const each of this.#parts.ticks ?? []) each(clock.now())
  }

  /** Law 10: which records of this epoch carry times of the clock as it was, `offsetMs` from where it is now. */
  #stepped({ offsetMs, at }: ClockStep): void {
    const { journal } = this.#parts
    const heads = Object.entries(journal.heads()).filter(([stream]) => stream !== 'ledger')
    const ranges = heads.flatMap(([stream, { seq }]) => { const from = (this.#steppedAt.get(stream) ?? 0) + 1; return seq >= from ? [[stream, { from, to: seq }] as const] : [] })
    for (const [stream, { seq }] of heads) this.#steppedAt.set(stream, seq)
    void this.#background({ events: this.#told([gatewayEvent(at, { action: 'clock-stepped', offsetMs, epoch: journal.epoch, streams: Object.fromEntries(ranges) })]), urgent: true })
  }

  #woken(now: EpochMs): void {
    const { engine, desk } = this.#parts
    if (isDue(engine.wakeAt(), now)) this.#decide(now)
    if (isDue(desk.wakeAt(), now)) void this.#alerts(desk.tick(now))
  }

  /** A tick, as history keeps it. */
  #decide(now: EpochMs): void {
    const { engine, history } = this.#parts
    history?.tick(now)
    const work = this.#decided(engine.tick(now), [])
    if (!isEmpty(work)) void this.#background(work)
  }

  /** Nobody waits for it, and nothing is thrown. */
  #background(work: Work): Promise<void> {
    return this.#commit(work).catch((error: unknown) => {
      this.#lose({ readings: work.readings?.length ?? 0, events: work.events?.length ?? 0 })
      this.#parts.log.error({ code: codeOf(error) }, describe(error))
    })
  }
}

const noOutcome: Outcome = { effects: [], state: [] }

/** Where a connection's driver keeps what it remembers. */
export const memoryKey = (connectionId: string, key: string): string => `driver/${connectionId}/${key}`

const isDue = (wakeAt: EpochMs | undefined, now: EpochMs): boolean => wakeAt !== undefined && wakeAt <= now
const earliest = (a: EpochMs | undefined, b: EpochMs | undefined): EpochMs | undefined => (a === undefined || (b !== undefined && b < a) ? b : a)

function isEmpty(work: Work): boolean {
  return !work.events?.length && !work.readings?.length && !work.state?.length
}
