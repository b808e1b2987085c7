/**
 * A bounded queue between a producer that cannot wait and one consumer. `push` answers false when full: the producer decides what
 * to drop and counts it. Iteration ends after `close`, throws after `fail`, once what was queued has been taken.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #limit: number
  #items: T[] = []
  #head = 0
  #wake: (() => void) | null = null
  #ended = false
  #error: unknown
  constructor(limit: number) { this.#limit = limit }
  get size(): number { return this.#items.length - this.#head }
  push(item: T): boolean {
    if (this.#ended || this.size >= this.#limit) return false
    this.#items.push(item)
    this.#wake?.()
    return true
  }
  close(): void { this.#ended = true; this.#wake?.() }
  fail(error: unknown): void { if (this.#ended) return; this.#error = error; this.close() }
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      while (this.#head < this.#items.length) {
        const item = this.#items[this.#head++]!
        if (this.#head >= 1024 || this.#head === this.#items.length) { this.#items = this.#items.slice(this.#head); this.#head = 0 }
        yield item
      }
      if (this.#ended) { if (this.#error !== undefined) throw this.#error; return }
      await new Promise<void>((resolve) => { this.#wake = resolve })
      this.#wake = null
    }
  }
}
