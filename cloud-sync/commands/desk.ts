import type { ActAnswer, AlertAct, Clock, CommandResult, EpochMs, GatewayEvent, PointConfig, PointId, PointWriter, StateStore, StateWrite, TimeQuality } from '../../gateway/contract/index.ts'
import { codeOf, describe, GatewayError, type Logger } from '../../gateway/kit/index.ts'
import { actIdOf, bookState, CommandBook, entryKey, stateWrite, wishOf, type Entry } from './book.ts'
import { carryOut, type Command } from './run.ts'
import { judge, judgeTime, type Refusal } from './rules.ts'
import { isOfAlert, type AlertRequest, type CityRequest } from './request.ts'
import { parseRequest, type CommandsConfig } from './schema.ts'
import type { EffectParts } from './effect.ts'
import { within } from '../parting.ts'
import { Rates } from './rates.ts'

export interface CommandParts extends EffectParts {
  readonly clock: Clock
  readonly log: Logger
  readonly writer: PointWriter
  readonly state: StateStore
  point(id: PointId): PointConfig | undefined
  timeQuality(): TimeQuality
  /** What is done with an alert; the caller commits what it comes to. Absent: no alerts here. */
  act?(act: AlertAct, now: EpochMs): ActAnswer
  /** One atomic, fsync'd batch. */
  record(events: readonly GatewayEvent[], state: readonly StateWrite[]): Promise<void>
}

/** A request as an uplink heard it. */
export interface Submission {
  readonly uplink: string
  readonly config: CommandsConfig
  readonly payload: Uint8Array
  readonly retained: boolean
  /** MQTT 5 message expiry, what is left of it: ends the command's life by the monotonic clock. */
  readonly lifeMs?: number | undefined
  /** Called for each state; must not throw. */
  answer(result: CommandResult & { readonly repeat?: true }): void
}

/** `accepted`: remembered on disk and then carried out, or not in time. */
export interface CommandCounters { received: number; accepted: number; done: number; failed: number; expired: number; rejected: number; repeated: number }

const maxActive = 64
const maxListeners = 8
const partingMs = 3_000
/** Requests turned away unread or from strangers are recorded too, but nobody may fill the journal with them. */
const auditedPerMinute = 30

/** What goes into the batch of a result. */
interface More { readonly events?: readonly GatewayEvent[]; readonly state?: readonly StateWrite[] }

interface Active { readonly listeners: Submission['answer'][] }

/** Commands from outside, from their arrival to their result. Nothing is written before the fsync that remembers its key. */
export class CommandDesk implements AsyncDisposable {
  readonly counters: CommandCounters = { received: 0, accepted: 0, done: 0, failed: 0, expired: 0, rejected: 0, repeated: 0 }
  readonly #parts: CommandParts
  readonly #book = new CommandBook()
  readonly #active = new Map<Entry, Active>()
  readonly #lanes = new Map<PointId, Promise<unknown>>()
  readonly #rates: Rates
  readonly #stop = new AbortController()
  readonly #work = new Set<Promise<void>>()
  #unaudited = 0

