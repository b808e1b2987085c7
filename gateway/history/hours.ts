import { open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs, PointId } from '../contract/index.ts'
import { Book, type PointHour, type Span } from './books.ts'
import { encodeBook, readHead, readPoints, unpackPoint, type BookHead, type ReadAt } from './book-file.ts'
import { hourMs } from './rows.ts'

const suffix = 'Z.hour'
const nameOf = (hour: number): string => `${new Date(hour * hourMs).toISOString().slice(0, 13)}${suffix}`

export interface HoursOptions {
  readonly folder: string
  /** A file did not read back and was thrown away. */
  damaged(file: string, error: unknown): void
  pause(): Promise<void>
  /** Nothing is removed: neither what is no hour's file, nor what did not read back. */
  readonly readOnly?: boolean
}

/** The files of hours that are over, one each, named after the hour in UTC. */
export class HourFiles {
  readonly #options: HoursOptions
  /** Hour -> size, oldest first as far as time went forward. */
  readonly #files = new Map<number, number>()
  /** When the gateway first ran, as far as the files tell; null: not looked up, or none tells. */
  ranFrom: EpochMs | null = null
  /** The earliest hour when that was looked up. */
  #lookedFrom: number | null = null
  bytesWritten = 0

  constructor(options: HoursOptions) { this.#options = options }

  get bytes(): number { return this.#files.values().reduce((sum, bytes) => sum + bytes, 0) }
  hours(): IterableIterator<number> { return this.#files.keys() }
  /** The earliest hour; null when there is none. */
  get first(): number | null { return this.#files.size === 0 ? null : this.#files.keys().reduce((a, b) => Math.min(a, b)) }

  async find(): Promise<void> {
    for (const name of (await readdir(this.#options.folder)).toSorted()) {
      const file = path.join(this.#options.folder, name)
      const hour = Date.parse(`${name.slice(0, 13)}:00Z`) / hourMs
      if (!name.endsWith(suffix) || Number.isNaN(hour)) { if (!this.#options.readOnly) await unlink(file).catch(() => {}); continue }
      this.#files.set(hour, (await stat(file)).size)
    }
  }

  /** Adds a book to its file, or begins it. Throws what the file system throws; the file is then as it was. */
  async add(book: Book, upTo: number): Promise<void> {
    const before = await this.book(book.hour)
    if (before) book.absorb(before)
    const bytes = await encodeBook(book, upTo, () => this.#options.pause())
    const file = this.#path(book.hour)
    try {
      await writeFile(`${file}.new`, bytes)
      await rename(`${file}.new`, file)
    } catch (error) {
      await unlink(`${file}.new`).catch(() => {})
      throw error
    }
    this.bytesWritten += bytes.length
    this.#files.set(book.hour, bytes.length)
    if (this.ranFrom !== null && book.alive[0]) this.ranFrom = Math.min(this.ranFrom, book.alive[0][0])
  }

  /** Looks {@link ranFrom} up, where the earliest file is another since. Never throws: nothing else may wait for it. */
  async lookBack(): Promise<void> {
    if (this.first === this.#lookedFrom && this.ranFrom !== null) return
    this.#lookedFrom = this.first
    this.ranFrom = null
    // Hours before the gateway's own hold only what a device brought later.
    for (const hour of [...this.hours()].toSorted((a, b) => a - b)) {
      const alive = await this.head(hour).then((head) => head?.alive, (): Span[] => [[hour * hourMs, Infinity]])
      if (alive?.[0]) { this.ranFrom = alive[0][0]; return }
    }
  }

  head(hour: number): Promise<BookHead | null> { return this.#read(hour, async (read) => (await readHead(read)).head) }

  /** Undefined point: it is not in this hour. Null: there is no such hour. */
  point(hour: number, id: PointId): Promise<{ readonly alive: readonly Span[]; readonly point: PointHour | undefined } | null> {
    return this.#read(hour, async (read) => {
      const found = await readHead(read)
      const packed = (await readPoints(read, found, id)).find(([name]) => name === id)
      return { alive: found.head.alive, point: packed && unpackPoint(packed, hour) }
    })
  }

  async book(hour: number): Promise<Book | null> {
    return this.#read(hour, async (read) => {
      const found = await readHead(read)
      const book = new Book(hour)
      book.alive = found.head.alive
      for (const packed of await readPoints(read, found)) book.points.set(packed[0], unpackPoint(packed, hour))
      return book
    })
  }

  async remove(hour: number): Promise<void> {
    await unlink(this.#path(hour)).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOENT') throw error })
    this.#files.delete(hour)
  }

  #path(hour: number): string { return path.join(this.#options.folder, nameOf(hour)) }

  /** What does not read back is removed, so that the hour can begin anew. An I/O error is not damage and is thrown. */
  async #read<T>(hour: number, work: (read: ReadAt) => Promise<T>): Promise<T | null> {
    if (!this.#files.has(hour)) return null
    const file = this.#path(hour)
    try {
      await using handle = await open(file, 'r')
      return await work(async (offset, bytes) => {
        const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(bytes), 0, bytes, offset)
        return buffer.subarray(0, bytesRead)
      })
    } catch (error) {
      if (isFileError(error)) throw error
      this.#options.damaged(file, error)
      if (this.#options.readOnly) this.#files.delete(hour)
      else await this.remove(hour)
      return null
    }
  }
}

/** A system call failed (other than a file being gone): the disk's trouble, not the content's. */
const isFileError = (error: unknown): boolean => error instanceof Error && 'syscall' in error && 'code' in error && error.code !== 'ENOENT'
