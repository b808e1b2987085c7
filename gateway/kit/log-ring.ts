import { randomHex } from './ids.ts'

export interface RingLine { readonly seq: number; readonly line: string }

export interface RingLimits { readonly maxLines: number; readonly maxBytes: number }
const defaults: RingLimits = { maxLines: 2_000, maxBytes: 512_000 }
/** One line: a stack with a long message behind it, and no more. */
const maxLineBytes = 8_192

/** The last lines of the log, as they were written: kept as text and read only when somebody asks. The oldest give way. */
export class LogRing {
  /** Tells this life's lines from another's. */
  readonly run = randomHex(4)
  readonly limits: RingLimits
  #lines: string[] = []
  #head = 0
  #bytes = 0
  #last = 0
  readonly #listeners = new Set<(line: RingLine) => void>()
  constructor(limits: Partial<RingLimits> = {}) { this.limits = { ...defaults, ...limits } }

  /** The number of the last line; 0 before the first. */
  get last(): number { return this.#last }
  get size(): { readonly lines: number; readonly bytes: number } { return { lines: this.#lines.length - this.#head, bytes: this.#bytes } }

  write(line: string): void {
    // A slice would keep the whole of a huge line alive.
    const kept = line.length > maxLineBytes ? Buffer.from(line.slice(0, maxLineBytes)).toString() : line
    this.#lines.push(kept)
    this.#bytes += Buffer.byteLength(kept)
    this.#last++
    while (this.#lines.length - this.#head > this.limits.maxLines || (this.#bytes > this.limits.maxBytes && this.#lines.length - this.#head > 1)) this.#drop()
    for (const listener of this.#listeners) listener({ seq: this.#last, line: kept })
  }

  /** Those after `after`, the oldest first. */
  *read(after = 0): Generator<RingLine> {
    const first = this.#last - (this.#lines.length - this.#head) + 1
    for (let seq = Math.max(first, after + 1); seq <= this.#last; seq++) yield { seq, line: this.#lines[this.#head + seq - first]! }
  }

  /** How many after `after` were here and are not any more. */
  missed(after: number): number { return Math.max(0, this.#last - (this.#lines.length - this.#head) - after) }

  /** Called inside of whoever logs: it must be quick and must not throw. Returns the unsubscribe function. */
  subscribe(listener: (line: RingLine) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  #drop(): void {
    this.#bytes -= Buffer.byteLength(this.#lines[this.#head]!)
    this.#lines[this.#head++] = ''
    if (this.#head >= 1_024) { this.#lines = this.#lines.slice(this.#head); this.#head = 0 }
  }
}
