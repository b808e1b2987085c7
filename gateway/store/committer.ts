import type { Clock, RecordEncoder, Selection, Stream, Work } from '../contract/index.ts'
import { codeOf, StoreError } from '../kit/index.ts'
import { encodeBatch, type Encoded } from './batch.ts'
import type { Heads } from './heads.ts'
import type { Database, Operation } from './database.ts'
import { Pace } from './pace.ts'

/** What waits to be written may weigh this much (bytes, estimated); beyond it a commit is refused at once. */
const maxWaitingBytes = 64 << 20
/** Readings alone may take so much of it: an alarm finds room. */
const readingsShare = 0.75
const maxWaitingWorks = 100_000
const latencySamples = 256
/** So much of what peers wait for is worth a commit that is not to spare; below the 20 publishes that many a client has in the air at most. */
const worthwhile = 16

interface Waiting { readonly work: Work; readonly weight: number; readonly essential: boolean; readonly resolve: () => void; readonly reject: (error: unknown) => void }

/** Work of the journal's own, in the batch of others'. `durable`: it is on disk. */
export type Room = Work & { readonly operations: readonly Operation[]; /** After those of all others in the batch. */ readonly last: readonly Operation[]; durable(): void }

export interface CommitterParts {
  readonly database: Database
  readonly encoder: RecordEncoder
  readonly clock: Clock
  readonly commitMs: number
  readonly epoch: string
  readonly heads: Heads
  readonly selections: readonly Selection[]
  /** Operations and events that make room when the quota is full; called before each batch is encoded. */
  makeRoom(): Promise<Room | null>
  /** After each durable batch. */
  committed(batch: Pick<Encoded, 'heads' | 'records'>): void
}

/**
 * Group commit: one flush in the air, and it takes all that waits. Urgent work starts one at the end of this turn of the event loop;
 * the rest waits for the commit timer, or goes at once after a quiet spell. In between lies what a peer waits for.
 */
export class Committer {
  readonly #parts: CommitterParts
  heads: Heads
  readonly counters = { commits: 0, records: 0, readings: 0, bytesWritten: 0 }
  #waiting: Waiting[] = []
  #weight = 0
  #flushing: Promise<void> | null = null
  #scheduled = false
  #cancelTimer: (() => void) | null = null
  #awaitsRoom = false
  /** Keys of a batch that failed and may yet be on disk: its numbers go to others. */
  #ghosts: readonly string[] = []
  readonly #pace: Pace
  #lastFlush = -Infinity
  #closed = false
  readonly #latencies: number[] = []

