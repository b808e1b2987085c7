import { streams as baseStreams, type Clock, type GatewayEvent, type Head, type Journal, type JournalReader, type JournalStatistics, type PerStream, type Position, type StateStore, type StateWrite, type Stream, type Work } from '../contract/index.ts'
import type { Logger } from '../kit/index.ts'
import { Committer, seqsOf } from './committer.ts'
import type { Encoded } from './batch.ts'
import type { Database, Operation } from './database.ts'
import { entriesOf, type CopiedEntry } from './copy.ts'
import { StoredDeadLetters } from './dead-letters.ts'
import type { Ends, Mark } from './epoch.ts'
import { compare, perStream, placeKey, placesOf, quarantineKey, stateKey } from './keys.ts'
import { LettingGo } from './letting-go.ts'
import { gapEvent, type Gap, type Trim } from './opening.ts'
import { pressure, roomOf } from './pressure.ts'
import { makeRoom, usedBytes, type Placed, type Quotas } from './quota.ts'
import { Rates } from './rates.ts'
import { StoreReader, type Place } from './reader.ts'
import { scan, type Scan } from './scan.ts'
import { putSealed } from './sealed.ts'
import { stateStore } from './state.ts'
import type { Untold } from './untold.ts'
import { Tail } from './tail.ts'

export interface JournalParts {
  readonly database: Database
  readonly mark: Mark
  /** Where earlier epochs ended. */
  readonly ends: readonly Ends[]
  /** Declared at the opening. */
  readonly declared: readonly Gap[]
  readonly epoch: string
  /** The most urgent first. */
  readonly streams: readonly Stream[]
  /** Law 7: what gives way first stands first. */
  readonly sacrificed: readonly Stream[]
  readonly trims: PerStream<Trim>
  /** Of every reader the database knows, whether or not somebody has asked for it yet. */
  readonly places: Map<string, Record<Stream, Place>>
  readonly untold: Untold
  readonly quotas: Quotas
  readonly clock: Clock
  readonly log: Logger
  readonly committer: Omit<ConstructorParameters<typeof Committer>[0], 'makeRoom' | 'committed'>
}

/** The journal over one LevelDB. What it promises stands at {@link Journal}. */
export class LevelJournal implements Journal {
  readonly epoch: string
  readonly streams: readonly Stream[]
  readonly state: StateStore
  readonly deadLetters: StoredDeadLetters
  readonly #parts: JournalParts
  readonly #committer: Committer
  readonly #readers = new Map<string, StoreReader>()
  readonly #rates: Rates
  readonly #tail = new Tail()
  readonly #listeners = new Set<() => void>()
  readonly #declared = new Set<string>()
  readonly #lettingGo: LettingGo
  /** Gaps on their way into the ledger. */
  #declaring = 0
  #gaps = 0
  #deadLetters = 0
  #quarantined = 0
  /** Whoever reads has asked for its reader. */
  #settled = false
  #fill: number | null = null

  constructor(parts: JournalParts) {
    this.#parts = parts
    this.epoch = parts.epoch
    this.streams = parts.streams
    this.#lettingGo = new LettingGo(parts.database, parts.trims, (stream) => this.#placesIn(stream))
    this.#rates = new Rates(parts.clock, parts.committer.heads)
    this.#committer = new Committer({ ...parts.committer, makeRoom: () => this.#makeRoom(), committed: (batch) => this.#committed(batch) })
    this.state = stateStore(parts.database)
    this.deadLetters = new StoredDeadLetters(parts.database, this)
    for (const gap of parts.declared) this.#declared.add(gapName(gap))
    this.#gaps = parts.declared.length
  }

