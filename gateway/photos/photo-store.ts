import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Clock, EpochMs } from '../contract/index.ts'
import { codeOf, ConfigError, describe, randomHex, StoreError, type Logger } from '../kit/index.ts'
import { replaceFile } from '../kit/durable-file.ts'
import { PhotoRecoder, type PhotoLimits } from './recode.ts'

export interface PhotosConfig { readonly maxBytes: number; readonly keepDays: number }
export interface PhotoParts { readonly folder: string; readonly config: PhotosConfig; readonly clock: Clock; readonly log: Logger }

interface Kept { readonly id: string; readonly at: EpochMs; readonly bytes: number }
const dayMs = 86_400_000
const sweepMs = 3_600_000
const fileName = /^([0-9a-f]{16})\.jpg$/
export const photoId = /^[0-9a-f]{16}$/

/**
 * Photos of reports and repairs, a file each in `<store>/photos`. They stay on the box; events name them by id. The oldest go when their
 * days are over or the room is used up. Nothing is read or loaded before the first is asked for.
 */
export class PhotoStore implements Disposable {
  readonly #parts: PhotoParts
  readonly #recoder: PhotoRecoder
  #kept: Promise<Map<string, Kept>> | undefined
  #cancel: () => void
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: PhotoParts) {
    this.#parts = parts
    this.#recoder = new PhotoRecoder(parts.clock)
    const { clock, log } = parts
    const sweep = (): void => {
      void this.#inTurn(async () => this.#trim(await this.#index())).catch((error: unknown) => log.warn({ code: codeOf(error) }, describe(error)))
      this.#cancel = clock.after(sweepMs, sweep)
    }
    this.#cancel = clock.after(sweepMs, sweep)
  }

  /** Its id. Throws DataError PHOTO_TOO_LARGE, PHOTO_INVALID or PHOTO_BUSY, StoreError PHOTO_STORE. */
  async add(bytes: Uint8Array, limits: PhotoLimits): Promise<string> {
    const made = await this.#recoder.recode(bytes, limits)
    return this.#inTurn(async () => {
      const index = await this.#index()
      const kept: Kept = { id: randomHex(8), at: this.#parts.clock.now(), bytes: made.length }
      await replaceFile(this.#file(kept.id), made).catch((cause: unknown) => { throw unusable(this.#parts.folder, cause) })
      index.set(kept.id, kept)
      await this.#trim(index)
      return kept.id
    })
  }

  async has(id: string): Promise<boolean> { return (await this.#index()).has(id) }

  /** JPEG. Throws ConfigError PHOTO_UNKNOWN, StoreError PHOTO_STORE. */
  async read(id: string): Promise<Uint8Array> {
    if (!(await this.#index()).has(id)) throw unknown(id)
    return readFile(this.#file(id)).catch((cause: unknown) => { throw codeOf(cause) === 'ENOENT' ? unknown(id) : unusable(this.#parts.folder, cause) })
  }

  [Symbol.dispose](): void { this.#cancel() }

  #file(id: string): string { return path.join(this.#parts.folder, `${id}.jpg`) }

  /** Oldest first. Read again after a failure. */
  #index(): Promise<Map<string, Kept>> {
    return this.#kept ??= this.#scan().catch((cause: unknown) => { this.#kept = undefined; throw unusable(this.#parts.folder, cause) })
  }

  async #scan(): Promise<Map<string, Kept>> {
    const { folder } = this.#parts
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const found: Kept[] = []
    for (const name of await readdir(folder)) {
      const id = fileName.exec(name)?.[1]
      // What a kill left half written.
      if (id === undefined) { await rm(path.join(folder, name), { force: true }); continue }
      const { mtimeMs, size } = await stat(path.join(folder, name))
      found.push({ id, at: mtimeMs, bytes: size })
    }
    return new Map(found.toSorted((a, b) => a.at - b.at).map((each) => [each.id, each]))
  }

  async #trim(index: Map<string, Kept>): Promise<void> {
    const { config: { maxBytes, keepDays }, clock } = this.#parts
    const oldest = clock.now() - keepDays * dayMs
    let bytes = [...index.values()].reduce((sum, each) => sum + each.bytes, 0)
    for (const each of index.values()) {
      if (each.at >= oldest && bytes <= maxBytes) continue
      await rm(this.#file(each.id), { force: true }).catch((cause: unknown) => { throw unusable(this.#parts.folder, cause) })
      index.delete(each.id)
      bytes -= each.bytes
    }
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task)
    this.#last = mine.catch(() => {})
    return mine
  }
}

const unknown = (id: string): ConfigError => new ConfigError('PHOTO_UNKNOWN', `there is no photo ${id}; photos go after their days, or when room is needed`)
const unusable = (folder: string, cause: unknown): StoreError => new StoreError('PHOTO_STORE', `cannot use ${folder} (${codeOf(cause)}); check its space and owner`, { cause, retriable: true })
