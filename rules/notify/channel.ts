import type { AlertEntry, ChannelStatus, ChannelTrial, Clock, GatewayConditions, JournalReader, Random, Stored } from '../../gateway/contract/index.ts'
import { backoffMs, codeOf, defaultBackoff, describe, type Logger } from '../../gateway/kit/index.ts'
import { Budget } from './budget.ts'
import type { Message } from './message.ts'
import { noticeFor, type AlertRecord, type Notice } from './notice.ts'
import { NotifyError } from './notify-error.ts'
import { NoticeQueue, type Entry } from './queue.ts'
import type { ChannelConfig } from './schema.ts'
import type { Sender } from './sender.ts'
import { words } from './words.ts'

/** A line for an alert's timeline. */
export interface Receipt { readonly alert: string; readonly entry: AlertEntry }

export interface ChannelParts {
  readonly config: ChannelConfig
  readonly reader: JournalReader
  readonly sender: Sender
  /** Of this life of the journal: its records cannot be older than we are. */
  readonly epoch: string
  /** Throws DataError for bytes that are no record. */
  decode(bytes: Uint8Array): AlertRecord
  /** Numbers of those who have one. Never throws. */
  phonesOf(persons: readonly string[]): Promise<readonly string[]>
  /** What became of messages about alerts. Never throws, waits for nothing. */
  receipts(receipts: readonly Receipt[]): void
  readonly conditions: GatewayConditions
  onCommit(listener: () => void): () => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/** More than this waiting go as one message. */
const singly = 5
const mostTogether = 1_000
/** A message in the air when the gateway stops may still arrive: a repeat after the restart is spared. */
const partingMs = 2_000
const failingForMs = 300_000

/** One way to people: reads the alert stream, delivers in order and at least once, and says in the alert's timeline what became of it. */
export class Channel {
  readonly id: string
  readonly #parts: ChannelParts
  readonly #queue: NoticeQueue
  readonly #budget: Budget
  readonly #born: number
  readonly #counters = { sent: 0, delivered: 0, undelivered: 0 }
  #state: ChannelStatus['state'] = 'idle'
  #lastSentAt: number | undefined
  #error: { readonly code: string; readonly detail: string; readonly since: number } | null = null
  #attempts = 0
  /** Monotonic. */
  #notBefore = 0
  /** The rate was used up: what waits by then goes as one. */
  #throttled = false
  /** Halved when a message of several was refused for its content, until the one to blame is alone. */
  #most = mostTogether
  #fresh = true
  #wake: (() => void) | null = null

  constructor(parts: ChannelParts) {
    this.id = parts.config.id
    this.#parts = parts
    this.#queue = new NoticeQueue(parts.reader, (record) => this.#noticeOf(record))
    this.#budget = new Budget(parts.config.perMinute)
    this.#born = parts.clock.monotonic()
  }

