import { open, readFile, rename, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { randomHex } from '../kit/index.ts'
import type { Stream } from '../contract/index.ts'
import { epochCounter, epochName, epochPattern } from './keys.ts'

/** How far a lost epoch file makes the counter jump, so that no restored copy can meet an epoch it already had. */
const restoreJump = 1_000

/**
 * Law 6: every opening begins a new epoch, fsynced in its own file before the first append. `known` is the newest epoch the database
 * knows: where the file is missing or older, the database was restored or the file lost.
 */
export async function beginEpoch(folder: string, known: string | null): Promise<{ readonly epoch: string; readonly previous: string | null }> {
  const file = path.join(folder, 'epoch')
  const text = (await readFile(file, 'utf8').catch(() => '')).trim()
  const written = epochPattern.test(text) ? text : null
  const jumped = known !== null && (written === null || epochCounter(written) < epochCounter(known))
  const counter = Math.max(epochCounter(written ?? ''), epochCounter(known ?? '')) + (jumped ? restoreJump : 1)
  const epoch = epochName(counter, randomHex(4))
  await writeDurably(file, `${epoch}\n`)
  return { epoch, previous: jumped ? known : written }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`
  {
    await using handle = await open(temporary, 'w', 0o600)
    await handle.writeFile(text)
    await handle.sync()
  }
  await rename(temporary, file)
  await using folder = await open(path.dirname(file), 'r')
  await folder.sync()
}

export interface Ends { readonly epoch: string; readonly seqs: Readonly<Record<Stream, number>> }
/** `older`: epochs before it that some reader has not yet got all of, the oldest first; what they held is known by this alone when the database is lost. */
export interface MarkContent extends Ends { readonly older?: readonly Ends[] }

const markBytes = 2_048

/**
 * How far each stream had got: rewritten, unsynced, after each commit. It says what a damaged log has lost at its end, and never
 * runs ahead of the database. A write in the air absorbs those that follow it.
 */
export class Mark implements AsyncDisposable {
  readonly #file: string
  #handle: FileHandle | null = null
  #next: MarkContent | null = null
  #writing: Promise<void> | null = null
  constructor(folder: string) { this.#file = path.join(folder, 'mark') }

  /** null when there is none or it is torn. */
  async read(): Promise<MarkContent | null> {
    try {
      const content = JSON.parse(await readFile(this.#file, 'utf8')) as MarkContent
      return epochPattern.test(content.epoch) && [content, ...content.older ?? []].every(({ seqs }) => Object.values(seqs).every((seq) => Number.isSafeInteger(seq))) ? content : null
    } catch {
      return null
    }
  }
  write(content: MarkContent): void {
    this.#next = content
    this.#writing ??= this.#drain()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
    await this.#handle?.close()
    this.#handle = null
  }

  async #drain(): Promise<void> {
    try {
      this.#handle ??= await open(this.#file, 'w', 0o600)
      while (this.#next) {
        let content = this.#next
        let text = JSON.stringify(content)
        while (text.length > markBytes && content.older?.length) text = JSON.stringify(content = { ...content, older: content.older.slice(1) })
        this.#next = null
        await this.#handle.write(text.padEnd(markBytes), 0)
      }
    } catch {
      // A mark that cannot be written costs only the proof of a lost tail; the commit itself stands.
      this.#next = null
    }
    this.#writing = null
  }
}
