import type { EpochMs, HistoryEntry } from '../contract/index.ts'
import { arrivalOf } from '../kit/arrival.ts'
import { Book, type Span } from './books.ts'
import type { HourFiles } from './hours.ts'
import type { Block, BlockHead, BlockLog, Segment } from './log.ts'
import { decodeMinutes, type FreshRow } from './minute-block.ts'
import { Minutes } from './minutes.ts'
import { decodeRaw } from './raw-block.ts'
import { hourMs } from './rows.ts'

const newestHours = 4
/** So far back the log is searched for minutes that are in no hour's file yet. */
const reachMs = 2 * hourMs
/** Times of arrival further apart are no one run: nobody knows what held between them. */
export const breakMs = 90_000

/** The block that was the last when an hour was filed may begin the next one. */
const overlap = 3

export interface Recovered {
  readonly books: ReadonlyMap<number, Book>
  /** Rows made anew from raw readings; they are in no block yet. */
  readonly fresh: readonly FreshRow[]
  /** When the last runs ran, as far as it is in no file yet. */
  readonly alive: readonly Span[]
}

/** What a process that ended, or was killed, left in the log: minutes of hours without a file, and readings of the last, unfinished minute. */
export async function recover(log: BlockLog, files: HourFiles, damaged: (error?: unknown) => void): Promise<Recovered> {
  const { segments, minutes } = await recent(log)
  const last = minutes.at(-1)
  const beforeLast = minutes.at(-2)?.seq ?? 0
  const after = last ? await afterOf(log, last.segment, last.seq) : null
  const books = new Map<number, Book>()
  const upTo = await filedUpTo(files)
  const alive: Span[] = []
  const rest = new Rest()
  let lastRaw = 0
  const take = async (block: Block): Promise<void> => {
    if (block.kind === 'raw') {
      lastRaw = block.seq
      return rest.take(decodeRaw(block.payload), block.seq < (last?.seq ?? 0) ? after : -Infinity)
    }
    const content = decodeMinutes(block.payload)
    alive.push(...content.alive)
    for (const book of content.books) {
      if ((upTo.get(book.hour) ?? 0) >= block.seq) continue
      const known = bookOf(books, book.hour)
      book.absorb(known)
      books.set(book.hour, book)
    }
  }
  // When an hour is filed, all that are over are.
  const filed = Math.max(0, ...upTo.values())
  const wanted = ({ kind, seq }: BlockHead): boolean => seq > (kind === 'minutes' ? filed - overlap : beforeLast)
  for (const segment of segments) {
    for await (const block of log.blocks(segment, wanted, damaged)) await take(block).catch(damaged)
  }
  const fresh: FreshRow[] = []
  for (const one of rest.rows()) {
    const hour = Math.floor(one.row.minute / 60)
    // Where the log lost its end, an hour's file may know more than the log.
    if ((upTo.get(hour) ?? 0) >= lastRaw) continue
    fresh.push(one)
    bookOf(books, hour).point(one.id).put(one.row)
  }
  return { books, fresh, alive: [...alive, ...rest.alive] }
}

function bookOf(books: Map<number, Book>, hour: number): Book {
  let book = books.get(hour)
  if (!book) books.set(hour, book = new Book(hour))
  return book
}

/** Of the newest hours' files: the last block each knows. */
export async function filedUpTo(files: HourFiles): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>()
  for (const hour of [...files.hours()].toSorted((a, b) => a - b).slice(-newestHours)) found.set(hour, (await files.head(hour))?.upTo ?? 0)
  return found
}

/** The newest files of the log, oldest first, and the blocks of minutes in them. */
async function recent(log: BlockLog) {
  const segments: Segment[] = []
  const minutes: { readonly segment: Segment; readonly seq: number }[] = []
  let newest = -Infinity
  for (const segment of log.segments.toReversed()) {
    const found = []
    for await (const { kind, seq } of log.heads(segment)) if (kind === 'minutes') found.push({ segment, seq })
    minutes.unshift(...found)
    segments.unshift(segment)
    newest = Math.max(newest, segment.times?.to ?? -Infinity)
    if ((segment.times?.to ?? Infinity) < newest - reachMs) break
  }
  return { segments, minutes }
}

async function afterOf(log: BlockLog, segment: Segment, seq: number): Promise<EpochMs | null> {
  for await (const { payload } of log.blocks(segment, (head) => head.seq === seq, () => {})) {
    try { return decodeMinutes(payload).after } catch { return null }
  }
  return null
}

/** Readings that are in no row yet, counted again. */
class Rest {
  readonly #rows: FreshRow[] = []
  readonly #minutes = new Minutes({ row: (id, row) => { this.#rows.push({ id, row }) }, opening: () => {} })
  readonly alive: [EpochMs, EpochMs][] = []

  /** `after`: earlier ones are counted already; null: all are. */
  take(inputs: readonly HistoryEntry[], after: EpochMs | null): void {
    if (after === null) return
    for (const input of inputs) {
      // Its time is its driver's, and tells nothing about when we ran.
      if ('device' in input) continue
      const at = arrivalOf(input)
      if (at < after) continue
      const run = this.alive.at(-1)
      if (!run || Math.abs(at - run[1]) > breakMs || at < run[1] - 1_000) {
        if (run) this.#minutes.closeAll(run[1])
        if (run) this.#minutes.forget()
        this.alive.push([at, at])
      } else run[1] = Math.max(run[1], at)
      if ('reading' in input) this.#minutes.add(input.reading)
    }
  }
  rows(): readonly FreshRow[] {
    const last = this.alive.at(-1)
    if (last) this.#minutes.closeAll(last[1])
    return this.#rows
  }
}
