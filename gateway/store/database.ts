import { readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Level as Leveldb } from 'level'
import type { Clock, Random } from '../contract/index.ts'
import { backoffMs, codeOf, describe, StoreError, type Backoff, type Logger } from '../kit/index.ts'
import { Reserve } from './reserve.ts'

export type Level = Leveldb<string, Buffer>
export type Operation = { readonly type: 'put'; readonly key: string; readonly value: Buffer } | { readonly type: 'del'; readonly key: string }

export interface DatabaseOptions { readonly folder: string; readonly clock: Clock; readonly random: Random; readonly log: Logger; failing?(now: boolean): void }

/** Small buffers: a gateway's working set is its newest records. */
const levelOptions = { keyEncoding: 'utf8', valueEncoding: 'buffer', cacheSize: 2 << 20, writeBufferSize: 4 << 20, maxOpenFiles: 64 } as const
const reopening: Backoff = { baseMs: 250, capMs: 10_000, factor: 2, jitter: 0.3 }

/**
 * LevelDB, kept open. An I/O error (a full disk above all) is sticky in LevelDB: the handle keeps failing after space was freed. So on
 * an error the handle is closed and opened again with back-off, and the operation is tried again: callers wait, nothing is lost.
 */
export class Database implements AsyncDisposable {
  readonly #options: DatabaseOptions
  readonly #stop = new AbortController()
  readonly #reserve: Reserve
  /** The folder's content could not be saved and was moved aside: this one is new. */
  readonly replaced: boolean
  #level: Level
  #recovery: Promise<void> | null = null

  private constructor(options: DatabaseOptions, reserve: Reserve, opened: Opened) {
    this.#options = options
    this.#reserve = reserve
    this.#level = opened.level
    this.replaced = opened.replaced
  }

