import type { DeadLetter, DeadLetters, Journal } from '../contract/index.ts'
import type { Database, Level } from './database.ts'
import { deadLetterPrefix, positionOf } from './keys.ts'
import { plainOf } from './record.ts'

const kept = 1_000

/** What consumers refused for good, in the journal's own database. */
export class StoredDeadLetters implements DeadLetters {
  readonly #database: Database
  readonly #journal: Pick<Journal, 'commit'>
  #sinceTrim = 0

  constructor(database: Database, journal: Pick<Journal, 'commit'>) { this.#database = database; this.#journal = journal }

  list(limit: number, after?: string): Promise<readonly DeadLetter[]> {
    return this.#database.run(async (level) => {
      const entries = await level.iterator({ gt: after === undefined ? deadLetterPrefix : keyOf(after), lt: end, limit }).all()
      return entries.flatMap(([key, value]) => letterOf(key, value) ?? [])
    })
  }

  async resend(ids: readonly string[]): Promise<number> {
    const letters = (await this.#database.run((level) => level.getMany(ids.map(keyOf)))).flatMap((value, index) => (value ? letterOf(keyOf(ids[index]!), value) ?? [] : []))
    if (letters.length === 0) return 0
    await this.#journal.commit({ again: letters.map(({ stream, bytes }) => ({ stream, bytes })), urgent: true })
    // A death between the two sends it twice; both copies name the same old record.
    await this.#remove(letters.map(({ id }) => id))
    return letters.length
  }

  async discard(ids: readonly string[]): Promise<number> {
    const found = await this.#database.run((level) => level.getMany(ids.map(keyOf)))
    await this.#remove(ids)
    return found.filter((value) => value !== undefined).length
  }

  /** After new ones came in. */
  async trim(added: number): Promise<void> {
    this.#sinceTrim += added
    if (this.#sinceTrim < 100) return
    this.#sinceTrim = 0
    await this.#database.run(async (level: Level) => {
      const keys = await level.keys({ gt: deadLetterPrefix, lt: end }).all()
      if (keys.length > kept) await level.batch(keys.slice(0, keys.length - kept).map((key) => ({ type: 'del' as const, key })))
    })
  }

  #remove(ids: readonly string[]): Promise<void> {
    return this.#database.run((level) => level.batch(ids.map((id) => ({ type: 'del' as const, key: keyOf(id) }))))
  }
}

const end = `${deadLetterPrefix.slice(0, -1)}0`
const keyOf = (id: string): string => `${deadLetterPrefix}${id}`

/** null for an entry that is none any more. */
function letterOf(key: string, value: Buffer): DeadLetter | null {
  const [, reader, stream] = key.split('/')
  const line = value.indexOf(10)
  if (!reader || !stream || line < 0) return null
  try {
    const { reason, at, encoding } = JSON.parse(value.toString('utf8', 0, line)) as { reason: string; at: number; encoding: 'json' | 'zstd' }
    return { id: key.slice(deadLetterPrefix.length), reader, stream, ...positionOf(key), at, reason, bytes: plainOf({ encoding, bytes: value.subarray(line + 1) }) }
  } catch {
    return null
  }
}
