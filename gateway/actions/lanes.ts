/** One after the other for each key. A turn ends when it is let go, and only after those before it. */
export class Lanes {
  readonly #last = new Map<string, Promise<void>>()
  readonly #lengths = new Map<string, number>()

  /** Waiting or at work. */
  length(key: string): number { return this.#lengths.get(key) ?? 0 }

  /** `before`: undefined when it is this one's turn already. */
  enter(key: string): { readonly before: Promise<void> | undefined; leave(): void } {
    const before = this.#last.get(key)
    const own = Promise.withResolvers<void>()
    const done = before ? Promise.all([before, own.promise]).then(() => {}) : own.promise
    this.#last.set(key, done)
    this.#lengths.set(key, this.length(key) + 1)
    void done.then(() => {
      const left = this.length(key) - 1
      if (left > 0) { this.#lengths.set(key, left); return }
      this.#lengths.delete(key)
      this.#last.delete(key)
    })
    return { before, leave: own.resolve }
  }
}
