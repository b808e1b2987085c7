import type { Backlog, EpochMs, JournalReader, Position, Stored, Stream, Verdict } from '../contract/index.ts'
import type { Heads } from './heads.ts'
import type { Operation } from './database.ts'
import { compare, deadLetterKey, placeKey } from './keys.ts'
import type { Gap } from './opening.ts'
import { hashOfStored } from './record.ts'
import type { Scan, Scanned } from './scan.ts'
import { putSealed } from './sealed.ts'

/** A reader's settled place in one stream, with the stream's totals up to it. `at: null`: before everything. */
export interface Place { readonly at: Position | null; readonly records: number; readonly bytes: number }

export interface ReaderParts {
  readonly name: string
  readonly streams: readonly Stream[]
  readonly places: Readonly<Record<Stream, Place>>
  heads(): Heads
  scan(stream: Stream, after: Position | null, limit: number): Promise<Scan>
  /** Up to here the stream's records are gone; what a reader had not settled of them is declared. */
  trimmed(stream: Stream): Position | null
  /** Puts gaps into the ledger, each once. */
  declare(gaps: readonly Gap[]): Promise<void>
  /** Writes the new place and dead letters, then lets go what every reader has settled. */
  save(stream: Stream, operations: readonly Operation[]): Promise<void>
  deadLetters(count: number): void
}

interface Outstanding { readonly record: Scanned; settled: boolean }
/** One stream as this reader sees it. */
interface Course { place: Place; readonly outstanding: Map<string, Outstanding>; last: Position | null; oldest: EpochMs }

/**
 * The place moves over the settled prefix of what was taken; what lies beyond stays, and is taken again after a restart. What was taken and
 * had to give way before it was settled is not waited for: nobody will send it again.
 */
export class StoreReader implements JournalReader {
  readonly name: string
  readonly streams: readonly Stream[]
  readonly #parts: ReaderParts
  readonly #courses: ReadonlyMap<Stream, Course>

  constructor(parts: ReaderParts) {
    this.name = parts.name
    this.streams = parts.streams
    this.#parts = parts
    this.#courses = new Map(parts.streams.map((stream) => [stream, { place: parts.places[stream]!, outstanding: new Map<string, Outstanding>(), last: null, oldest: 0 }]))
  }

  position(stream: Stream): Position | null { return this.place(stream)?.at ?? null }
  /** undefined: it does not take this stream. */
  place(stream: Stream): Place | undefined { return this.#courses.get(stream)?.place }

  async take(stream: Stream, limit: number, after?: Position | null): Promise<readonly Stored[]> {
    const course = this.#course(stream)
    const { records, gaps } = await this.#parts.scan(stream, after ?? course.place.at, limit)
    if (gaps.length > 0) await this.#parts.declare(gaps)
    for (const record of records) {
      if (compare(record, course.last) <= 0 || compare(record, course.place.at) <= 0) continue
      course.outstanding.set(keyOf(record), { record, settled: false })
      course.last = { epoch: record.epoch, seq: record.seq }
    }
    return records
  }

  async settle(stream: Stream, verdicts: readonly Verdict[]): Promise<void> {
    const course = this.#course(stream)
    const letters: Operation[] = []
    const gaps: Gap[] = []
    const known = verdicts.flatMap((verdict) => { const entry = course.outstanding.get(keyOf(verdict.record)); return entry && !entry.settled ? [{ entry, verdict }] : [] })
    for (const { entry, verdict } of known) {
      if (verdict.outcome === 'acked') continue
      letters.push(this.#letter(stream, entry.record, verdict.reason))
      join(gaps, stream, entry.record, this.name)
    }
    // Before the place moves over them: a death in between tells it twice rather than never. A ledger that is refused cannot carry the news of its own refusal.
    if (gaps.length > 0 && stream !== 'ledger') await this.#parts.declare(gaps)
    for (const { entry } of known) entry.settled = true
    let { place } = course
    const trimmed = this.#parts.trimmed(stream)
    for (const [key, { record, settled }] of course.outstanding) {
      if (!settled && compare(record, trimmed) > 0) break
      course.outstanding.delete(key)
      place = { at: { epoch: record.epoch, seq: record.seq }, ...record.totals }
      course.oldest = record.at
    }
    const operations: Operation[] = [...letters]
    if (place !== course.place) {
      course.place = place
      operations.push(putSealed(placeKey(this.name, stream), place))
    }
    if (operations.length > 0) await this.#parts.save(stream, operations)
    if (letters.length > 0) this.#parts.deadLetters(letters.length)
  }

  backlog(): Readonly<Record<Stream, Backlog>> {
    const heads = this.#parts.heads()
    return Object.fromEntries([...this.#courses].map(([stream, { place, outstanding, oldest }]) => {
      const { records, bytes, at } = heads[stream]!
      const waiting = Math.max(0, records - place.records)
      const [first] = outstanding.values()
      // What was never taken is at least as young as the last one settled.
      const oldestAt = waiting === 0 ? null : first?.record.at ?? (oldest || at)
      return [stream, { records: waiting, bytes: Math.max(0, bytes - place.bytes), oldestAt }]
    }))
  }

  /** Throws RangeError for a stream it does not take: a mistake of ours. */
  #course(stream: Stream): Course {
    const course = this.#courses.get(stream)
    if (!course) throw new RangeError(`reader ${this.name} does not take stream ${stream}`)
    return course
  }

  #letter(stream: Stream, record: Scanned, reason: string): Operation {
    const { at, encoding, bytes } = record
    const value = Buffer.concat([Buffer.from(`${JSON.stringify({ reason, at, encoding })}\n`), bytes])
    return { type: 'put', key: deadLetterKey(this.name, stream, record), value }
  }
}

/** Refused neighbours are one gap. */
function join(gaps: Gap[], stream: Stream, record: Scanned, uplink: string): void {
  const last = gaps.at(-1)
  const hashAfter = hashOfStored(record)
  if (last?.epoch === record.epoch && last.to === record.seq - 1) gaps[gaps.length - 1] = { ...last, to: record.seq, hashAfter }
  else gaps.push({ stream, epoch: record.epoch, from: record.seq, to: record.seq, reason: 'refused', uplinks: [uplink], hashBefore: record.prevHash, hashAfter })
}

const keyOf = ({ epoch, seq }: Position): string => `${epoch}/${seq}`
