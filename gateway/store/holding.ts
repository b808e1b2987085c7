import { streams as baseStreams, type Clock, type DeadLetters, type EpochMs, type Head, type Journal, type JournalReader, type JournalStatistics, type Random, type StateStore, type Work } from '../contract/index.ts'
import { backoffMs, codeOf, StoreError, type Backoff, type Logger } from '../kit/index.ts'
import { perStream } from './keys.ts'

export interface HoldingOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Whether the real one can be opened now; opens nothing for good. */
  attempt(): Promise<void>
}

const opening: Backoff = { baseMs: 1_000, capMs: 30_000, factor: 2, jitter: 0.3 }
const maxHeld = 20_000
const epoch = 'none'
const head: Head = { epoch, seq: 0, hash: '' }

/**
 * In place of a journal whose disk cannot be used: alarms, rules and commands run, nothing is acknowledged (law 9). What is committed
 * waits in memory, in order and bounded, for the journal that comes; `returned` resolves when it can be opened.
 */
export class HoldingJournal implements Journal {
  readonly epoch = epoch
  readonly streams = baseStreams
  readonly state: StateStore = { get: async () => undefined, entries: async () => [] }
  readonly deadLetters: DeadLetters = { list: async () => [], resend: async () => 0, discard: async () => 0 }
  readonly fill = 0
  readonly returned: Promise<void>
  readonly #held: Work[] = []
  readonly #closed = Promise.withResolvers<never>()
  readonly #stop = new AbortController()
  readonly #clock: Clock
  #refused: { readonly at: EpochMs; readonly readings: number; readonly events: number } | null = null

  constructor(options: HoldingOptions) { this.#clock = options.clock; this.#closed.promise.catch(() => {}); this.returned = this.#wait(options) }

  /** Never resolves: nothing is on disk. Rejects with JOURNAL_CLOSED when it is closed, and holds it all the same. */
  commit(work: Work): Promise<void> {
    // Readings alone leave room for an alarm.
    const room = work.events?.length || work.again?.length ? maxHeld : maxHeld / 2
    if (this.#held.length >= room) {
      const { at, readings, events } = this.#refused ?? { at: this.#clock.now(), readings: 0, events: 0 }
      this.#refused = { at, readings: readings + (work.readings?.length ?? 0), events: events + (work.events?.length ?? 0) }
      return Promise.reject(new StoreError('JOURNAL_OVERLOADED', 'the disk has failed since the start and memory holds no more', { retriable: true }))
    }
    this.#held.push(work)
    return this.#closed.promise
  }

  /** Whoever waits for a commit is let go. */
  close(): void { this.#closed.reject(new StoreError('JOURNAL_CLOSED', 'the journal was never opened; what was not acknowledged will be sent again')) }

  /** What waited, for the journal that comes. */
  held(): readonly Work[] {
    if (!this.#refused) return this.#held
    const { at, readings, events } = this.#refused
    return [...this.#held, { events: [{ stream: 'event', type: 'gateway', at, data: { action: 'readings-refused', readings, events, reason: 'JOURNAL_OVERLOADED' } }] }]
  }

  async reader(name: string): Promise<JournalReader> {
    return { name, streams: [], position: () => null, take: async () => [], settle: async () => {}, backlog: () => ({}) }
  }
  async forget(): Promise<void> {}
  heads() { return perStream(baseStreams, () => head) }
  statistics(): JournalStatistics {
    return { commits: 0, records: 0, readings: 0, bytesWritten: 0, gaps: 0, deadLetters: 0, quarantined: 0, fsyncMsP50: 0, fsyncMsP99: 0, fill: 0, streams: {} }
  }
  onCommit(): () => void { return () => {} }
  // eslint-disable-next-line require-yield
  async *entries(): AsyncGenerator<never> { throw new StoreError('STORE_UNUSABLE', 'the disk cannot be used, so there is nothing to copy; mend the disk first', { retriable: true }) }
  async [Symbol.asyncDispose](): Promise<void> { this.#stop.abort() }

  async #wait({ clock, random, log, attempt }: HoldingOptions): Promise<void> {
    for (let tried = 0; ; tried++) {
      await clock.sleep(backoffMs(opening, tried, random), this.#stop.signal).catch(() => {})
      // Stopped: nobody waits for the answer any more.
      if (this.#stop.signal.aborted) return new Promise(() => {})
      try {
        await attempt()
        log.info('the disk can be used again')
        return
      } catch (error) {
        log.debug({ code: codeOf(error) }, 'the disk still cannot be used')
      }
    }
  }
}
