import { streams, type Clock, type Head, type Journal, type JournalReader, type JournalStatistics, type Json, type StateStore, type Stream, type Work } from '../contract/index.ts'
import type { Logger } from '../kit/index.ts'
import { Committer, seqsOf } from './committer.ts'
import type { Heads } from './batch.ts'
import type { Database, Level } from './database.ts'
import type { Mark } from './epoch.ts'
import { compare, perStream, placeKey, recordKey, recordPrefix, stateKey, trimKey } from './keys.ts'
import { gapEvent, parse, type Gap, type Trim } from './opening.ts'
import { makeRoom, usedBytes } from './quota.ts'
import { StoreReader, type Place } from './reader.ts'
import { scan } from './scan.ts'

export interface JournalParts {
  readonly database: Database
  readonly mark: Mark
  readonly epoch: string
  readonly trims: Record<Stream, Trim>
  readonly maxBytes: number
  readonly clock: Clock
  readonly log: Logger
  readonly committer: Omit<ConstructorParameters<typeof Committer>[0], 'makeRoom' | 'committed'>
}

/** The journal over one LevelDB. What it promises stands at {@link Journal}. */
export class LevelJournal implements Journal {
  readonly epoch: string
  readonly state: StateStore
  readonly #parts: JournalParts
  readonly #committer: Committer
  readonly #readers = new Map<string, StoreReader>()
  readonly #listeners = new Set<() => void>()
  readonly #declared = new Set<string>()
  readonly #letting = new Map<Stream, Promise<void>>()
  #gaps = 0
  #deadLetters = 0

  constructor(parts: JournalParts) {
    this.#parts = parts
    this.epoch = parts.epoch
    this.#committer = new Committer({ ...parts.committer, makeRoom: () => this.#makeRoom(), committed: (heads) => this.#committed(heads) })
    this.state = stateStore(parts.database)
  }

