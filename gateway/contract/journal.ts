import type { GatewayEvent, PerStream, Stream } from './events.ts'
import type { EpochMs, Json, Reading } from './values.ts'

/** `value: null` deletes the key. Keys are `room/…`; values are JSON. */
export interface StateWrite { readonly key: string; readonly value: Json }

export interface Work {
  readonly events?: readonly GatewayEvent[]
  /** Packed by the journal with whatever else is waiting, so that one record and one fsync serve many callers. */
  readonly readings?: readonly Reading[]
  readonly state?: readonly StateWrite[]
  /** Records that were refused, to be sent as new ones. */
  readonly again?: readonly { readonly stream: Stream; readonly bytes: Uint8Array }[]
  /** Skip the commit timer: alerts, door events, commands. */
  readonly urgent?: boolean
  /** A peer waits for it: at once while commits are to spare or enough waits to be worth one, otherwise with the timer. */
  readonly awaited?: boolean
}

export interface Position { readonly epoch: string; readonly seq: number }

/** A record as it lies on disk; `bytes` go out as they are, or decompressed for a plain uplink. */
export interface Stored extends Position {
  readonly stream: Stream
  readonly at: EpochMs
  readonly bytes: Uint8Array
  readonly encoding: 'json' | 'zstd'
}

export type Verdict =
  | { readonly record: Position; readonly outcome: 'acked' }
  /** Refused for good: kept as a dead letter with the reason, and the position moves on. */
  | { readonly record: Position; readonly outcome: 'rejected'; readonly reason: string }

export interface Backlog { readonly records: number; readonly bytes: number; readonly oldestAt: EpochMs | null }

/** One consumer's place in every stream. Several readers never disturb each other. */
export interface JournalReader {
  readonly name: string
  /** What it takes, the most urgent first. */
  readonly streams: readonly Stream[]
  /** The settled position; null before the first. */
  position(stream: Stream): Position | null
  /** Records after `after` (or after the settled position) in order, at most `limit`; removes nothing. Empty when there are none. */
  take(stream: Stream, limit: number, after?: Position | null): Promise<readonly Stored[]>
  /** Out of order is fine: the position moves over the settled prefix. Records that every reader has settled are deleted. */
  settle(stream: Stream, verdicts: readonly Verdict[]): Promise<void>
  /** Of the streams it takes. Cheap: kept as counters, never counted by scan. */
  backlog(): Readonly<Record<Stream, Backlog>>
}

/** A record that a consumer refused for good. `id`: `reader/stream/epoch/seq`. */
export interface DeadLetter extends Position {
  readonly id: string
  readonly reader: string
  readonly stream: Stream
  readonly at: EpochMs
  readonly reason: string
  /** Uncompressed. */
  readonly bytes: Uint8Array
}

/** The oldest give way: they are kept to be looked at, and the gap that names them stays. */
export interface DeadLetters {
  /** The oldest first, after `after`. */
  list(limit: number, after?: string): Promise<readonly DeadLetter[]>
  /** Each becomes a new record of its stream and leaves; returns how many were found. */
  resend(ids: readonly string[]): Promise<number>
  discard(ids: readonly string[]): Promise<number>
}

export interface Head extends Position { readonly hash: string }

export interface JournalStatistics {
  readonly commits: number
  readonly records: number
  readonly readings: number
  readonly bytesWritten: number
  readonly gaps: number
  readonly deadLetters: number
  /** Damaged records, kept aside to be looked at. */
  readonly quarantined: number
  readonly fsyncMsP50: number
  readonly fsyncMsP99: number
  /** Share of the quota in use, 0..1. */
  readonly fill: number
  readonly streams: Readonly<Record<Stream, StreamStatistics>>
}

export interface StreamStatistics {
  /** On disk now. */
  readonly records: number
  readonly bytes: number
  /** Over the last ten minutes. */
  readonly bytesPerSecond: number
  /** Until its quota is reached at that rate, if nothing were taken; null while it does not grow. */
  readonly roomMs: number | null
}

/** Rules', alerts' and commands' memory, in the same database and the same batches as the events they cause. */
export interface StateStore {
  get(key: string): Promise<Json | undefined>
  entries(prefix: string): Promise<readonly (readonly [key: string, value: Json])[]>
}

export interface Journal extends AsyncDisposable {
  readonly epoch: string
  /** The four and the selections, the most urgent first. */
  readonly streams: readonly Stream[]
  readonly state: StateStore
  readonly deadLetters: DeadLetters
  /** Pressure, 0..1: the share of the quota that waits for the least lagging reader; telemetry thins above 0.6 and 0.8 (law 7). Cheap: asked for each batch of readings. */
  readonly fill: number
  /**
   * One atomic, fsync'd batch; resolves when it is durable. While the store is failing it waits for the store to come back; throws
   * StoreError JOURNAL_OVERLOADED at once when more than the bounded backlog waits, JOURNAL_CLOSED after disposal. An event
   * the encoder refuses rejects only the commit that brought it.
   */
  commit(work: Work): Promise<void>
  /** Creates it at the streams' present end on first use of a new name... unless `from: 'start'`. Existing: continues. `streams`: the four by default. */
  reader(name: string, options?: { readonly from?: 'start' | 'end'; readonly streams?: readonly Stream[] }): Promise<JournalReader>
  /** Nothing is kept any more for readers other than these: an uplink that has left the site file. Call once all are open. */
  forget(except: readonly string[]): Promise<void>
  /** Last written per stream in this epoch; seq 0 when nothing yet. */
  heads(): Readonly<PerStream<Head>>
  statistics(): JournalStatistics
  /** All it keeps as of now, for a backup: key and bytes in its own layout. Throws StoreError while there is no store. */
  entries(): AsyncIterable<readonly [key: string, value: Uint8Array]>
  /** After each durable commit; must not throw. Returns the unsubscribe function. */
  onCommit(listener: () => void): () => void
}
