const hexDigits = 32

/**
 * Hashes of the records seen last, of all streams together, so that a checkpoint that comes a little after its records, or an altered
 * repeat, can be held against them. Bounded; a pinned place is kept however long it takes.
 */
export class HashMemory {
  readonly #limit: number
  readonly #recent = new Map<string, string>()
  readonly #pinned = new Map<string, string>()
  readonly #places: string[] = []
  #next = 0
  constructor(limit = 100_000) { this.#limit = limit }

  /** 128 bits of SHA-256 are kept: enough that nobody finds a second record. */
  put(place: string, hash: string): void {
    const short = hash.slice(0, hexDigits)
    if (this.#pinned.has(place)) { this.#pinned.set(place, short); return }
    // A ring of places beside the map: asking a map for its oldest key walks over all that were deleted.
    const oldest = this.#places[this.#next]
    if (oldest !== undefined) this.#recent.delete(oldest)
    this.#places[this.#next] = place
    this.#next = (this.#next + 1) % this.#limit
    this.#recent.set(place, short)
  }

  /** Before the records: this place will be asked for. */
  pin(place: string): void { if (this.#pinned.size < this.#limit) this.#pinned.set(place, '') }

  /** undefined: not seen, or forgotten. */
  matches(place: string, hash: string): boolean | undefined {
    const short = this.#pinned.get(place) || this.#recent.get(place)
    return short === undefined ? undefined : short === hash.slice(0, hexDigits)
  }
}