  private constructor(parts: CommandParts) { this.#parts = parts; this.#rates = new Rates(parts.clock) }

  /** Reads what the last life left: a command whose end nobody saw is told as failed, and never carried out again. */
  static async open(parts: CommandParts): Promise<CommandDesk> {
    const desk = new CommandDesk(parts)
    for (const entry of desk.#book.restore(await parts.state.entries(bookState))) {
      const refusal: Refusal = entry.result.state === 'running'
        ? { state: 'failed', code: 'COMMAND_OUTCOME_UNKNOWN', detail: `outcome unknown: the gateway restarted while ${entry.result.point} was written; read the point before commanding it again` }
        : { state: 'failed', code: 'COMMAND_NOT_STARTED', detail: 'not carried out: the gateway restarted before it began; send it again with a new key' }
      await desk.#tell(entry, refusal)
    }
    return desk
  }

  /** Taken and not yet ended. */
  get running(): number { return this.#active.size }

  submit(submission: Submission): void {
    this.counters.received++
    try {
      if (submission.retained) throw new GatewayError('COMMAND_RETAINED', 'the request is a retained message, which would come again at every connection; publish it without retain')
      this.#take(submission, parseRequest(submission.payload))
    } catch (error) {
      const id = error instanceof GatewayError && typeof error.values.id === 'string' ? error.values.id : null
      this.#turnAway(submission, { id }, codeOf(error), describe(error))
    }
  }

  /** Calls off what is running and waits until each has its result. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    // A failing disk may keep a result waiting for ever; the restart tells it then.
    await within(this.#parts.clock, partingMs, Promise.all(this.#work))
  }

  #take(submission: Submission, request: CityRequest): void {
    const { uplink, config } = submission
    const { clock, timeQuality } = this.#parts
    const away = (code: string, detail: string): void => this.#turnAway(submission, about(request), code, detail)
    if (this.#stop.signal.aborted) return away('COMMAND_NOT_STARTED', 'the gateway is stopping; send it again')
    const policy = config.actors.find(({ name }) => name === request.actor)
    if (!policy) return away('COMMAND_ACTOR', `"${request.actor}" is not among the actors that uplink ${uplink} lists; add it to commands.actors of the site file, if it may command`)
    if (!(isOfAlert(request) ? policy.alerts : policy.points)) return away('COMMAND_ACTOR', isOfAlert(request) ? `"${request.actor}" may not act on alerts; write commands: { actors: { ${request.actor}: { alerts: true } } } in the site file, if it may` : `"${request.actor}" may not write points; its policy in commands.actors says so`)
    if (!this.#rates.take(`${uplink}/${request.actor}`, config.perMinute)) return away('COMMAND_RATE', `more than ${config.perMinute} requests a minute from "${request.actor}"; send fewer, or raise commands.perMinute`)
    const key = entryKey(uplink, request)
    const known = this.#book.find(key)
    if (known) return known.wish === wishOf(request) ? this.#repeat(submission, request, known) : away('COMMAND_KEY_REUSED', `this idempotency key was used for another command (${known.result.id}); use a new key`)
    const now = clock.now()
    const pruned = timeQuality() === 'unsynced' ? [] : this.#book.prune(now)
    if (this.#active.size >= maxActive) return away('COMMAND_QUEUE_FULL', `${maxActive} commands are waiting or running; send it again later`)
    if (this.#book.full) return away('COMMAND_BOOK_FULL', 'so many commands were taken within 24 hours that no further one can be remembered; send it again later')
    const entry: Entry = { key, receivedAt: now, wish: wishOf(request), result: { ...about(request), state: 'accepted', at: now } }
    this.#book.add(entry)
    this.#active.set(entry, { listeners: [submission.answer] })
    const work = isOfAlert(request) ? this.#act(request, entry, pruned) : this.#write(submission, request, entry, pruned)
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }

  #repeat({ answer }: Submission, { id }: CityRequest, entry: Entry): void {
    this.counters.repeated++
    const told: Submission['answer'] = (result) => answer({ ...result, id, repeat: true })
    const active = this.#active.get(entry)
    if (active && active.listeners.length < maxListeners) active.listeners.push(told)
    told(entry.result)
  }

  #write({ config, lifeMs }: Submission, request: Exclude<CityRequest, AlertRequest>, entry: Entry, pruned: readonly StateWrite[]): Promise<void> {
    const { clock, timeQuality } = this.#parts
    const point = this.#parts.point(request.point)
    const refusal = judge(request, point, clock.now(), timeQuality())
    const start = clock.monotonic()
    if (refusal || !point) return this.#finish(entry, refusal!, { state: pruned })
    return this.#run({ request, point, entry, deadline: start + config.timeout, diesAt: start + (lifeMs ?? Infinity) }, pruned)
  }

  /** At once, and in one batch with its record: nothing to wait for, and never half done. Its time is when it was done at the city. */
  #act({ actor, wish, ...request }: AlertRequest, entry: Entry, pruned: readonly StateWrite[]): Promise<void> {
    const { clock, timeQuality, act } = this.#parts
    const [now, quality] = [clock.now(), timeQuality()]
    const late = judgeTime(request, now, quality)
    if (late) return this.#finish(entry, late, { state: pruned })
    const at = quality === 'unsynced' ? now : Math.min(request.issuedAt, now)
    const answer = act?.({ ...wish, id: actIdOf(entry.key), at, by: actor, origin: 'city' }, now) ?? ({ outcome: 'refused', code: 'ALERT_UNKNOWN', detail: 'this gateway has no alerts' } as const)
    if (answer.outcome === 'refused') return this.#finish(entry, { state: 'rejected', code: answer.code, detail: answer.detail }, { state: pruned })
    const { alert, outcome, events, state } = answer
    const first = outcome === 'already' ? alert.resolved ?? alert.acknowledged : undefined
    return this.#finish(entry, { state: 'done', phase: alert.state, ...(outcome === 'already' ? { effect: 'already' } : {}), ...(first ? { first: { by: first.by, at: first.at } } : {}) }, { events, state: [...state, ...pruned] })
  }

  async #run(command: Command, pruned: readonly StateWrite[]): Promise<void> {
    const { entry, request } = command
    if (!await this.#advance(entry, entry.result, pruned)) return
    this.counters.accepted++
    const turn = this.#lanes.get(request.point) ?? Promise.resolve()
    const { outcome, settled } = carryOut(command, turn, {
      ...this.#parts, stop: this.#stop.signal,
      running: async () => { await this.#advance(entry, { ...entry.result, state: 'running', at: this.#parts.clock.now() }, []) },
    })
    // The next command of this point waits until the driver has let go, not only until we gave up waiting for it.
    const lane: Promise<void> = settled.finally(() => { if (this.#lanes.get(request.point) === lane) this.#lanes.delete(request.point) })
    this.#lanes.set(request.point, lane)
    await this.#finish(entry, await outcome)
  }

  /** False when it could not be stored: then it is as if it had never come. */
  async #advance(entry: Entry, result: CommandResult, more: readonly StateWrite[]): Promise<boolean> {
    entry.result = result
    try {
      await this.#store(entry, { state: more })
      this.#answer(entry)
      return true
    } catch (error) {
      if (result.state !== 'accepted') throw error
      this.#book.forget(entry.key)
      entry.result = { ...result, state: 'rejected', code: 'COMMAND_NOT_STORED', detail: `the journal cannot take it now (${codeOf(error)}); nothing was done, send it again later` }
      this.counters.rejected++
      this.#answer(entry)
      this.#active.delete(entry)
      return false
    }
  }

  async #finish(entry: Entry, outcome: Omit<CommandResult, 'id' | 'at'>, more: More = {}): Promise<void> {
    entry.result = { ...entry.result, ...outcome, at: this.#parts.clock.now() }
    const { state, code } = entry.result
    if (state !== 'accepted' && state !== 'running') this.counters[state]++
    this.#parts.log.info({ command: entry.result.id, actor: entry.result.actor, point: entry.result.point, state, code }, `command ${state}`)
    await this.#store(entry, more).catch((error: unknown) => this.#parts.log.error({ code: codeOf(error), command: entry.result.id }, `the result of a command could not be stored: ${describe(error)}`))
    this.#answer(entry)
    this.#active.delete(entry)
  }

  async #tell(entry: Entry, outcome: Refusal): Promise<void> { await this.#finish(entry, outcome) }

  #store(entry: Entry, { events = [], state = [] }: More): Promise<void> {
    const { point } = entry.result
    return this.#parts.record([...events, commandEvent(entry.result, point === undefined ? undefined : this.#parts.point(point))], [stateWrite(entry), ...state])
  }

  #answer(entry: Entry): void {
    for (const answer of this.#active.get(entry)?.listeners ?? []) answer(entry.result)
  }

  /** Answered and counted, recorded within bounds, not remembered: nothing was done and nothing hangs on its key. */
  #turnAway({ uplink, answer }: Submission, about: Pick<CommandResult, 'id'> & Partial<CommandResult>, code: string, detail: string): void {
    const result: CommandResult = { ...about, state: 'rejected', at: this.#parts.clock.now(), code, detail }
    this.counters.rejected++
    answer(result)
    if (!this.#rates.take('audit', auditedPerMinute)) { this.#unaudited++; return }
    const unrecorded = this.#unaudited
    this.#unaudited = 0
    this.#parts.log.warn({ code, uplink, command: about.id, actor: about.actor, unrecorded }, detail)
    const event = commandEvent(result, undefined)
    const work = this.#parts.record([{ ...event, data: { ...event.data, uplink, ...(unrecorded > 0 ? { unrecorded } : {}) } }], []).catch(() => { this.#unaudited += unrecorded + 1 })
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }
}

const about = (request: CityRequest) => {
  const { id, idempotencyKey: idempotencykey, actor } = request
  return { id, idempotencykey, actor, ...(isOfAlert(request) ? { alert: request.wish.alert, act: request.wish.act } : { point: request.point, value: request.value }) }
}

function commandEvent(result: CommandResult, point: PointConfig | undefined): GatewayEvent {
  return { stream: 'event', type: 'command', at: result.at, ...(point ? { subject: point.deviceId } : result.alert === undefined ? {} : { subject: result.alert }), data: result }
}
