import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, type Journal, type PerStream, type Position, type Random, type RecordEncoder, type Selection, type Stream } from '../contract/index.ts'
import { describe, StoreError, type Logger } from '../kit/index.ts'
import { Database } from './database.ts'
import { beginEpoch, Mark, type Ends, type MarkContent } from './epoch.ts'
import { LevelJournal } from './journal.ts'
import { compare, perStream } from './keys.ts'
import { openingEvents, parse, readHeads, type Found } from './opening.ts'
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
  /** Streams with a smaller share of their own. */
  readonly shares?: Readonly<Record<Stream, number>>
  readonly selections?: readonly Selection[]
  /** The disk began or ceased to fail. */
  failing?(now: boolean): void
}

/**
 * Opens (or creates) the journal and begins an epoch. Throws StoreError STORE_LOCKED, STORE_UNUSABLE.
 * The first ledger record closes the epoch before, and declares what its log has lost.
 */
export async function openJournal({ folder, encoder, clock, random, log, commitMs, maxBytes, shares = {}, selections = [], failing }: JournalOptions): Promise<Journal> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new StoreError('STORE_UNUSABLE', `cannot create ${folder}: ${describe(cause)}; check store.path and the folder's owner`, { cause })
  })
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await Database.open({ folder: path.join(folder, 'log'), clock, random, log, ...(failing ? { failing } : {}) }))
  const mark = new Mark(folder)
  const streams = byUrgency(selections)
  const found = await database.run((level) => readHeads(level, streams))
  const known = Object.values(found.heads).map(({ epoch }) => epoch).reduce((a, b) => (a > b ? a : b), '')
  const places = await readPlaces(database)
  const { epoch, previous } = await beginEpoch(folder, known || null)
  const marked = await mark.read()
  // A repair may leave nothing: then it is a new database too.
  const replaced = database.replaced || (marked !== null && Object.values(found.heads).every(({ seq }) => seq === 0) && Object.values(marked.seqs).some((seq) => seq > 0))
  const events = openingEvents({ previous, found, places: furthest(places, streams), mark: marked, replaced, at: clock.now() })
  const journal = new LevelJournal({
    database, mark, older: olderEpochs(marked, previous, found, places), epoch, streams, sacrificed: byWorth(selections), trims: found.trims, places, quotas: { maxBytes, streams: shares }, clock, log,
    committer: { database, encoder, clock, commitMs, epoch, selections, heads: found.heads },
  })
  if (events.length > 0) await journal.commit({ events, urgent: true })
  for (const { type, data } of events) if (type === 'gap') log.error({ code: 'STORE_RECORDS_LOST', ...data }, 'the log lost records at the end of the last epoch; the gap is declared to the city')
  stack.move()
  return journal
}

const selectedFrom = (selections: readonly Selection[], ...from: readonly Stream[]): readonly Stream[] => selections.filter((selection) => from.includes(selection.from)).map(({ stream }) => stream)

/** alert, event, what is selected from them, ledger, telemetry, what is selected from that. */
const byUrgency = (selections: readonly Selection[]): readonly Stream[] =>
  ['alert', ...selectedFrom(selections, 'alert'), 'event', ...selectedFrom(selections, 'event'), 'ledger', 'telemetry', ...selectedFrom(selections, 'telemetry')]

/** Law 7: telemetry gives way first, then events; alerts and the ledger last. */
const byWorth = (selections: readonly Selection[]): readonly Stream[] =>
  ['telemetry', ...selectedFrom(selections, 'telemetry'), ...selectedFrom(selections, 'event'), 'event', ...selectedFrom(selections, 'alert'), 'alert', 'ledger']

const keptOlder = 16

/** Epochs whose records some reader may still have to get. */
function olderEpochs(mark: MarkContent | null, previous: string | null, found: Found, places: ReadonlyMap<string, Readonly<Record<Stream, Place>>>): readonly Ends[] {
  if (previous === null) return []
  const ends: Ends = { epoch: previous, seqs: Object.fromEntries(Object.entries(found.heads).map(([stream, head]) => [stream, Math.max(head.epoch === previous ? head.seq : 0, mark?.epoch === previous ? mark.seqs[stream] ?? 0 : 0)])) }
  const slowest = [...places.values()].flatMap((each) => Object.values(each).map(({ at }) => at?.epoch ?? '')).reduce((a, b) => (a < b ? a : b), previous)
  return [...(mark?.older ?? []).filter(({ epoch }) => epoch !== previous && epoch >= slowest), ends].slice(-keptOlder)
}

async function readPlaces(database: Database): Promise<Map<string, Record<Stream, Place>>> {
  const places = new Map<string, Record<Stream, Place>>()
  for (const [key, value] of await database.run((level) => level.iterator({ gte: 'p/', lt: 'p0' }).all())) {
    const [, name, stream] = key.split('/')
    const place = parse<Place>(value)
    if (name && stream && place) places.set(name, { ...places.get(name), [stream]: place })
  }
  return places
}

/** Per stream the furthest place of any reader: what lies before it was delivered, not lost. */
function furthest(places: ReadonlyMap<string, Readonly<Record<Stream, Place>>>, streams: readonly Stream[]): PerStream<Position | null> {
  return perStream(streams, (stream) => [...places.values()].map((each) => each[stream]?.at ?? null).reduce((a, b) => (compare(a, b) >= 0 ? a : b), null))
}