  status(): ChannelStatus {
    return {
      id: this.id, kind: this.#parts.config.kind, state: this.#state === 'stopped' || !this.#error ? this.#state : 'failing', ...this.#counters, waiting: this.#queue.waiting.length,
      ...(this.#lastSentAt === undefined ? {} : { lastSentAt: this.#lastSentAt }), ...(this.#error ? { lastError: this.#error.code, lastErrorDetail: this.#error.detail } : {}),
    }
  }

  /** Resolves when `signal` aborts, and what is in the air has arrived or had 2 s to. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const stopListening = this.#parts.onCommit(() => { this.#fresh = true; this.#wake?.() })
    while (!signal.aborted) await this.#turn(signal)
    stopListening()
    const over = new AbortController()
    await Promise.race([this.#queue.settled(), this.#parts.clock.sleep(partingMs, over.signal).catch(() => {})])
    // A timer that is left would hold up the end of the process.
    over.abort()
    this.#state = 'stopped'
  }

  /** One message marked TEST, past the queue, within the rate. */
  async test(signal: AbortSignal): Promise<ChannelTrial> {
    const { clock } = this.#parts
    const now = clock.monotonic()
    if (this.#budget.waitMs(now) > 0) return { channel: this.id, ok: false, code: 'NOTIFY_RATE_LIMITED', detail: `channel ${this.id} has sent as many messages as perMinute allows; try again in a minute` }
    this.#budget.spend(now)
    return tryOut(this.id, this.#parts.sender, clock, signal)
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    this.#fresh = false
    try { await this.#queue.fill() } catch (error) { return this.#unreadable(error, signal) }
    this.#giveUpOld()
    const waiting = this.#queue.waiting
    if (waiting.length === 0) { this.#throttled = false; return this.#idle(signal) }
    const now = clock.monotonic()
    const spent = this.#budget.waitMs(now)
    if (spent > 0) this.#throttled = true
    const pause = Math.max(this.#notBefore - now, spent)
    if (pause > 0) { this.#state = 'waiting'; return void await clock.sleep(pause, signal).catch(() => {}) }
    const together = this.#throttled || waiting.length > singly ? this.#most : 1
    await this.#attempt(waiting.slice(0, together), signal)
  }

  async #idle(signal: AbortSignal): Promise<void> {
    this.#state = 'idle'
    if (this.#fresh || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    signal.addEventListener('abort', this.#wake, { once: true })
    await promise
    signal.removeEventListener('abort', this.#wake)
    this.#wake = null
  }

  /** What is held back by an error of the disk is told by the store. */
  async #unreadable(error: unknown, signal: AbortSignal): Promise<void> {
    this.#parts.log.warn({ code: codeOf(error) }, `channel ${this.id}: the journal cannot be read; it is tried again`)
    await this.#parts.clock.sleep(backoffMs(defaultBackoff, this.#attempts++, this.#parts.random), signal).catch(() => {})
  }

  async #attempt(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const { clock, sender, phonesOf } = this.#parts
    this.#state = 'sending'
    this.#budget.spend(clock.monotonic())
    const notices = entries.map(({ notice }) => notice)
    const air = airOf(clock, signal)
    try {
      const message: Message = { notices, phones: await phonesOf([...new Set(notices.flatMap(({ mention }) => mention))]) }
      await sender.send(message, air.signal)
    } catch (error) {
      return this.#failed(entries, error)
    } finally {
      air[Symbol.dispose]()
    }
    this.#counters.sent++
    this.#counters.delivered += entries.length
    this.#lastSentAt = clock.now()
    this.#attempts = 0
    this.#most = Math.min(mostTogether, this.#most * 2)
    if (entries.length === this.#queue.waiting.length) this.#throttled = false
    if (this.#error) this.#parts.log.info({}, `channel ${this.id}: messages get through again`)
    this.#error = null
    this.#parts.conditions.clear(`notify/${this.id}/failing`)
    this.#queue.done(entries)
    this.#note(entries, 'delivered')
  }

  #failed(entries: readonly Entry[], error: unknown): void {
    const { clock, random } = this.#parts
    // A secret that is not there may be put there; a mistake of ours must not cost an alert.
    const known = error instanceof NotifyError ? error : new NotifyError(codeOf(error), describe(error), { retriable: true })
    this.#report(known)
    if (known.retriable) {
      this.#notBefore = clock.monotonic() + Math.max(backoffMs(defaultBackoff, this.#attempts++, random), known.retryAfterMs)
    } else if (known.content && entries.length > 1) {
      this.#most = Math.ceil(entries.length / 2)
      this.#throttled = true
    } else {
      this.#giveUp(entries, known.code)
    }
  }

  #report({ code, message, retriable }: NotifyError): void {
    const { log, clock, conditions } = this.#parts
    if (this.#error?.code === code) log.debug({ code }, message)
    else log.warn({ code }, message)
    this.#error = { code, detail: message, since: this.#error?.since ?? clock.monotonic() }
    if (retriable && clock.monotonic() - this.#error.since < failingForMs) return
    conditions.raise({ key: `notify/${this.id}/failing`, severity: 3, title: { zh: `通知通道 ${this.id} 发不出消息`, en: `channel ${this.id} cannot deliver messages` }, data: { channel: this.id, code } })
  }

  #giveUpOld(): void {
    const old = this.#queue.waiting.filter(({ record, notice }) => this.#ageOf(record, notice) > this.#parts.config.maxAge)
    if (old.length === 0) return
    this.#parts.log.warn({ code: 'NOTIFY_TOO_OLD', count: old.length }, `channel ${this.id}: ${old.length} messages could not be delivered within maxAge and are given up`)
    this.#giveUp(old, 'NOTIFY_TOO_OLD')
  }

  /** By the wall clock; a record of this life is at most as old as this life, whatever the clock jumped (law 10). */
  #ageOf(record: Stored, notice: Notice): number {
    const age = this.#parts.clock.now() - notice.at
    return record.epoch === this.#parts.epoch ? Math.min(age, this.#parts.clock.monotonic() - this.#born) : age
  }

  #giveUp(entries: readonly Entry[], code: string): void {
    this.#counters.undelivered += entries.length
    this.#queue.done(entries)
    this.#note(entries, 'undelivered', code)
  }

  /** Once an alert, also when a message told of several of its steps. */
  #note(entries: readonly Entry[], what: 'delivered' | 'undelivered', code?: string): void {
    const alerts = new Set(entries.flatMap(({ notice }) => notice.alert ?? []))
    if (alerts.size === 0) return
    const entry: AlertEntry = { at: this.#parts.clock.now(), what, data: { channel: this.id, ...(code ? { code } : {}) } }
    this.#parts.receipts([...alerts].map((alert) => ({ alert, entry })))
  }

  #noticeOf(record: Stored): Notice | null {
    let notice: Notice | null
    try { notice = noticeFor(this.id, this.#parts.decode(record.bytes)) } catch { return null }
    return notice && (notice.severity ?? 0) <= this.#parts.config.minSeverity ? notice : null
  }
}

/** One trial message through a sender. */
export async function tryOut(channel: string, sender: Sender, clock: Clock, signal: AbortSignal): Promise<ChannelTrial> {
  const at = clock.now()
  const began = clock.monotonic()
  try {
    await sender.send({ test: true, phones: [], notices: [{ alert: null, rule: '', step: 'notice', severity: null, title: words.testTitle, at, raisedAt: at, count: 1, mention: [] }] }, signal)
    return { channel, ok: true, ms: Math.round(clock.monotonic() - began) }
  } catch (error) {
    return { channel, ok: false, code: codeOf(error), detail: describe(error) }
  }
}

/** Goes on for a moment when the gateway stops. */
function airOf(clock: Clock, signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const air = new AbortController()
  let cancel = (): void => {}
  const stopping = (): void => { cancel = clock.after(partingMs, () => air.abort()) }
  if (signal.aborted) stopping()
  else signal.addEventListener('abort', stopping, { once: true })
  return { signal: air.signal, [Symbol.dispose]() { cancel(); signal.removeEventListener('abort', stopping) } }
}
