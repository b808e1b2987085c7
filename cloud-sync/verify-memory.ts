const hexDigits = 32

/**
 * Hashes of the records seen last, of all streams together, so that a checkpoint that comes a little after its records, or an altered
 * repeat, can be held against them. Bounded; a pinned place is kept however long it takes.
 */
export class HashMemory {
  readonly #limit: number
  readonly #recent = new Map<string, string>()
  readonly #pinned = new Map<string, string>()
  constructor(limit = 100_000) { this.#limit = limit }

  /** 128 bits of SHA-256 are kept: enough that nobody finds a second record. */
  put(place: string, hash: string): void {
    const short = hash.slice(0, hexDigits)
    if (this.#pinned.has(place)) { this.#pinned.set(place, short); return }
    this.#recent.set(place, short)
    if (this.#recent.size > this.#limit) for (const oldest of this.#recent.keys()) { this.#recent.delete(oldest); break }
  }

  /** Before the records: this place will be asked for. */
  pin(place: string): void { if (this.#pinned.size < this.#limit) this.#pinned.set(place, '') }

  /** undefined: not seen, or forgotten. */
  matches(place: string, hash: string): boolean | undefined {
    const short = this.#pinned.get(place) || this.#recent.get(place)
    return short === undefined ? undefined : short === hash.slice(0, hexDigits)
  }
}