  constructor(parts: CommitterParts) { this.#parts = parts; this.heads = parts.heads; this.#pace = new Pace(parts.clock, parts.commitMs) }

  /** `essential`: also while the disk is full, out of its reserve. */
  commit(work: Work, { essential = false }: { readonly essential?: boolean } = {}): Promise<void> {
    const weight = weigh(work)
    const share = work.events?.length || work.again?.length || work.state?.length ? 1 : readingsShare
    if (this.#closed) return Promise.reject(new StoreError('JOURNAL_CLOSED', 'the journal is closed; the gateway is stopping'))
    if (this.#weight + weight > maxWaitingBytes * share || this.#waiting.length >= maxWaitingWorks * share) {
      return Promise.reject(new StoreError('JOURNAL_OVERLOADED', 'more waits to be written than the journal may hold; the disk is full, failing or too slow', { retriable: true }))
    }
    this.#weight += weight
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, weight, essential, resolve, reject })
      this.#schedule(work)
    })
  }

  /** Writes what waits, then refuses more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancelTimer?.()
    while (this.#waiting.length > 0 || this.#flushing) await (this.#flushing ?? this.#start())
  }

  latency(share: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    return Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 100) / 100
  }

  #schedule({ urgent = false, awaited = false }: Pick<Work, 'urgent' | 'awaited'>): void {
    if (this.#flushing || this.#scheduled) return
    const { clock, commitMs, database } = this.#parts
    if (database.room && !this.#waiting.some(({ essential }) => essential)) {
      if (!this.#awaitsRoom) void database.room.then(() => { this.#awaitsRoom = false; if (this.#waiting.length > 0) this.#schedule({ urgent: true }) })
      this.#awaitsRoom = true
      return
    }
    const atOnce = urgent || (awaited && (this.#waiting.length >= worthwhile || this.#pace.spare))
    const wait = atOnce ? 0 : this.#lastFlush + commitMs - clock.monotonic()
    if (wait > 0) {
      this.#cancelTimer ??= clock.after(wait, () => { this.#cancelTimer = null; this.#soon() })
      return
    }
    this.#soon()
  }

  /** At the end of this turn, so that all publishes of one network read share the fsync. */
  #soon(): void {
    if (this.#scheduled || this.#flushing) return
    this.#scheduled = true
    this.#cancelTimer?.()
    this.#cancelTimer = null
    setImmediate(() => { this.#scheduled = false; if (!this.#flushing && this.#waiting.length > 0) void this.#start() })
  }

  #start(): Promise<void> {
    this.#lastFlush = this.#parts.clock.monotonic()
    this.#pace.spend()
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = null
      if (this.#waiting.length > 0 && !this.#closed) this.#schedule({ urgent: this.#waiting.some(({ work }) => work.urgent === true), awaited: this.#waiting.some(({ work }) => work.awaited === true) })
    })
    return this.#flushing
  }

  async #flush(): Promise<void> {
    const { database, encoder, clock, epoch, selections, makeRoom, committed } = this.#parts
    let taken: Waiting[] = []
    let written: readonly Operation[] = []
    try {
      const room = await makeRoom()
      const full = database.room !== null && !this.#closed
      taken = full ? this.#waiting.filter(({ essential }) => essential) : this.#waiting
      this.#waiting = full ? this.#waiting.filter(({ essential }) => !essential) : []
      const works = room ? [room, ...taken.map(({ work }) => work)] : taken.map(({ work }) => work)
      const batch = encodeBatch(works, this.heads, { epoch, encoder, selections, at: clock.now() })
      const operations = [...this.#ghosts.map((key): Operation => ({ type: 'del', key })), ...room ? room.operations : [], ...batch.operations, ...room ? room.last : []]
      written = batch.operations
      const started = clock.monotonic()
      if (operations.length > 0) await database.run((level) => level.batch(operations, { sync: true }), { grows: !full })
      this.#ghosts = []
      room?.durable()
      this.#count(batch, operations, clock.monotonic() - started)
      this.heads = batch.heads
      committed(batch)
      const refused = room ? batch.refused.slice(1) : batch.refused
      taken.forEach(({ resolve, reject }, index) => { if (refused[index] === undefined) resolve(); else reject(refused[index]) })
    } catch (error) {
      if (codeOf(error) === 'STORE_DISK_FULL' && !this.#closed) {
        this.#ghosts = [...this.#ghosts, ...written.filter(({ type, key }) => type === 'put' && key.startsWith('r/')).map(({ key }) => key)]
        this.#waiting = [...taken, ...this.#waiting]
        taken = []
      }
      for (const { reject } of taken) reject(error)
    } finally {
      for (const { weight } of taken) this.#weight -= weight
    }
  }

  #count(batch: Pick<Encoded, 'records' | 'readings'>, operations: readonly Operation[], tookMs: number): void {
    this.counters.commits++
    this.counters.records += batch.records.length
    this.counters.readings += batch.readings
    for (const operation of operations) this.counters.bytesWritten += operation.key.length + (operation.type === 'put' ? operation.value.length : 0)
    this.#latencies.push(tookMs)
    if (this.#latencies.length > latencySamples) this.#latencies.shift()
  }
}

/** An estimate of the memory a work holds: enough to bound it. */
function weigh({ readings = [], events = [], state = [], again = [] }: Work): number {
  let bytes = 64 + events.length * 1_024 + state.length * 256
  for (const record of again) bytes += record.bytes.length
  for (const { value } of readings) bytes += 96 + (typeof value === 'string' ? value.length * 2 : 0)
  return bytes
}

export const seqsOf = (heads: Heads, epoch: string): Record<Stream, number> =>
  Object.fromEntries(Object.entries(heads).map(([stream, head]) => [stream, head.epoch === epoch ? head.seq : 0]))
