import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Clock, EpochMs } from '../contract/index.ts'
import { codeOf, describe, GatewayError, StoreError, type Logger } from '../kit/index.ts'
import { HourFiles } from './hours.ts'
import { BlockLog, type BlockKind } from './log.ts'
import { filedUpTo, recover, type Recovered } from './recovery.ts'
import { hourMs, hoursFolder, plausible, rawFolder } from './rows.ts'
import { trim } from './trim.ts'

export interface WriterOptions {
  readonly folder: string
  readonly clock: Clock
  readonly log: Logger
  /** Minutes and raw readings together; the oldest raw readings go first. */
  readonly maxBytes: number
  readonly rawDays: number
  readonly minuteDays: number
  /** Below this much free space nothing is written and the oldest goes: the journal goes first. Default 64 MiB. */
  readonly minFreeBytes?: number
}

const dayMs = 24 * hourMs
const retryMs = 10_000
/** Blocks that wait for a slow disk. */
const maxWaiting = 16
const defaultMinFree = 64 << 20

/**
 * All file work of the history, one piece after the other, so that a chart or replay never meets a half-moved hour. A failure pauses the
 * writing and is tried again; nothing waits for it.
 */
export class Writer {
  readonly log: BlockLog
  readonly files: HourFiles
  lost = 0
  damaged = 0
  readonly #options: WriterOptions
  readonly #recovered: (found: Recovered) => void
  #work = Promise.resolve()
  #waiting = 0
  #begun = false
  /** Monotonic; null while all is well. */
  #retryAt: number | null = null
  #spaceLow = false
  /** By age nothing goes before this (monotonic). */
  #trimFrom = 0

  /** Begins at once, behind everything else. `recovered` is called before the first piece of work. */
  constructor(options: WriterOptions, recovered: (found: Recovered) => void) {
    this.#options = options
    this.#recovered = recovered
    this.log = new BlockLog(path.join(options.folder, rawFolder))
    this.files = new HourFiles({ folder: path.join(options.folder, hoursFolder), damaged: (file, error) => this.damage(error, file), pause: () => setImmediate() })
    this.run(() => this.trim(options.clock.now()))
  }

  get failing(): boolean { return this.#retryAt !== null }
  get paused(): boolean { return this.failing || this.#spaceLow }

  /** Whether a block may be handed over; what may not is counted as lost. Asked before it is encoded. */
  willing(count: number): boolean {
    const willing = this.#waiting < maxWaiting && !this.#spaceLow && (this.#retryAt === null || this.#options.clock.monotonic() >= this.#retryAt)
    if (!willing) this.lost += count
    return willing
  }

  append(kind: BlockKind, from: EpochMs, to: EpochMs, payload: Buffer, count: number): void {
    this.#waiting++
    let written = false
    this.run(async () => {
      await this.log.append(kind, from, to, payload)
      written = true
      if (this.#retryAt === null) return
      this.#retryAt = null
      this.#options.log.info({ lost: this.lost }, 'the history is written again')
    }, () => { this.#waiting--; if (!written) this.lost += count })
  }

  /** `done` is called in any case. */
  run(work: () => Promise<void>, done: () => void = () => {}): void {
    this.#work = this.#work.then(async () => {
      if (!this.#begun) await this.#begin()
      await work()
    }).catch((error: unknown) => this.#fail(error)).then(done)
  }

  /** For questions: what goes wrong is the asker's. Throws StoreError HISTORY_UNREADABLE. */
  ask<T>(work: () => Promise<T>): Promise<T> {
    const answer = this.#work.then(work).catch((cause: unknown) => {
      if (cause instanceof GatewayError) throw cause
      throw new StoreError('HISTORY_UNREADABLE', `the history in ${this.#options.folder} cannot be read: ${describe(cause)}; check the disk`, { cause, retriable: true })
    })
    this.#work = answer.then(() => {}, () => {})
    return answer
  }

  /** A clock that jumped far ahead may jump back: for a day nothing is old. */
  distrustAge(): void { this.#trimFrom = this.#options.clock.monotonic() + dayMs }

  async trim(now: EpochMs): Promise<void> {
    const { folder, maxBytes, rawDays, minuteDays, clock, log, minFreeBytes = defaultMinFree } = this.#options
    const believed = now >= plausible && clock.monotonic() >= this.#trimFrom
    // Somebody may have removed the folder; it is disposable.
    await this.#make()
    const lacking = await trim(this.log, this.files, { folder, maxBytes, minFreeBytes, rawBefore: believed ? now - rawDays * dayMs : null, minutesBefore: believed ? now - minuteDays * dayMs : null })
    if (lacking > 0 && !this.#spaceLow) log.error({ code: 'HISTORY_PAUSED', lacking }, `the disk of ${folder} has less than ${minFreeBytes >> 20} MiB free, which are left to the journal; the history pauses. Free some space`)
    if (lacking <= 0 && this.#spaceLow) log.info({ lost: this.lost }, 'the disk has room again; the history goes on')
    this.#spaceLow = lacking > 0
    await this.files.lookBack()
  }

  damage(error?: unknown, file = this.#options.folder): void {
    this.damaged++
    // A disk that is going would fill the log.
    if (this.damaged % 100 === 1) this.#options.log.warn({ code: 'HISTORY_DAMAGED', file, damaged: this.damaged, cause: error === undefined ? undefined : describe(error) }, `a part of the history in ${file} did not read back and is left out`)
  }

  /** Resolves when all work handed over before is done. */
  async close(): Promise<void> {
    await this.#work
    await this.log.close()
  }

  async #begin(): Promise<void> {
    const { folder, log } = this.#options
    await this.#make().catch(async (error: unknown) => {
      if (codeOf(error) !== 'EEXIST' && codeOf(error) !== 'ENOTDIR') throw error
      log.warn({ code: 'HISTORY_DAMAGED' }, `${folder} is no history; it is thrown away and begun anew`)
      await rm(folder, { recursive: true, force: true })
      await this.#make()
    })
    await this.log.find()
    await this.files.find()
    // Where the log lost its end, numbers that an hour's file counts on are not given again.
    this.log.reserve(Math.max(0, ...(await filedUpTo(this.files)).values()) + 1)
    this.#recovered(await recover(this.log, this.files, (error) => this.damage(error)))
    this.#begun = true
  }

  async #make(): Promise<void> {
    for (const name of [rawFolder, hoursFolder]) await mkdir(path.join(this.#options.folder, name), { recursive: true })
  }

  #fail(error: unknown): void {
    const first = this.#retryAt === null
    this.#retryAt = this.#options.clock.monotonic() + retryMs
    if (first) this.#options.log.error({ code: 'HISTORY_PAUSED', cause: codeOf(error) }, `the history cannot be written (${describe(error)}); it pauses, and everything else goes on. Check free space and the disk`)
  }
}
