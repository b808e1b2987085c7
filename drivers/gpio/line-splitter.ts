/** Bytes to lines. A line that grows beyond `longest` is no line of ours and is dropped up to its end. */
export class LineSplitter {
  readonly #take: (line: string, bytes: number) => void
  readonly #longest: number
  #rest = ''
  #skipped = 0

  /** `bytes`: what the line took, line break and dropped bytes before it included. Lines are ASCII. */
  constructor(take: (line: string, bytes: number) => void, longest = 200) { this.#take = take; this.#longest = longest }

  push(chunk: Buffer): void {
    const parts = `${this.#rest}${chunk.toString('latin1')}`.split('\n')
    this.#rest = parts.pop()!
    for (const part of parts) {
      const bytes = part.length + 1 + this.#skipped
      this.#take(this.#skipped > 0 || part.length > this.#longest ? '' : part, bytes)
      this.#skipped = 0
    }
    if (this.#rest.length > this.#longest) { this.#skipped += this.#rest.length; this.#rest = '' }
  }
}
