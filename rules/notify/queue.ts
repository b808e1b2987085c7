import type { JournalReader, Position, Stored, Verdict } from '../../gateway/contract/index.ts'
import type { Notice } from './notice.ts'

/** A record that the channel has something to do with. */
export interface Entry { readonly record: Stored; readonly notice: Notice }

const stream = 'alert'
const pageSize = 100
/** Waiting notices in memory; what lies behind stays in the journal. */
const maxWaiting = 1_000
/** Records that were read while one before them still waits: most of them are not for this channel. */
const maxRead = 5_000

/**
 * One channel's view of the alert stream: in order, each record once a life. A record is settled when it was delivered, given up or is not
 * for us; the place on disk moves over what is settled, so a restart goes on there.
 */
export class NoticeQueue {
  readonly #reader: JournalReader
  readonly #read: (record: Stored) => Notice | null
  #waiting: Entry[] = []
  /** Read and not yet below the settled place: true is settled. */
  #open = new Map<string, boolean>()
  #cursor: Position | null = null
  #verdicts: Verdict[] = []
  #settling: Promise<void> | null = null

  /** `read`: null for what is not for this channel. */
  constructor(reader: JournalReader, read: (record: Stored) => Notice | null) {
    this.#reader = reader
    this.#read = read
  }

  get waiting(): readonly Entry[] { return this.#waiting }

  /** Reads what was committed, as far as there is room. Throws what the journal throws. */
  async fill(): Promise<void> {
    while (this.#waiting.length < maxWaiting && this.#open.size < maxRead) {
      const records = await this.#reader.take(stream, pageSize, this.#cursor)
      for (const record of records) {
        this.#cursor = { epoch: record.epoch, seq: record.seq }
        this.#open.set(keyOf(record), false)
        const notice = this.#read(record)
        if (notice) this.#waiting.push({ record, notice })
        else this.#close(record)
      }
      this.#settle()
      if (records.length < pageSize) return
    }
  }

  /** Delivered, or given up. Never throws: a place that cannot be written now costs a repeat after a restart. */
  done(entries: readonly Entry[]): void {
    const gone = new Set(entries)
    this.#waiting = this.#waiting.filter((entry) => !gone.has(entry))
    for (const { record } of entries) this.#close(record)
    this.#settle()
  }

  /** Once all that was done is on disk, or cannot be put there. */
  async settled(): Promise<void> { while (this.#settling) await this.#settling }

  #close({ epoch, seq }: Stored): void {
    this.#open.set(keyOf({ epoch, seq }), true)
    this.#verdicts.push({ record: { epoch, seq }, outcome: 'acked' })
    for (const [key, closed] of this.#open) { if (!closed) break; this.#open.delete(key) }
  }

  /** One at a time; what is done meanwhile goes with the next. */
  #settle(): void {
    if (this.#settling || this.#verdicts.length === 0) return
    const verdicts = this.#verdicts
    this.#verdicts = []
    this.#settling = this.#reader.settle(stream, verdicts).catch(() => {}).finally(() => { this.#settling = null; this.#settle() })
  }
}

const keyOf = ({ epoch, seq }: Position): string => `${epoch}/${seq}`
