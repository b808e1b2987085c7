import { statfs } from 'node:fs/promises'
import type { Clock, EpochMs, EventLog, GatewayEvent } from '../contract/index.ts'
import { codeOf, describe, type Logger } from '../kit/index.ts'
import { dayMs, dayOf, type Kind } from './day-file.ts'
import { Folder } from './folder.ts'
import { filedAt, lineOf } from './line.ts'
import { eventsIn } from './stored.ts'

export interface EventLogOptions {
  readonly folder: string
  readonly clock: Clock
  readonly log: Logger
  readonly keepDays: number
  /** Of access events: the day's file is deleted when its last event is so old. */
  readonly retainDays: number
  /** Both kinds together; beyond it the oldest days go. */
  readonly maxBytes: number
  /** Below this much free space nothing is written: the journal goes first. Default 64 MiB. */
  readonly minFreeBytes?: number
}

export interface EventLogStatistics {
  readonly recorded: number
  /** Could not be written: the disk failed or was full, or the day had enough. The journal and the city have them. */
  readonly lost: number
  /** Lines that did not read back, each time they were read. */
  readonly damaged: number
  readonly bytes: number
  readonly maxBytes: number
  /** First day that is kept; null where there is none. */
  readonly oldest: EpochMs | null
  readonly paused: boolean
}

/** A killed process loses at most so much. */
const flushMs = 1_000
const retryMs = 10_000
const tendMs = 3_600_000
const maxPendingBytes = 2 << 20
/** A day takes at most this share of the whole: one bad day does not drive out a year. */
const dayShare = 8
const defaultMinFree = 64 << 20
/** A day is sealed so long after its end. */
const graceMs = 3_600_000
/** 2020-01-01: before it the clock was not set, and nothing is old. */
const plausible = 1_577_836_800_000

/** The journal is the truth: nothing here waits for the disk, and no fsync but one a sealed day. */
export class FileEventLog implements EventLog, AsyncDisposable {
  readonly #options: EventLogOptions
  readonly #folder: Folder
  #work: Promise<void>
  #begun = false
  #closed = false
  #pending = new Map<string, { readonly kind: Kind; readonly day: number; text: string; count: number }>()
  #pendingBytes = 0
  #counters = { recorded: 0, lost: 0, damaged: 0 }
  #paused = false
  /** Monotonic: not tried again before. */
  #retryAt = -Infinity
  /** Monotonic: nothing is deleted for its age before. */
  #trustedFrom = -Infinity
  #seen: { readonly wall: EpochMs; readonly mono: number }
  #cancelFlush: (() => void) | null = null
  #cancelTend: () => void = () => {}

  /** Begins at once, in the background. */
  constructor(options: EventLogOptions) {
    this.#options = options
    this.#folder = new Folder(options.folder)
    this.#seen = { wall: options.clock.now(), mono: options.clock.monotonic() }
    this.#work = Promise.resolve()
    this.#run(() => this.#tend())
    this.#planTend()
  }

