import { createWriteStream } from 'node:fs'
import { appendFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { fileOf, nameOf, type DayFile, type Kind } from './day-file.ts'
import { lineOf, type Logged } from './line.ts'
import { openFile, read } from './reading.ts'

interface Known { readonly file: DayFile; bytes: number }

/** The files, and how long they are. One piece of work at a time: the caller sees to that. */
export class Folder {
  readonly path: string
  #files: Known[] = []
  /** Files whose last line may be torn. */
  #unsure = new Set<string>()
  constructor(folder: string) { this.path = folder }

  get bytes(): number { return this.#files.reduce((sum, { bytes }) => sum + bytes, 0) }
  /** The oldest day first. */
  get files(): readonly DayFile[] { return this.#files.map(({ file }) => file) }
  ofDay(day: number, kinds: readonly Kind[]): readonly DayFile[] { return this.files.filter((file) => file.day === day && kinds.includes(file.kind)) }

  /** Begins the folder, and puts away what a life before left half done. */
  async find(): Promise<void> {
    await mkdir(this.path, { recursive: true })
    // Half a sealing.
    for (const name of await readdir(this.path)) if (name.endsWith('.tmp')) await rm(path.join(this.path, name), { force: true })
    for (const file of await this.look()) await rm(path.join(this.path, nameOf(file)), { force: true })
  }

  /** Changes nothing. Returns open files that were sealed already and only not removed. */
  async look(): Promise<readonly DayFile[]> {
    const names = await readdir(this.path)
    const found = names.flatMap((name) => { const file = fileOf(name); return file ? [file] : [] })
    const sealed = new Set(found.filter(({ state }) => state === 'sealed').map(keyOf))
    const [files, left]: [Known[], DayFile[]] = [[], []]
    for (const file of found) {
      if (file.state === 'open' && sealed.has(keyOf(file))) { left.push(file); continue }
      files.push({ file, bytes: (await stat(path.join(this.path, nameOf(file)))).size })
      if (file.state === 'open') this.#unsure.add(nameOf(file))
    }
    this.#files = files
    this.#sort()
    return left
  }

  /** The part that is open, or the next. */
  openPart(kind: Kind, day: number): DayFile {
    const parts = this.#files.filter(({ file }) => file.kind === kind && file.day === day).map(({ file }) => file)
    return parts.find(({ state }) => state === 'open') ?? { kind, day, part: Math.max(-1, ...parts.map(({ part }) => part)) + 1, state: 'open' }
  }
  bytesOf(kind: Kind, day: number): number { return this.#files.reduce((sum, { file, bytes }) => (file.kind === kind && file.day === day ? sum + bytes : sum), 0) }

  async append(kind: Kind, day: number, text: string): Promise<void> {
    const file = this.openPart(kind, day)
    const name = nameOf(file)
    const whole = this.#unsure.has(name) && !(await this.#endsWell(name)) ? `\n${text}` : text
    this.#unsure.add(name)
    await appendFile(path.join(this.path, name), whole, { mode: 0o640 })
    this.#unsure.delete(name)
    const known = this.#files.find((each) => each.file.state === 'open' && keyOf(each.file) === keyOf(file))
    if (known) known.bytes += Buffer.byteLength(whole)
    else { this.#files.push({ file, bytes: Buffer.byteLength(whole) }); this.#sort() }
  }

  async remove(file: DayFile): Promise<void> {
    await rm(path.join(this.path, nameOf(file)), { force: true })
    this.#files = this.#files.filter((known) => known.file !== file)
  }

  /** Open to sealed: in order of time, packed. Its one fsync comes before the lines are let go. */
  async seal(file: DayFile, damaged: () => void): Promise<void> {
    const opened = await openFile(this.path, file)
    if (!opened) { this.#files = this.#files.filter((known) => known.file !== file); return }
    const sealed = { ...file, state: 'sealed' } as const
    const target = path.join(this.path, nameOf(sealed))
    try {
      const lines = read(opened, { from: -Infinity, to: Infinity, takes: () => true, damaged })
      await pipeline(Readable.from(textOf(lines)), createZstdCompress(), createWriteStream(`${target}.tmp`, { mode: 0o640 }))
    } catch (error) {
      await rm(`${target}.tmp`, { force: true })
      throw error
    } finally {
      await opened.handle.close()
    }
    const written = await open(`${target}.tmp`, 'r+')
    try { await written.sync() } finally { await written.close() }
    await rename(`${target}.tmp`, target)
    this.#files.push({ file: sealed, bytes: (await stat(target)).size })
    this.#sort()
    await this.remove(file)
  }

  async #endsWell(name: string): Promise<boolean> {
    const handle = await open(path.join(this.path, name)).catch(() => null)
    if (!handle) return true
    try {
      const { size } = await handle.stat()
      if (size === 0) return true
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
      return buffer[0] === 10
    } finally {
      await handle.close()
    }
  }

  #sort(): void { this.#files.sort((a, b) => a.file.day - b.file.day || a.file.part - b.file.part) }
}

const keyOf = ({ kind, day, part }: DayFile): string => `${kind}/${day}/${part}`

async function* textOf(lines: AsyncIterable<Logged>): AsyncGenerator<string> {
  for await (const { at, event } of lines) yield lineOf(event, at)
}
