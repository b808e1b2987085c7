import path from 'node:path'
import type { Clock, Random } from '../contract/index.ts'
import { backoffMs, codeOf, describe, StoreError, type Backoff, type Logger } from '../kit/index.ts'
import { begunAnew, openLevel, repaired, rootOf, setAside, unusable, type Level, type Opened } from './level.ts'
import { Reserve } from './reserve.ts'
import { Running } from './running.ts'
import { unsoundTables } from './tables.ts'

export type { Level }
export type Operation = { readonly type: 'put'; readonly key: string; readonly value: Buffer } | { readonly type: 'del'; readonly key: string }

export interface DatabaseOptions { readonly folder: string; readonly clock: Clock; readonly random: Random; readonly log: Logger; failing?(now: boolean): void }

const reopening: Backoff = { baseMs: 250, capMs: 10_000, factor: 2, jitter: 0.3 }

/**
 * LevelDB, kept open. An I/O error (a full disk above all) is sticky in LevelDB: the handle keeps failing after space was freed. So on
 * an error the handle is closed and opened again with back-off, and the operation is tried again: callers wait, nothing is lost. Damage that
 * shows only while reading is repaired the same way; where it shows again soon after, the database is replaced.
 */
export class Database implements AsyncDisposable {
  readonly #options: DatabaseOptions
  readonly #stop = new AbortController()
  readonly #reserve: Reserve
  readonly #running: Running
  /** Until `begun`: then a disk that fails is waited for, before it is an answer. */
  #patient = false
  /** What was there could not be saved and was moved aside: this one is new. */
  replaced: boolean
  /** One higher after each repair or replacement: what was read before it may not be there any more. */
  life = 0
  #repairedAt = -Infinity
  #level: Level
  #recovery: Promise<void> | null = null

  private constructor(options: DatabaseOptions, reserve: Reserve, running: Running, opened: Opened) {
    this.#options = options
    this.#running = running
    this.#reserve = reserve
    this.#level = opened.level
    this.replaced = opened.fresh
  }

  /** Throws StoreError STORE_LOCKED, STORE_UNUSABLE. A damaged index is repaired; what cannot be repaired is moved aside. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { folder, clock, log } = options
    const reserve = new Reserve(path.dirname(folder), clock, log)
    const running = new Running(path.dirname(folder))
    const doubtful = await running.begin(folder)
    await reserve.yield()
    try {
      const unsound = doubtful && !reserve.room && await setAside(folder, await unsoundTables(folder), log)
      const database = new Database(options, reserve, running, unsound ? await repaired(folder, log) : await openLevel(folder, log))
      if (reserve.room) { options.failing?.(true); database.#well() } else { await reserve.ensure() }
      return database
    } catch (error) {
      reserve.end()
      throw error
    }
  }

  /** The journal is open and has its first entries on disk. */
  begun(): void { this.#patient = true }

  get failing(): boolean { return this.#recovery !== null }
  /** While the disk is full: resolves when there is room for what is new. */
  get room(): Promise<void> | null { return this.#reserve.room }

  /**
   * `operation` must be repeatable. Throws StoreError JOURNAL_CLOSED when closed while waiting; with `grows` STORE_DISK_FULL while the disk is
   * full: it may be on disk all the same, in part or whole.
   */
  async run<T>(operation: (level: Level) => Promise<T>, { grows = false }: { readonly grows?: boolean } = {}): Promise<T> {
    for (let failures = 0; ;) {
      await this.#recovery
      if (this.#stop.signal.aborted) throw new StoreError('JOURNAL_CLOSED', 'the journal was closed while its disk was failing; what was not acknowledged will be sent again')
      if (grows && this.#reserve.room) throw new StoreError('STORE_DISK_FULL', 'the disk is full; free space on it, the gateway goes on by itself', { retriable: true })
      try {
        return await operation(this.#level)
      } catch (error) {
        if (!isStoreFault(error)) throw error
        if (!this.#patient && failures >= hopeless) throw unusable(this.#options.folder, rootOf(error))
        this.#recovery ??= this.#recover(error, ++failures >= hopeless).finally(() => { this.#recovery = null })
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#reserve.end()
    await this.#recovery
    await this.#level.close().catch(() => {})
    await this.#running.end()
  }

  /** Tells that the store works, once there is room for what is new. */
  #well(): void {
    const { room } = this.#reserve
    if (!room) return this.#options.failing?.(false)
    void room.then(() => { if (!this.#recovery && !this.#stop.signal.aborted) this.#options.failing?.(false) })
  }

  /** `lasting`: it came back after the database was opened anew, so it is no passing trouble. */
  async #recover(error: unknown, lasting: boolean): Promise<void> {
    const { folder, log, clock, random, failing } = this.#options
    failing?.(true)
    log.error({ code: 'STORE_FAILING', cause: codeOf(rootOf(error)) }, `the store failed (${describe(rootOf(error))}); acknowledgements wait until it works again. Check free space and the disk`)
    await this.#level.close().catch(() => {})
    await this.#reserve.yield()
    // On a full disk a repair would drop what could not be read for want of space. A table that is too short is called an I/O error.
    const damaged = codeOf(rootOf(error)) === 'LEVEL_CORRUPTION' ? !this.#reserve.room : lasting && await this.#reserve.ample()
    for (let attempt = 0; !this.#stop.signal.aborted && (this.#patient || attempt < hopeless); attempt++) {
      if (!damaged || attempt > 0) await clock.sleep(backoffMs(reopening, attempt, random), this.#stop.signal).catch(() => {})
      try {
        const { level, fresh } = damaged ? await this.#heal() : await openLevel(folder, log)
        this.#level = level
        if (fresh) this.replaced = true
        if (damaged || fresh) this.life++
        log.info({ attempts: attempt + 1 }, 'the store is open again')
        this.#well()
        return
      } catch (failure) {
        log.debug({ code: codeOf(failure) }, describe(failure))
      }
    }
  }

  #heal(): Promise<Opened> {
    const { folder, log, clock } = this.#options
    const again = clock.monotonic() - this.#repairedAt < healedMs
    this.#repairedAt = clock.monotonic()
    if (again) return begunAnew(folder, log)
    log.warn({ code: 'STORE_REPAIRED' }, 'the store is damaged; repairing it')
    return repaired(folder, log)
  }
}

/** So many failures of one operation, with the database opened anew between them, are damage. */
const hopeless = 3
/** A repair that held so long was a good one. */
const healedMs = 10 * 60_000

const storeFaults = new Set(['LEVEL_IO_ERROR', 'LEVEL_CORRUPTION', 'LEVEL_DATABASE_NOT_OPEN', 'LEVEL_LOCKED'])
const isStoreFault = (error: unknown): boolean => storeFaults.has(codeOf(error)) || storeFaults.has(codeOf(rootOf(error)))
