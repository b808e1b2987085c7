import { open, rm, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../contract/index.ts'
import type { Logger } from '../kit/index.ts'

/** LevelDB writes its log (4 MiB) once more as a table when it opens, and needs some for merging. */
const reserveBytes = 8 << 20
const pieceBytes = 64 << 10
/** With less than this the disk is called full. */
const lowBytes = 4 << 20
/** With so much beside the reserve it is called well again. */
const wellBytes = 16 << 20
const ampleBytes = 64 << 20
const lookMs = 1_000

/** In pieces: one buffer of that size would stay in the process's memory for good. */
async function fill(file: string): Promise<void> {
  await using handle = await open(file, 'w', 0o600)
  const piece = Buffer.alloc(pieceBytes)
  for (let at = 0; at < reserveBytes; at += pieceBytes) await handle.write(piece, 0, pieceBytes, at)
}

/**
 * Room set aside for a full disk. Without it LevelDB could not even be opened again, nor a delivered record be deleted. While the disk is
 * low, what is new waits, and what was delivered may still be noted and deleted.
 */
export class Reserve {
  readonly #file: string
  readonly #clock: Clock
  readonly #log: Logger
  #low: Promise<void> | null = null
  #stop = (): void => {}

  constructor(folder: string, clock: Clock, log: Logger) { this.#file = path.join(folder, 'reserve'); this.#clock = clock; this.#log = log }

  /** Resolves when there is room for what is new. */
  get room(): Promise<void> | null { return this.#low }

  /** Far from full: what fails does not fail for want of space. */
  async ample(): Promise<boolean> { return await this.#free() > ampleBytes }

  /** Makes the reserve where there is room for it. */
  async ensure(): Promise<void> {
    const size = await stat(this.#file).then((found) => found.size, () => 0)
    if (size !== reserveBytes && await this.#free() > wellBytes) await fill(this.#file).catch(() => {})
  }

  /** After a failure: gives the reserve up if the disk is full. */
  async yield(): Promise<void> {
    if (this.#low || await this.#free() > lowBytes) return
    await rm(this.#file, { force: true }).catch(() => {})
    this.#log.error({ code: 'STORE_DISK_FULL' }, 'the disk is full: nothing new is acknowledged until there is room; what the city takes is still deleted. Free space on the disk')
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#low = promise
    const look = (): void => {
      this.#stop = this.#clock.after(lookMs, () => void this.#free().then(async (free) => {
        if (free <= wellBytes) return look()
        await this.ensure()
        this.#low = null
        this.#log.info('there is room on the disk again')
        resolve()
      }))
    }
    this.#stop = () => {}
    look()
    this.#end = () => { this.#stop(); this.#low = null; resolve() }
  }

  /** Lets go whoever waits. */
  end(): void { this.#end() }
  #end = (): void => {}

  /** Bytes for this user; Infinity where it cannot be known. */
  async #free(): Promise<number> {
    return statfs(path.dirname(this.#file)).then(({ bavail, bsize }) => bavail * bsize, () => Infinity)
  }
}