  commit(work: Work): Promise<void> { return this.#committer.commit(work) }

  /** The first entries of the epoch; also on a full disk. */
  begin(events: readonly GatewayEvent[]): Promise<void> {
    return this.#committer.commit({ events, state: this.#note(events, { epoch: this.epoch, seq: events.length }), urgent: true }, { essential: true })
  }

  async reader(name: string, { from = 'end', streams = baseStreams }: { readonly from?: 'start' | 'end'; readonly streams?: readonly Stream[] } = {}): Promise<JournalReader> {
    const existing = this.#readers.get(name)
    if (existing) return existing
    const { database } = this.#parts
    const known = this.#parts.places.get(name) ?? {}
    const places: Record<Stream, Place> = {}
    const fresh: Operation[] = []
    for (const stream of this.streams.filter((each) => streams.includes(each))) {
      places[stream] = known[stream] ?? this.#beginning(stream, from)
      if (!known[stream]) fresh.push(putSealed(placeKey(name, stream), places[stream]))
    }
    // A stream that this reader takes no more is not kept for it.
    for (const stream of Object.keys(known)) if (!places[stream]) fresh.push({ type: 'del', key: placeKey(name, stream) })
    if (fresh.length > 0) await database.run((level) => level.batch(fresh))
    this.#parts.places.set(name, places)
    const reader = new StoreReader({
      name, streams: Object.keys(places), places, heads: () => this.#committer.heads,
      scan: (stream, after, limit) => this.#scan(stream, after, limit), trimmed: (stream) => this.#parts.trims[stream]!.at,
      declare: (gaps) => this.#declare(gaps),
      save: async (stream, operations) => {
        await database.run((level) => level.batch([...operations]))
        this.#fill = null
        this.#lettingGo.upTo(stream)
        if (stream === 'ledger') this.#know(this.#parts.untold.read(name, reader.position(stream)))
      },
      deadLetters: (count) => { this.#deadLetters += count; this.deadLetters.trim(count).catch(() => {}) },
    })
    this.#readers.set(name, reader)
    this.#fill = null
    return reader
  }

  async forget(except: readonly string[]): Promise<void> {
    const { database, places, log } = this.#parts
    for (const name of places.keys()) {
      if (except.includes(name)) continue
      places.delete(name)
      this.#readers.delete(name)
      this.#know(this.#parts.untold.forget(name))
      await database.run((level) => level.clear({ gte: placesOf(name), lt: `${placesOf(name).slice(0, -1)}0` }))
      log.info({ reader: name }, `nothing is kept for ${name} any more: it is not in the site file`)
    }
    this.#settled = true
    this.#fill = null
    for (const stream of this.streams) this.#lettingGo.upTo(stream)
  }

  heads(): Readonly<PerStream<Head>> {
    const { heads } = this.#committer
    return perStream(this.streams, (stream) => {
      const { epoch, seq, hash } = heads[stream]!
      return epoch === this.epoch ? { epoch, seq, hash } : { epoch: this.epoch, seq: 0, hash: '' }
    })
  }

  statistics(): JournalStatistics {
    const { counters, heads } = this.#committer
    return {
      ...counters, gaps: this.#gaps, deadLetters: this.#deadLetters, quarantined: this.#quarantined, fsyncMsP50: this.#committer.latency(0.5), fsyncMsP99: this.#committer.latency(0.99),
      fill: usedBytes(heads, this.#parts.trims) / this.#parts.quotas.maxBytes, streams: roomOf(this.streams, { ...this.#parts, heads }, this.#rates),
    }
  }

  /** By the reader that lags least: what waits only for one that is gone is no reason to tell the others less. */
  get fill(): number {
    const { trims, quotas, committer: { selections } } = this.#parts
    return this.#fill ??= pressure({ heads: this.#committer.heads, trims, quotas, selections, placesIn: (stream) => this.#placesIn(stream) })
  }

  async *entries(): AsyncGenerator<CopiedEntry> { yield* await this.#parts.database.run(async (level) => entriesOf(level)) }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#parts.database.failing || this.#parts.database.room) await this.#parts.database[Symbol.asyncDispose]()
    await this.#committer.close()
    await this.#lettingGo.idle()
    await this.#parts.mark[Symbol.asyncDispose]()
    await this.#parts.database[Symbol.asyncDispose]()
  }

  #committed({ heads, records }: Pick<Encoded, 'heads' | 'records'>): void {
    this.#tail.add(records)
    this.#parts.mark.write({ epoch: this.epoch, seqs: seqsOf(heads, this.epoch) })
    this.#rates.note(heads)
    this.#fill = null
    for (const listener of this.#listeners) listener()
  }

  async #scan(stream: Stream, after: Position | null, limit: number): Promise<Scan> {
    const trimmed = this.#parts.trims[stream]!.at
    const newest = this.#tail.after(stream, compare(after, trimmed) >= 0 ? after : trimmed, limit)
    if (newest.length > 0) return { records: newest, gaps: [], damaged: [] }
    const head = this.#committer.heads[stream]!
    const look = () => this.#parts.database.run((level) => scan(level, { stream, after, limit, trimmed: this.#parts.trims[stream]!.at, head, epoch: this.epoch, ends: this.#parts.ends }))
    let found = await look()
    for (let tries = 0; found.damaged.length > 0 && tries < maxLooks; tries++) {
      await this.#quarantine(found.damaged)
      if (found.records.length > 0) break
      // All that came was damaged: what lies behind it is not the end.
      found = await look()
    }
    return found
  }

  /** Out of the way, so that it is told once; the hole it leaves is a gap. */
  async #quarantine(damaged: readonly (readonly [key: string, value: Buffer])[]): Promise<void> {
    const room = Math.max(0, keptDamaged - this.#quarantined)
    this.#quarantined += damaged.length
    await this.#parts.database.run((level) => level.batch(damaged.flatMap(([key, value], index): Operation[] => [{ type: 'del', key }, ...(index < room ? [{ type: 'put' as const, key: quarantineKey(key), value }] : [])])))
  }

  async #declare(gaps: readonly Gap[]): Promise<void> {
    const fresh = gaps.filter((gap) => !this.#declared.has(gapName(gap)))
    for (const gap of fresh) this.#declared.add(gapName(gap))
    if (fresh.length === 0) return
    this.#gaps += fresh.length
    for (const gap of fresh.filter(({ reason }) => reason === 'log-damage')) this.#parts.log.error({ code: 'STORE_RECORDS_LOST', ...gap }, `${gap.to - gap.from + 1} ${gap.stream} records are missing from the journal; the gap is declared to the city`)
    for (const name of this.#declared) { if (this.#declared.size <= keptDeclared) break; this.#declared.delete(name) }
    const events = fresh.map((gap) => gapEvent(this.#parts.clock.now(), gap))
    this.#declaring++
    try {
      await this.#committer.commit({ events, state: this.#note(events, { epoch: this.epoch, seq: Infinity }), urgent: true }, { essential: true })
    } catch (error) {
      // Not told yet: whoever meets the hole next tries again.
      for (const gap of fresh) this.#declared.delete(gapName(gap))
      throw error
    } finally {
      if (--this.#declaring === 0) this.#parts.untold.told(this.heads().ledger)
    }
  }

  /** Who has not read these yet may have to be told again. */
  #note(events: readonly GatewayEvent[], told: Position): readonly StateWrite[] {
    const all = this.#placesIn('ledger').map(({ name }) => name)
    return this.#parts.untold.note(events, ({ type, data }) => {
      if (type !== 'gap') return all
      const { stream, epoch, to, uplinks = this.#placesIn(stream).filter(({ at }) => compare(at, { epoch, seq: to }) < 0).map(({ name }) => name) } = data as unknown as Gap
      return uplinks.filter((name) => all.includes(name))
    }, told)
  }

  #know(state: readonly StateWrite[]): void { if (state.length > 0) this.#committer.commit({ state }, { essential: true }).catch(() => {}) }

  #beginning(stream: Stream, from: 'start' | 'end'): Place {
    const { epoch, seq, records, bytes } = this.#committer.heads[stream]!
    return from === 'end' && seq > 0 ? { at: { epoch, seq }, records, bytes } : { ...this.#parts.trims[stream]!, at: null }
  }

  #placesIn(stream: Stream): readonly (Place & Placed)[] {
    return [...this.#parts.places].flatMap(([name, places]) => {
      const place = this.#readers.get(name)?.place(stream) ?? places[stream]
      return place ? [{ name, ...place }] : []
    })
  }

  async #makeRoom() {
    const { database, trims, quotas, sacrificed, untold, clock, log } = this.#parts
    const dropped = await makeRoom({ database, heads: this.#committer.heads, trims, quotas, sacrificed, settled: this.#settled, readers: (stream) => this.#placesIn(stream), at: clock.now() })
    if (!dropped) return null
    const events = [...dropped.events, ...untold.again(dropped.unheard, clock.now())]
    const { epoch, seq } = this.heads().ledger
    return {
      ...dropped, events, last: this.#note(events, { epoch, seq: seq + events.length }).map(({ key, value }) => putSealed(stateKey(key), value)),
      durable: () => {
        for (const [stream, trim] of dropped.trims) if (compare(trim.at, trims[stream]!.at) > 0) trims[stream] = trim
        this.#gaps += dropped.events.length
        if (dropped.events.length > 0) log.warn({ code: 'STORE_QUOTA_DROPPED', gaps: dropped.events.length, records: dropped.operations.length }, 'the store is full: the oldest records were dropped and declared as a gap')
      },
    }
  }
}

const keptDamaged = 100
const maxLooks = 1_000
const keptDeclared = 10_000
const gapName = ({ stream, epoch, from, to, uplinks = [] }: Gap): string => `${stream}/${epoch}/${from}-${to} ${uplinks.join(' ')}`
