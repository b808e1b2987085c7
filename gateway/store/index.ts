import { mkdir } from 'node:fs/promises'
import type { Clock, Journal, PerStream, Position, Random, RecordEncoder, Selection, Stream } from '../contract/index.ts'
import { describe, StoreError, type Logger } from '../kit/index.ts'
import { Database } from './database.ts'
import { Mark, nextEpoch, readEnds, writeEnds, writeEpoch, type Ends } from './epoch.ts'
import { LevelJournal } from './journal.ts'
import { compare, databaseIn, isLocal, perStream } from './keys.ts'
import { gapEvent, openingEvents, raiseFences, readHeads, type Found, type Gap } from './opening.ts'
import type { Place } from './reader.ts'
import { owedOf, removedStreams, removeStream } from './removed.ts'
import { unseal } from './sealed.ts'
import { stateStore } from './state.ts'
import { Untold } from './untold.ts'

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
  const database = stack.use(await Database.open({ folder: databaseIn(folder), clock, random, log, ...(failing ? { failing } : {}) }))
  const mark = new Mark(folder)
  const streams = byUrgency(selections)
  await database.run((level) => raiseFences(level, streams))
  const { found, places } = await readAll(database, streams)
  const known = Object.values(found.heads).map(({ epoch }) => epoch).reduce((a, b) => (a > b ? a : b), '')
  const next = await nextEpoch(folder, known || null, clock.now())
  const { epoch, previous } = next
  const marked = await mark.read()
  const older = (await readEnds(folder)).filter((end) => end.epoch !== previous)
  const ends = endsNow({ older, marked, previous, found })
  // A repair may leave nothing: then it is a new database too.
  const replaced = database.replaced || (Object.values(found.heads).every(({ seq }) => seq === 0) && ends.some(({ seqs }) => Object.values(seqs).some((seq) => seq > 0)))
  const removed = await database.run((level) => removedStreams(level, streams))
  const owed = (await Promise.all(removed.map((stream) => database.run((level) => owedOf(level, stream, places))))).flat()
  const untold = new Untold(epoch, await stateStore(database).entries(Untold.prefix))
  const at = clock.now()
  const events = [...openingEvents({ ...next, found, places: furthest(places, streams), mark: marked, older, replaced, at }), ...owed.map((gap) => gapEvent(at, gap))]
  await writeEnds(folder, ends)
  await writeEpoch(folder, epoch)
  const journal = new LevelJournal({
    database, mark, ends, declared: events.flatMap(({ type, data }) => (type === 'gap' ? [data as unknown as Gap] : [])), epoch, streams, sacrificed: byWorth(selections), trims: found.trims, places, untold, quotas: { maxBytes, streams: shares }, clock, log,
    committer: { database, encoder, clock, commitMs, epoch, selections, heads: found.heads },
  })
  if (events.length > 0) await journal.begin(events)
  for (const stream of removed) await database.run((level) => removeStream(level, stream))
  for (const { type, data } of events) if (type === 'gap' && data.reason === 'log-damage') log.error({ code: 'STORE_RECORDS_LOST', ...data }, 'the log lost records at the end of the last epoch; the gap is declared to the city')
  database.begun()
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

const keptEnds = 1_000

interface Known {
  readonly older: readonly Ends[]
  readonly marked: Ends | null
  readonly previous: string | null
  readonly found: Found
}

/** Of epochs whose records some reader may still have to get, or that no ledger entry has closed; the one that just ended included. */
function endsNow({ older, marked, previous, found }: Known): readonly Ends[] {
  if (previous === null) return []
  const seqs = Object.fromEntries(Object.entries(found.heads).map(([stream, head]) => [stream, Math.max(head.epoch === previous ? head.seq : 0, marked?.epoch === previous ? marked.seqs[stream] ?? 0 : 0)]))
  const isOwed = ({ epoch, seqs: last }: Ends): boolean => Object.entries(last).some(([stream, seq]) => seq > 0 && compare(found.trims[stream]?.at ?? null, { epoch, seq }) < 0)
  const ofThese = (end: Ends): Ends => ({ ...end, seqs: Object.fromEntries(Object.entries(end.seqs).filter(([stream]) => Object.hasOwn(found.heads, stream))) })
  const isUnclosed = ({ epoch }: Ends): boolean => epoch >= found.heads.ledger.epoch
  return [...older.map(ofThese).filter((end) => isOwed(end) || isUnclosed(end)), { epoch: previous, seqs }].slice(-keptEnds)
}

/** As one whole: damage that shows while reading changes what was read before. */
async function readAll(database: Database, streams: readonly Stream[]) {
  for (;;) {
    const { life } = database
    const found = await database.run((level) => readHeads(level, streams))
    const places = await readPlaces(database)
    if (database.life === life) return { found, places }
  }
}

async function readPlaces(database: Database): Promise<Map<string, Record<Stream, Place>>> {
  const places = new Map<string, Record<Stream, Place>>()
  for (const [key, value] of await database.run((level) => level.iterator({ gte: 'p/', lt: 'p0' }).all())) {
    const [, name, stream] = key.split('/')
    const place = unseal<Place>(key, value)
    if (name && stream && place) places.set(name, { ...places.get(name), [stream]: place })
  }
  return places
}

/** Per stream the furthest place of any uplink: what lies before it was delivered, not lost. */
function furthest(places: ReadonlyMap<string, Readonly<Record<Stream, Place>>>, streams: readonly Stream[]): PerStream<Position | null> {
  return perStream(streams, (stream) => [...places].map(([name, each]) => (isLocal({ name }) ? null : each[stream]?.at ?? null)).reduce((a, b) => (compare(a, b) >= 0 ? a : b), null))
}
