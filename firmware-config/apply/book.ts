import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { ChangeAuthor, Configuration, DesiredMark, DesiredRecord, EpochMs } from '../../gateway/contract/index.ts'
import { replaceFile } from '../../gateway/kit/durable-file.ts'
import { codeOf, ConfigError, describe } from '../../gateway/kit/index.ts'
import { hashOf } from './hash.ts'
import { readPages, type Entry, type Pages } from './pages.ts'
import type { Trial } from './trial.ts'

const maxEntries = 50
const maxBytes = 64 << 20

/**
 * Every site file that was in force, by number, in `configurations/` of the store: `book.json` says how each ended and which one is on
 * trial, `N.yaml` is the text. One atomic write of the book decides; what it does not name is no configuration. Throws what the file
 * system says, as ConfigError CHANGE_BOOK.
 */
export class ConfigurationBook {
  readonly #folder: string
  #pages: Pages
  private constructor(folder: string, pages: Pages) { this.#folder = folder; this.#pages = pages }

  /** `damaged`: it could not be read; it lies beside, and a new one begins. */
  static async open(folder: string): Promise<{ readonly book: ConfigurationBook; readonly damaged: boolean }> {
    const file = path.join(folder, 'book.json')
    return written(folder, async () => {
      // The store's own folder is as its owner has it: the control socket may lie there, for a group.
      await mkdir(path.dirname(folder), { recursive: true })
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const text = await readFile(file, 'utf8').catch((error: unknown) => { if (codeOf(error) === 'ENOENT') return null; throw error })
      const pages = text === null ? empty : readPages(text)
      if (!pages) await rename(file, `${file}.damaged`)
      return { book: new ConfigurationBook(folder, pages ?? empty), damaged: !pages }
    })
  }

  get inForce(): number { return this.#pages.inForce }
  get trial(): Trial | null { return this.#pages.trial }
  /** The city's newest wish. */
  get desired(): DesiredRecord | null { return this.#pages.desired ?? null }
  /** The newest first. */
  entries(): readonly Configuration[] { return this.#pages.entries.map(configuration).toReversed() }
  hash(number: number): string | undefined { return this.#find(number)?.hash }

  /** Throws ConfigError CONFIGURATION_UNKNOWN. */
  async text(number: number): Promise<string> {
    const entry = this.#find(number)
    const text = entry && await readFile(this.#file(number), 'utf8').catch(() => null)
    if (entry && text !== null && text !== undefined && hashOf(text) === entry.hash) return text
    throw new ConfigError('CONFIGURATION_UNKNOWN', entry ? `the text of configuration ${number} is damaged or gone from ${this.#folder}` : `there is no configuration ${number}; linli configurations lists those that are kept`)
  }

  /** The one before the one in force that was in force itself: where `linli rollback` goes. */
  before(): number | null {
    const hash = this.hash(this.inForce)
    return this.#pages.entries.findLast((entry) => entry.number < this.inForce && entry.hash !== hash && (entry.outcome === 'confirmed' || entry.outcome === 'found'))?.number ?? null
  }

  /** A text that lay in the file: it is in force, unless it is only to be kept. Nothing new where it is what is in force. */
  async found(text: string, at: EpochMs, words: { readonly reason: string; readonly aside?: boolean }): Promise<void> {
    if (hashOf(text) === this.hash(this.inForce)) return
    const entry = await this.#keep(text, { by: 'file', origin: 'file' }, at, words.reason, words.aside ? 'kept-aside' : 'found')
    await this.#write({ ...this.#pages, ...(words.aside ? {} : { inForce: entry.number }), entries: [...this.#pages.entries, entry] })
  }

  /** On disk when it resolves: only then may anything be switched. */
  async begin(text: string, { by, origin }: ChangeAuthor, at: EpochMs, reason: string, trial: Omit<Trial, 'number' | 'previous' | 'starts'>, mark?: DesiredMark): Promise<number> {
    const entry = await this.#keep(text, { by, origin }, at, reason, 'trial')
    const begun: Trial = { ...trial, number: entry.number, previous: this.inForce, starts: 0 }
    const desired = mark ? { ...mark, at, number: entry.number } : this.#pages.desired
    await this.#write({ ...this.#pages, inForce: entry.number, trial: begun, entries: [...this.#pages.entries, entry], ...(desired ? { desired } : {}) })
    return entry.number
  }

  /** What became of a wish that begins no trial. */
  async remember(desired: DesiredRecord): Promise<void> { await this.#write({ ...this.#pages, desired: { ...desired } }) }

  /** The process began anew while it was on trial. */
  async started(): Promise<void> {
    const { trial } = this.#pages
    if (trial) await this.#write({ ...this.#pages, trial: { ...trial, starts: trial.starts + 1 } })
  }

  /** It stays, or the one before is in force again: its text must be in the file already. `code`: why it went. */
  async settle(outcome: 'confirmed' | 'rolled-back', note: string, code?: string): Promise<void> {
    const { trial, entries, desired } = this.#pages
    if (!trial) return
    const told = desired && desired.number === trial.number ? { desired: { ...desired, outcome, detail: note, ...(code === undefined ? {} : { code }) } } : {}
    await this.#write({ ...this.#pages, ...told, inForce: outcome === 'confirmed' ? trial.number : trial.previous, trial: null, entries: entries.map((entry) => (entry.number === trial.number ? { ...entry, outcome, note } : entry)) })
  }

  #find(number: number): Entry | undefined { return this.#pages.entries.find((entry) => entry.number === number) }
  #file(number: number): string { return path.join(this.#folder, `${number}.yaml`) }

  async #keep(text: string, { by, origin }: ChangeAuthor, at: EpochMs, reason: string, outcome: Entry['outcome']): Promise<Entry> {
    const number = (this.#pages.entries.at(-1)?.number ?? 0) + 1
    await written(this.#folder, () => replaceFile(this.#file(number), text))
    return { number, at, by, origin, reason, hash: hashOf(text), bytes: Buffer.byteLength(text), outcome }
  }

  async #write(next: Pages): Promise<void> {
    const { entries, gone } = pruned(next)
    const pages: Pages = { ...next, entries }
    await written(this.#folder, () => replaceFile(path.join(this.#folder, 'book.json'), JSON.stringify(pages)))
    this.#pages = pages
    // Nobody asks for these any more: what stays behind costs only its bytes.
    for (const { number } of gone) await rm(this.#file(number), { force: true }).catch(() => {})
  }
}

const empty: Pages = { format: 1, inForce: 0, trial: null, entries: [] }
const configuration = ({ bytes: _, note, ...entry }: Entry): Configuration => ({ ...entry, ...(note === undefined ? {} : { note }) })

/** The oldest give way; never what is in force, or what a trial would go back to. */
function pruned({ entries, inForce, trial }: Pages): { readonly entries: readonly Entry[]; readonly gone: readonly Entry[] } {
  const gone: Entry[] = []
  let kept = entries
  const total = (): number => kept.reduce((sum, { bytes }) => sum + bytes, 0)
  while (kept.length > maxEntries || total() > maxBytes) {
    const oldest = kept.find(({ number }) => number !== inForce && number !== trial?.previous)
    if (!oldest) break
    gone.push(oldest)
    kept = kept.filter((entry) => entry !== oldest)
  }
  return { entries: kept, gone }
}

async function written<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try { return await work() } catch (cause) {
    throw new ConfigError('CHANGE_BOOK', `the configurations in ${folder} cannot be read or written: ${describe(cause)}; check space and owner`, { cause })
  }
}
