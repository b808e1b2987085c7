import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { createZstdDecompress } from 'node:zlib'
import type { EpochMs } from '../contract/index.ts'
import { nameOf, type DayFile } from './day-file.ts'
import { parseLine, piecesOf, type Logged } from './line.ts'

/** A file that is open to be read: removed meanwhile, it can still be read to its end. */
export interface Opened { readonly file: DayFile; readonly handle: FileHandle }
/** `damaged` is told once for each line that is left out. */
export interface Wanted { readonly from: EpochMs; readonly to: EpochMs; takes(type: string): boolean; damaged(): void }

/** Null where it has gone. */
export async function openFile(folder: string, file: DayFile): Promise<Opened | null> {
  return open(path.join(folder, nameOf(file))).then((handle) => ({ file, handle }), () => null)
}

/** In order of time. */
export function read({ file, handle }: Opened, wanted: Wanted): AsyncGenerator<Logged> {
  return file.state === 'sealed' ? readSealed(handle, wanted) : readOpen(handle, wanted)
}

async function* readSealed(handle: FileHandle, { from, to, takes, damaged }: Wanted): AsyncGenerator<Logged> {
  const source = createReadStream('', { fd: handle, autoClose: false })
  const plain = createZstdDecompress()
  source.on('error', (error) => plain.destroy(error))
  source.pipe(plain)
  try {
    for await (const { text } of piecesOf(plain, damaged)) {
      const logged = text === null ? null : parseLine(text)
      if (!logged) { damaged(); continue }
      if (logged.at >= to) return
      if (logged.at >= from && takes(logged.event.type)) yield logged
    }
  } catch {
    // A sealed file that does not unpack: what came before is good.
    damaged()
  } finally {
    source.destroy()
    plain.destroy()
  }
}

/** Sorted by an index of times and places: a day is never in memory as a whole. */
async function* readOpen(handle: FileHandle, wanted: Wanted): AsyncGenerator<Logged> {
  const index: { readonly at: EpochMs; readonly offset: number; readonly bytes: number }[] = []
  let ordered = true
  try {
    for await (const { offset, bytes, text } of piecesOf(createReadStream('', { fd: handle, autoClose: false, start: 0 }), wanted.damaged)) {
      const logged = text === null ? null : parseLine(text)
      if (!logged) { wanted.damaged(); continue }
      if (logged.at < wanted.from || logged.at >= wanted.to || !wanted.takes(logged.event.type)) continue
      if (index.length > 0 && logged.at < index.at(-1)!.at) ordered = false
      index.push({ at: logged.at, offset, bytes })
    }
    if (!ordered) index.sort((a, b) => a.at - b.at || a.offset - b.offset)
    for (let first = 0; first < index.length;) {
      const next = runEnd(index, first)
      const start = index[first]!.offset
      const end = index[next - 1]!
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(end.offset + end.bytes - start), 0, end.offset + end.bytes - start, start)
      for (; first < next; first++) {
        const { offset, bytes } = index[first]!
        const logged = offset - start + bytes <= bytesRead ? parseLine(buffer.toString('utf8', offset - start, offset - start + bytes - 1)) : null
        if (logged) yield logged
        else wanted.damaged()
      }
    }
  } catch {
    wanted.damaged()
  }
}

const runBytes = 65_536

/** Entries that lie behind each other are read at once. */
function runEnd(index: readonly { readonly offset: number; readonly bytes: number }[], first: number): number {
  let next = first + 1
  while (next < index.length && index[next]!.offset >= index[next - 1]!.offset && index[next]!.offset + index[next]!.bytes - index[first]!.offset <= runBytes) next++
  return next
}

/** Several orders become one. */
export async function* merged(sources: readonly AsyncGenerator<Logged>[]): AsyncGenerator<Logged> {
  const heads: { readonly source: AsyncGenerator<Logged>; logged: Logged }[] = []
  try {
    for (const source of sources) { const { value, done } = await source.next(); if (!done) heads.push({ source, logged: value }) }
    while (heads.length > 0) {
      const least = heads.reduce((a, b) => (b.logged.at < a.logged.at ? b : a))
      yield least.logged
      const { value, done } = await least.source.next()
      if (done) heads.splice(heads.indexOf(least), 1)
      else least.logged = value
    }
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)))
  }
}