  commit(work: Work): Promise<void> { return this.#committer.commit(work) }

  async reader(name: string, { from = 'end' }: { readonly from?: 'start' | 'end' } = {}): Promise<JournalReader> {
    const existing = this.#readers.get(name)
    if (existing) return existing
    const { database } = this.#parts
    const heads = this.#committer.heads
    const places = perStream((): Place => ({ at: null, records: 0, bytes: 0 }))
    for (const stream of streams) {
      const { epoch, seq, records, bytes } = heads[stream]
      const start: Place = from === 'end' && seq > 0 ? { at: { epoch, seq }, records, bytes } : { ...this.#parts.trims[stream], at: null }
      const kept = await database.run(async (level) => parse<Place>(await level.get(placeKey(name, stream))))
      places[stream] = kept ?? start
      if (!kept) await database.run((level) => level.put(placeKey(name, stream), Buffer.from(JSON.stringify(start))))
    }
    const reader = new StoreReader({
      name, places, heads: () => this.#committer.heads,
      scan: (stream, after, limit) => this.#scan(stream, after, limit),
      declare: (gaps) => this.#declare(gaps),
      save: async (stream, operations) => {
        await database.run((level) => level.batch([...operations]))
        await this.#letGo(stream)
      },
      deadLetters: (count) => { this.#deadLetters += count; this.#trimDeadLetters() },
    })
    this.#readers.set(name, reader)
    return reader
  }

  heads(): Readonly<Record<Stream, Head>> {
    const { heads } = this.#committer
    return perStream((stream) => {
      const { epoch, seq, hash } = heads[stream]
      return epoch === this.epoch ? { epoch, seq, hash } : { epoch: this.epoch, seq: 0, hash: '' }
    })
  }

  statistics(): JournalStatistics {
    const { counters } = this.#committer
    return {
      ...counters, gaps: this.#gaps, deadLetters: this.#deadLetters, fsyncMsP50: this.#committer.latency(0.5), fsyncMsP99: this.#committer.latency(0.99),
      fill: this.fill,
    }
  }

  get fill(): number { return usedBytes(this.#committer.heads, this.#parts.trims) / this.#parts.maxBytes }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#parts.database.failing) await this.#parts.database[Symbol.asyncDispose]()
    await this.#committer.close()
    await Promise.all(this.#letting.values())
    await this.#parts.mark[Symbol.asyncDispose]()
    await this.#parts.database[Symbol.asyncDispose]()
  }

  #committed(heads: Heads): void {
    this.#parts.mark.write({ epoch: this.epoch, seqs: seqsOf(heads, this.epoch) })
    for (const listener of this.#listeners) listener()
  }

  async #scan(stream: Stream, after: Parameters<typeof scan>[2], limit: number) {
    const head = this.#committer.heads[stream]
    return this.#parts.database.run((level) => scan(level, stream, after, limit, this.#parts.trims[stream].at, head))
  }

  async #declare(gaps: readonly Gap[]): Promise<void> {
    const fresh = gaps.filter((gap) => !this.#declared.has(gapName(gap)))
    for (const gap of fresh) this.#declared.add(gapName(gap))
    if (fresh.length === 0) return
    this.#gaps += fresh.length
    for (const gap of fresh.filter(({ reason }) => reason === 'log-damage')) this.#parts.log.error({ code: 'STORE_RECORDS_LOST', ...gap }, `${gap.to - gap.from + 1} ${gap.stream} records are missing from the journal; the gap is declared to the city`)
    const at = this.#parts.clock.now()
    try {
      await this.commit({ events: fresh.map((gap) => gapEvent(at, gap)), urgent: true })
    } catch (error) {
      // Not told yet: whoever meets the hole next tries again.
      for (const gap of fresh) this.#declared.delete(gapName(gap))
      throw error
    }
  }

  /** The oldest give way: they are kept to be looked at, and the gap that names them stays. */
  #trimDeadLetters(): void {
    const trim = async (level: Level): Promise<void> => {
      const keys = await level.keys({ gte: 'd/', lt: 'd0' }).all()
      if (keys.length > keptDeadLetters) await level.batch(keys.slice(0, keys.length - keptDeadLetters).map((key) => ({ type: 'del' as const, key })))
    }
    if (this.#deadLetters % 100 === 0) this.#parts.database.run(trim).catch(() => {})
  }

  async #makeRoom() {
    const { database, trims, maxBytes, clock, log } = this.#parts
    const dropped = await makeRoom(database, this.#committer.heads, trims, maxBytes, clock.now())
    if (!dropped) return null
    for (const [stream, trim] of dropped.trims) trims[stream] = trim
    this.#gaps += dropped.events.length
    log.warn({ code: 'STORE_QUOTA_DROPPED', gaps: dropped.events.length, records: dropped.operations.length }, 'the store is full: the oldest records were dropped and declared as a gap')
    return dropped
  }

  /** Deletes what every reader has settled. One deletion in the air per stream; those that follow find the newest place. */
  async #letGo(stream: Stream): Promise<void> {
    if (this.#letting.has(stream)) return
    const work = this.#delete(stream).finally(() => this.#letting.delete(stream))
    this.#letting.set(stream, work)
  }

  async #delete(stream: Stream): Promise<void> {
    const { database, trims } = this.#parts
    for (;;) {
      const slowest = [...this.#readers.values()].map((reader) => reader.place(stream)).reduce((a, b) => (compare(a.at, b.at) <= 0 ? a : b))
      const from = trims[stream]
      if (!slowest.at || compare(slowest.at, from.at) <= 0) return
      const upTo = slowest.at
      await database.run((level) => level.clear({ gt: from.at ? recordKey(stream, from.at) : recordPrefix(stream), lte: recordKey(stream, upTo) }))
      await database.run((level) => level.put(trimKey(stream), Buffer.from(JSON.stringify(slowest))))
      if (compare(slowest.at, trims[stream].at) > 0) trims[stream] = slowest
    }
  }
}

const keptDeadLetters = 1_000
const gapName = ({ stream, epoch, from, to }: Gap): string => `${stream}/${epoch}/${from}-${to}`

function stateStore(database: Database): StateStore {
  return {
    get: async (key) => database.run(async (level) => parse<Json>(await level.get(stateKey(key)))),
    entries: async (prefix) => database.run(async (level) => {
      const from = stateKey(prefix)
      const found = await level.iterator({ gte: from, lt: `${from.slice(0, -1)}${String.fromCharCode(from.charCodeAt(from.length - 1) + 1)}` }).all()
      return found.flatMap(([key, value]) => { const parsed = parse<Json>(value); return parsed === undefined ? [] : [[key.slice(2), parsed] as const] })
    }),
  }
}
