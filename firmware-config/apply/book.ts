import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import type { ChangeAuthor, Configuration, DesiredMark, DesiredRecord, EpochMs } from '../../gateway/contract/index.ts'
import { replaceFile } from '../../gateway/kit/durable-file.ts'
import { codeOf, ConfigError, describe } from '../../gateway/kit/index.ts'
import type { Trial } from './trial.ts'
import { hashOf } from './version.ts'

const count = z.int().min(0)
const names = z.array(z.string())
const trialSchema = z.strictObject({
  number: count, previous: count, confirm: z.enum(['person', 'health']), windowMs: count, boot: z.string(), beganAt: z.number(), starts: count,
  baseline: z.strictObject({ connections: names, devices: names, uplinks: names, failed: names, console: z.boolean() }),
})
const entrySchema = z.strictObject({
  number: z.int().min(1), at: z.number(), by: z.string(), origin: z.enum(['file', 'cli', 'console', 'city']), reason: z.string(), hash: z.string(), bytes: count,
  outcome: z.enum(['found', 'trial', 'confirmed', 'rolled-back', 'kept-aside']), note: z.string().optional(),
})
const desiredSchema = z.strictObject({
  version: z.int().min(1), hash: z.string(), actor: z.string(), at: z.number(), number: count.optional(), outcome: z.enum(['confirmed', 'rolled-back']).optional(), code: z.string().optional(), detail: z.string().optional(),
})
/** `desired` came later: a book without it is as sound. */
const bookSchema = z.strictObject({ format: z.literal(1), inForce: count, trial: trialSchema.nullable(), entries: z.array(entrySchema), desired: desiredSchema.optional() })

type Entry = z.output<typeof entrySchema>
type Pages = z.output<typeof bookSchema>

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
      const pages = text === null ? { success: true as const, data: empty } : bookSchema.safeParse(parsed(text), { jitless: true })
      if (!pages.success) await rename(file, `${file}.damaged`)
      return { book: new ConfigurationBook(folder, pages.success ? pages.data : empty), damaged: !pages.success }
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
    await this.#write({ ...this.#pages, inForce: entry.number, trial: jsonTrial(begun), entries: [...this.#pages.entries, entry], ...(desired ? { desired } : {}) })
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
const jsonTrial = ({ baseline, ...trial }: Trial): NonNullable<Pages['trial']> => ({ ...trial, baseline: { ...baseline, connections: [...baseline.connections], devices: [...baseline.devices], uplinks: [...baseline.uplinks], failed: [...baseline.failed] } })

/** The oldest give way; never what is in force, or what a trial would go back to. */
function pruned({ entries, inForce, trial }: Pages): { readonly entries: Entry[]; readonly gone: readonly Entry[] } {
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

function parsed(text: string): unknown { try { return JSON.parse(text) } catch { return null } }

async function written<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try { return await work() } catch (cause) {
    throw new ConfigError('CHANGE_BOOK', `the configurations in ${folder} cannot be read or written: ${describe(cause)}; check space and owner`, { cause })
  }
}
