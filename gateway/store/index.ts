import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Clock, Journal, Random, RecordEncoder } from '../contract/index.ts'
import { describe, StoreError, type Logger } from '../kit/index.ts'
import { Database } from './database.ts'
import { beginEpoch, Mark } from './epoch.ts'
import { LevelJournal } from './journal.ts'
import { compare, perStream } from './keys.ts'
import { openingEvents, parse, readHeads } from './opening.ts'
import type { Place } from './reader.ts'

export interface JournalOptions {
  readonly folder: string
  readonly encoder: RecordEncoder
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Longest wait of work that is not urgent. */
  readonly commitMs: number
  /** Quota of the records' bytes; beyond it the oldest are dropped and declared. */
  readonly maxBytes: number
}

/**
 * Opens (or creates) the journal and begins an epoch. Throws StoreError STORE_LOCKED, STORE_UNUSABLE.
 * The first ledger record closes the epoch before, and declares what its log has lost.
 */
export async function openJournal({ folder, encoder, clock, random, log, commitMs, maxBytes }: JournalOptions): Promise<Journal> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new StoreError('STORE_UNUSABLE', `cannot create ${folder}: ${describe(cause)}; check store.path and the folder's owner`, { cause })
  })
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await Database.open({ folder: path.join(folder, 'log'), clock, random, log }))
  const mark = new Mark(folder)
  const found = await database.run(readHeads)
  const known = Object.values(found.heads).map(({ epoch }) => epoch).reduce((a, b) => (a > b ? a : b), '')
  const { epoch, previous } = await beginEpoch(folder, known || null)
  const events = openingEvents(previous, found, await furthest(database), await mark.read(), clock.now())
  const journal = new LevelJournal({ database, mark, epoch, trims: found.trims, maxBytes, clock, log, committer: { database, encoder, clock, commitMs, epoch, heads: found.heads } })
  if (events.length > 0) await journal.commit({ events, urgent: true })
  for (const { type, data } of events) if (type === 'gap') log.error({ code: 'STORE_RECORDS_LOST', ...data }, 'the log lost records at the end of the last epoch; the gap is declared to the city')
  stack.move()
  return journal
}

/** Per stream the furthest place of any reader: what lies before it was delivered, not lost. */
async function furthest(database: Database) {
  const furthest = perStream((): Place['at'] => null)
  const places = await database.run((level) => level.iterator({ gte: 'p/', lt: 'p0' }).all())
  for (const [key, value] of places) {
    const stream = key.slice(key.lastIndexOf('/') + 1) as keyof typeof furthest
    const at = parse<Place>(value)?.at ?? null
    if (stream in furthest && compare(at, furthest[stream]) > 0) furthest[stream] = at
  }
  return furthest
}