  record(events: readonly GatewayEvent[]): void {
    if (this.#closed) return
    const now = this.#options.clock.now()
    for (const event of events) {
      const filed = filedAt(event.at, now)
      const line = lineOf(event, filed)
      if (this.#pendingBytes + line.length > maxPendingBytes) { this.#counters.lost++; continue }
      const kind: Kind = event.type === 'access' ? 'access' : 'events'
      const day = dayOf(filed)
      const known = this.#pending.get(`${kind}/${day}`) ?? { kind, day, text: '', count: 0 }
      this.#pending.set(`${kind}/${day}`, { ...known, text: known.text + line, count: known.count + 1 })
      this.#pendingBytes += line.length
    }
    if (this.#pending.size > 0) this.#planFlush()
  }

  async *read(from: EpochMs, to: EpochMs, types?: readonly string[]): AsyncGenerator<GatewayEvent> {
    this.#flush()
    yield* eventsIn(this.#folder, { from, to, types }, () => { this.#counters.damaged++ }, (work) => this.#ask(work))
  }

  statistics(): EventLogStatistics {
    const [oldest] = this.#folder.files
    return { ...this.#counters, bytes: this.#folder.bytes, maxBytes: this.#options.maxBytes, oldest: oldest ? oldest.day * dayMs : null, paused: this.#paused }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#cancelTend()
    this.#flush()
    this.#closed = true
    await this.#work
  }

  #planFlush(): void { this.#cancelFlush ??= this.#options.clock.after(flushMs, () => this.#flush()) }
  #planTend(): void { this.#cancelTend = this.#options.clock.after(tendMs, () => { this.#run(() => this.#tend()); this.#planTend() }) }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = null
    if (this.#pending.size > 0) this.#run(() => this.#write())
  }

  /** One piece after the other. A failure is told once, and tried again later. */
  #run(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (!this.#begun) { await this.#folder.find(); this.#begun = true }
      await work()
    }).catch((error: unknown) => this.#fail(error))
  }

  #ask<T>(work: () => Promise<T>): Promise<T> {
    const answer = this.#work.then(work)
    this.#work = answer.then(() => {}, () => {})
    return answer
  }

  async #write(): Promise<void> {
    const { clock, log, folder, maxBytes, minFreeBytes = defaultMinFree } = this.#options
    if (!this.#closed && clock.monotonic() < this.#retryAt) return this.#planFlush()
    const { bavail, bsize } = await statfs(folder)
    if (bavail * bsize < minFreeBytes) return this.#pause(`the disk of ${folder} has less than ${minFreeBytes >> 20} MiB free, which are left to the journal`)
    for (const [key, { kind, day, text, count }] of this.#pending) {
      this.#pending.delete(key)
      this.#pendingBytes -= text.length
      if (this.#folder.bytesOf(kind, day) + text.length > maxBytes / dayShare) { this.#counters.lost += count; continue }
      try {
        await this.#folder.append(kind, day, text)
        this.#counters.recorded += count
      } catch (error) {
        this.#counters.lost += count
        throw error
      }
    }
    if (this.#folder.bytes > maxBytes) await this.#trim()
    if (this.#paused) log.info({ lost: this.#counters.lost }, 'the event log is written again')
    this.#paused = false
  }

  /** Once an hour, and at the start: what is old goes, days that are over are packed. */
  async #tend(): Promise<void> {
    if (this.#begun) await this.#folder.find()
    await this.#trim()
    const today = dayOf(this.#options.clock.now() - graceMs)
    for (const file of this.#folder.files) if (file.state === 'open' && file.day < today) await this.#folder.seal(file, () => { this.#counters.damaged++ })
  }

  async #trim(): Promise<void> {
    const { clock, keepDays, retainDays, maxBytes } = this.#options
    const now = clock.now()
    this.#watchClock(now)
    const believed = now >= plausible && clock.monotonic() >= this.#trustedFrom
    for (const file of this.#folder.files) {
      const days = file.kind === 'access' ? retainDays : keepDays
      if (believed && (file.day + 1 + days) * dayMs <= now) await this.#folder.remove(file)
    }
    for (const file of this.#folder.files) if (this.#folder.bytes > maxBytes) await this.#folder.remove(file)
  }

  /** A clock that jumped far ahead may jump back: for a day nothing is old. */
  #watchClock(wall: EpochMs): void {
    const mono = this.#options.clock.monotonic()
    if (wall - this.#seen.wall - (mono - this.#seen.mono) > dayMs && this.#seen.wall >= plausible) this.#trustedFrom = mono + dayMs
    this.#seen = { wall, mono }
  }

  #fail(error: unknown): void { this.#pause(`the event log cannot be written (${codeOf(error)}: ${describe(error)})`) }

  #pause(why: string): void {
    if (!this.#paused) this.#options.log.error({ code: 'EVENT_LOG_PAUSED' }, `${why}; it pauses, and everything else goes on. Check free space and the disk`)
    this.#paused = true
    this.#retryAt = this.#options.clock.monotonic() + retryMs
    if (this.#pending.size > 0 && !this.#closed) this.#planFlush()
  }
}
