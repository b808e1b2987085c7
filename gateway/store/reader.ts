import { streams, type Backlog, type EpochMs, type JournalReader, type Position, type Stored, type Stream, type Verdict } from '../contract/index.ts'
import type { Heads } from './batch.ts'
import type { Operation } from './database.ts'
import { compare, deadLetterKey, perStream, placeKey } from './keys.ts'
import type { Gap } from './opening.ts'
import { hashOfStored } from './record.ts'
import type { Scan, Scanned } from './scan.ts'

/** A reader's settled place in one stream, with the stream's totals up to it. `at: null`: before everything. */
export interface Place { readonly at: Position | null; readonly records: number; readonly bytes: number }

export interface ReaderParts {
  readonly name: string
  readonly places: Readonly<Record<Stream, Place>>
  heads(): Heads
  scan(stream: Stream, after: Position | null, limit: number): Promise<Scan>
  /** Puts gaps into the ledger, each once. */
  declare(gaps: readonly Gap[]): Promise<void>
  /** Writes the new place and dead letters, then lets go what every reader has settled. */
  save(stream: Stream, operations: readonly Operation[]): Promise<void>
  deadLetters(count: number): void
}

interface Outstanding { readonly record: Scanned; settled: boolean }

/** The place moves over the settled prefix of what was taken; what lies beyond stays, and is taken again after a restart. */
export class StoreReader implements JournalReader {
  readonly name: string
  readonly #parts: ReaderParts
  readonly #places: Record<Stream, Place>
  readonly #outstanding: Record<Stream, Map<string, Outstanding>>
  readonly #last: Record<Stream, Position | null>
  readonly #oldest: Record<Stream, EpochMs>

  constructor(parts: ReaderParts) {
    this.name = parts.name
    this.#parts = parts
    this.#places = { ...parts.places }
    this.#outstanding = perStream(() => new Map<string, Outstanding>())
    this.#last = perStream(() => null)
    this.#oldest = perStream(() => 0)
  }

  position(stream: Stream): Position | null { return this.#places[stream].at }
  place(stream: Stream): Place { return this.#places[stream] }

  async take(stream: Stream, limit: number, after?: Position | null): Promise<readonly Stored[]> {
    const from = after ?? this.#places[stream].at
    const { records, gaps } = await this.#parts.scan(stream, from, limit)
    if (gaps.length > 0) await this.#parts.declare(gaps)
    for (const record of records) {
      if (compare(record, this.#last[stream]) <= 0 || compare(record, this.#places[stream].at) <= 0) continue
      this.#outstanding[stream].set(keyOf(record), { record, settled: false })
      this.#last[stream] = { epoch: record.epoch, seq: record.seq }
    }
    return records
  }

  async settle(stream: Stream, verdicts: readonly Verdict[]): Promise<void> {
    const outstanding = this.#outstanding[stream]
    const letters: Operation[] = []
    const gaps: Gap[] = []
    for (const verdict of verdicts) {
      const entry = outstanding.get(keyOf(verdict.record))
      if (!entry || entry.settled) continue
      entry.settled = true
      if (verdict.outcome === 'acked') continue
      letters.push(this.#letter(stream, entry.record, verdict.reason))
      join(gaps, stream, entry.record)
    }
    let place = this.#places[stream]
    for (const [key, { record, settled }] of outstanding) {
      if (!settled) break
      outstanding.delete(key)
      place = { at: { epoch: record.epoch, seq: record.seq }, ...record.totals }
      this.#oldest[stream] = record.at
    }
    const operations: Operation[] = [...letters]
    if (place !== this.#places[stream]) {
      this.#places[stream] = place
      operations.push({ type: 'put', key: placeKey(this.name, stream), value: Buffer.from(JSON.stringify(place)) })
    }
    if (operations.length > 0) await this.#parts.save(stream, operations)
    if (gaps.length === 0) return
    this.#parts.deadLetters(letters.length)
    // A ledger that is refused cannot carry the news of its own refusal.
    if (stream !== 'ledger') await this.#parts.declare(gaps)
  }

  backlog(): Readonly<Record<Stream, Backlog>> {
    const heads = this.#parts.heads()
    return Object.fromEntries(streams.map((stream) => {
      const { records, bytes, at } = heads[stream]
      const place = this.#places[stream]
      const waiting = Math.max(0, records - place.records)
      const [first] = this.#outstanding[stream].values()
      // What was never taken is at least as young as the last one settled.
      const oldestAt = waiting === 0 ? null : first?.record.at ?? (this.#oldest[stream] || at)
      return [stream, { records: waiting, bytes: Math.max(0, bytes - place.bytes), oldestAt }]
    })) as Record<Stream, Backlog>
  }

  #letter(stream: Stream, record: Scanned, reason: string): Operation {
    const { at, encoding, bytes } = record
    const value = Buffer.concat([Buffer.from(`${JSON.stringify({ reason, at, encoding })}\n`), bytes])
    return { type: 'put', key: deadLetterKey(this.name, stream, record), value }
  }
}

/** Refused neighbours are one gap. */
function join(gaps: Gap[], stream: Stream, record: Scanned): void {
  const last = gaps.at(-1)
  const hashAfter = hashOfStored(record)
  if (last?.epoch === record.epoch && last.to === record.seq - 1) gaps[gaps.length - 1] = { ...last, to: record.seq, hashAfter }
  else gaps.push({ stream, epoch: record.epoch, from: record.seq, to: record.seq, reason: 'refused', hashBefore: record.prevHash, hashAfter })
}

const keyOf = ({ epoch, seq }: Position): string => `${epoch}/${seq}`