  /** Throws StoreError STORE_LOCKED, STORE_UNUSABLE. A damaged index is repaired; what cannot be repaired is moved aside. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const reserve = new Reserve(path.dirname(options.folder), options.clock, options.log)
    await reserve.yield()
    try {
      const database = new Database(options, reserve, await openLevel(options))
      if (reserve.room) { options.failing?.(true); database.#well() } else { await reserve.ensure() }
      return database
    } catch (error) {
      reserve.end()
      throw error
    }
  }

  get failing(): boolean { return this.#recovery !== null }
  /** While the disk is full: resolves when there is room for what is new. */
  get room(): Promise<void> | null { return this.#reserve.room }

  /**
   * `operation` must be repeatable. Throws StoreError JOURNAL_CLOSED when closed while waiting; with `grows` STORE_DISK_FULL while the disk is
   * full: it may be on disk all the same, in part or whole.
   */
  async run<T>(operation: (level: Level) => Promise<T>, { grows = false }: { readonly grows?: boolean } = {}): Promise<T> {
    for (;;) {
      await this.#recovery
      if (this.#stop.signal.aborted) throw new StoreError('JOURNAL_CLOSED', 'the journal was closed while its disk was failing; what was not acknowledged will be sent again')
      if (grows && this.#reserve.room) throw new StoreError('STORE_DISK_FULL', 'the disk is full; free space on it, the gateway goes on by itself', { retriable: true })
      try {
        return await operation(this.#level)
      } catch (error) {
        if (!isStoreFault(error)) throw error
        this.#recovery ??= this.#recover(error).finally(() => { this.#recovery = null })
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#reserve.end()
    await this.#recovery
    await this.#level.close().catch(() => {})
  }

  /** Tells that the store works, once there is room for what is new. */
  #well(): void {
    const { room } = this.#reserve
    if (!room) return this.#options.failing?.(false)
    void room.then(() => { if (!this.#recovery && !this.#stop.signal.aborted) this.#options.failing?.(false) })
  }

  async #recover(error: unknown): Promise<void> {
    const { log, clock, random, failing } = this.#options
    failing?.(true)
    log.error({ code: 'STORE_FAILING', cause: codeOf(rootOf(error)) }, `the store failed (${describe(rootOf(error))}); acknowledgements wait until it works again. Check free space and the disk`)
    await this.#level.close().catch(() => {})
    await this.#reserve.yield()
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      await clock.sleep(backoffMs(reopening, attempt, random), this.#stop.signal).catch(() => {})
      try {
        this.#level = (await openLevel(this.#options)).level
        log.info({ attempts: attempt + 1 }, 'the store is open again')
        this.#well()
        return
      } catch (failure) {
        log.debug({ code: codeOf(failure) }, describe(failure))
      }
    }
  }
}

interface Opened { readonly level: Level; readonly replaced: boolean }

async function openLevel({ folder, log }: DatabaseOptions): Promise<Opened> {
  const level: Level = new Leveldb<string, Buffer>(folder, levelOptions)
  if (!await indexMissing(folder)) {
    try {
      await level.open()
      return { level, replaced: false }
    } catch (error) {
      const cause = rootOf(error)
      if (codeOf(cause) === 'LEVEL_LOCKED') throw new StoreError('STORE_LOCKED', `${folder} is in use by another gateway; stop it first, or set store.path to another folder`, { cause })
      // Only damage is repaired: a repair on a full disk would drop the log that could not be read for want of space.
      if (codeOf(cause) !== 'LEVEL_CORRUPTION') throw unusable(folder, cause)
      log.warn({ code: 'STORE_REPAIRED', cause: codeOf(cause) }, `the store did not open (${describe(cause)}); repairing it`)
    }
  } else {
    log.warn({ code: 'STORE_REPAIRED' }, 'the index of the store is missing; repairing it')
  }
  try {
    await repair(folder)
    await level.open()
    return { level, replaced: false }
  } catch (error) {
    const cause = rootOf(error)
    if (codeOf(cause) !== 'LEVEL_CORRUPTION' && !await indexMissing(folder)) throw unusable(folder, cause)
    return { level: await begunAnew(folder, log), replaced: true }
  }
}

/** LevelDB takes tables without an index for an empty folder and deletes them, and an index that is not there for an I/O error. */
async function indexMissing(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  // A manifest alone is a store that lost its power while it was made.
  if (!names.includes('CURRENT')) return names.some((name) => /\.(ldb|log)$/.test(name))
  const current = (await readFile(path.join(folder, 'CURRENT'), 'utf8').catch(() => '')).trim()
  return current !== '' && !names.includes(current)
}

const keptBroken = 2

/** Damage beyond repair is no reason to let a building stand still: what is there is kept for whoever wants to look at it, and an empty store takes its place. */
async function begunAnew(folder: string, log: Logger): Promise<Level> {
  const [home, name] = [path.dirname(folder), path.basename(folder)]
  const broken = (await readdir(home)).filter((entry) => entry.startsWith(`${name}.broken-`)).toSorted((a, b) => Number(a.split('-').at(-1)) - Number(b.split('-').at(-1)))
  const next = Number(broken.at(-1)?.split('-').at(-1) ?? 0) + 1
  for (const entry of broken.slice(0, Math.max(0, broken.length + 1 - keptBroken))) await rm(path.join(home, entry), { recursive: true, force: true })
  const aside = `${folder}.broken-${next}`
  await rename(folder, aside)
  log.error({ code: 'STORE_REPLACED', aside }, `the store is damaged beyond repair; it was moved to ${aside} and a new one begun. What it held and was not delivered is declared to the city`)
  const level: Level = new Leveldb<string, Buffer>(folder, levelOptions)
  await level.open()
  return level
}

const unusable = (folder: string, cause: unknown): StoreError =>
  new StoreError('STORE_UNUSABLE', `cannot open ${folder}: ${describe(cause)}; check the disk, its free space and the folder's owner`, { cause, retriable: true })

/** `level` is classic-level on Node; its static `repair` is not in the shared type. */
const repair = (folder: string): Promise<void> => (Leveldb as unknown as { repair(folder: string): Promise<void> }).repair(folder)

/** abstract-level wraps what went wrong in LEVEL_DATABASE_NOT_OPEN. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootOf(error.cause) : error
}

const storeFaults = new Set(['LEVEL_IO_ERROR', 'LEVEL_CORRUPTION', 'LEVEL_DATABASE_NOT_OPEN', 'LEVEL_LOCKED'])
const isStoreFault = (error: unknown): boolean => storeFaults.has(codeOf(error)) || storeFaults.has(codeOf(rootOf(error)))
