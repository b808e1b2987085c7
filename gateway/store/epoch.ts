import type { BigIntStats } from 'node:fs'
import { open, readFile, rename, stat, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { randomHex } from '../kit/index.ts'
import type { EpochMs, Stream } from '../contract/index.ts'
import { epochCounter, epochName, epochPattern } from './keys.ts'

/** How far a lost epoch file makes the counter jump at least, so that no restored copy can meet an epoch it already had. */
const restoreJump = 1_000
const minuteMs = 60_000
/** Between these a wall clock is believed; the latter is some 42 million minutes after the former, and the counter has eight digits. */
const [firstBelieved, lastBelieved] = [Date.UTC(2020, 0, 1), Date.UTC(2100, 0, 1)]

export interface NextEpoch {
  readonly epoch: string
  /** The one that ended; null for a new store. */
  readonly previous: string | null
  /** The folder came out of a backup, or lost its epoch file: the gateway may have gone further than it tells. */
  readonly restored: boolean
}

/**
 * Law 6: every opening begins a new epoch. `known` is the newest epoch the database knows: where the file is missing or older, the
 * database was restored or the file lost. Where the file is not the one that was written (it names its own inode and the moment that was made), the whole folder is a copy.
 * What was restored knows nothing of other lives that began at the same backup: so it goes on no lower than the minute, and the later life is the later epoch.
 */
export async function nextEpoch(folder: string, known: string | null, now: EpochMs): Promise<NextEpoch> {
  const file = path.join(folder, 'epoch')
  const [text = '', identity = ''] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
  const written = epochPattern.test(text) ? text : null
  const copied = written !== null && identity !== '' && identity !== identityOf(await stat(file, { bigint: true }))
  const older = known !== null && (written === null || epochCounter(written) < epochCounter(known))
  const restored = older || copied
  const highest = Math.max(epochCounter(written ?? ''), epochCounter(known ?? ''))
  const minute = now >= firstBelieved && now < lastBelieved ? Math.floor((now - firstBelieved) / minuteMs) : 0
  const counter = restored ? Math.max(highest + restoreJump, minute) : highest + 1
  return { epoch: epochName(counter, randomHex(4)), previous: older ? known : written, restored }
}

/** Fsynced before the first append. */
export const writeEpoch = (folder: string, epoch: string): Promise<void> => writeDurably(path.join(folder, 'epoch'), (identity) => `${epoch}\n${identity}\n`)

/** An inode's number is used again, and kept by whoever writes into the file; the moment it was made is not. */
const identityOf = ({ ino, birthtimeNs }: BigIntStats): string => `${ino}-${birthtimeNs}`

async function writeDurably(file: string, textFor: (identity: string) => string): Promise<void> {
  const temporary = `${file}.new`
  {
    await using handle = await open(temporary, 'w', 0o600)
    await handle.writeFile(textFor(identityOf(await handle.stat({ bigint: true }))))
    await handle.sync()
  }
  await rename(temporary, file)
  await using folder = await open(path.dirname(file), 'r')
  await folder.sync()
}

/** How far each stream got in an epoch. */
export interface Ends { readonly epoch: string; readonly seqs: Readonly<Record<Stream, number>> }

/** Where each earlier epoch ended that some reader has not got all of, the oldest first. With it a lost table is told from records that never were. */
export async function readEnds(folder: string): Promise<readonly Ends[]> {
  try {
    const list: unknown = JSON.parse(await readFile(path.join(folder, 'ends'), 'utf8'))
    return Array.isArray(list) && list.every(isEnds) ? list : []
  } catch {
    return []
  }
}

export const writeEnds = (folder: string, ends: readonly Ends[]): Promise<void> => writeDurably(path.join(folder, 'ends'), () => JSON.stringify(ends))

function isEnds(value: unknown): value is Ends {
  const { epoch, seqs } = (value ?? {}) as Partial<Ends>
  return typeof epoch === 'string' && epochPattern.test(epoch) && typeof seqs === 'object' && seqs !== null && Object.values(seqs).every((seq) => Number.isSafeInteger(seq))
}

const markBytes = 2_048

/**
 * How far each stream had got: rewritten, unsynced, after each commit. It says what a damaged log has lost at its end, and never
 * runs ahead of the database. A write in the air absorbs those that follow it.
 */
export class Mark implements AsyncDisposable {
  readonly #file: string
  #handle: FileHandle | null = null
  #next: Ends | null = null
  #writing: Promise<void> | null = null
  constructor(folder: string) { this.#file = path.join(folder, 'mark') }

  /** null when there is none or it is torn. */
  async read(): Promise<Ends | null> {
    try {
      const content: unknown = JSON.parse(await readFile(this.#file, 'utf8'))
      return isEnds(content) ? content : null
    } catch {
      return null
    }
  }
  write(content: Ends): void {
    this.#next = content
    this.#writing ??= this.#drain()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
    await this.#handle?.close()
    this.#handle = null
  }

  async #drain(): Promise<void> {
    for (let failures = 0; this.#next && failures < 2;) {
      const content = this.#next
      this.#next = null
      try {
        this.#handle ??= await open(this.#file, 'w', 0o600)
        await this.#handle.write(JSON.stringify(content).padEnd(markBytes), 0)
      } catch {
        // Once more on a new handle, for the disk may be another one since. A mark that cannot be written costs only the proof of a lost tail.
        failures++
        this.#next ??= content
        await this.#handle?.close().catch(() => {})
        this.#handle = null
      }
    }
    this.#next = null
    this.#writing = null
  }
}
