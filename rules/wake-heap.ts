import type { EpochMs } from '../gateway/contract/index.ts'

/** One who waits. The heap alone sets these. */
export interface Sleeper {
  /** Undefined: for nothing. */
  wakeAt: EpochMs | undefined
  /** Place in the heap, -1 outside. */
  place: number
}

/** Who wants to be woken, the earliest first. A change costs O(log n), and nothing when it is none. */
export class WakeHeap<T extends Sleeper> {
  readonly #heap: T[] = []

  get size(): number { return this.#heap.length }
  get first(): T | undefined { return this.#heap[0] }

  set(sleeper: T, wakeAt: EpochMs | undefined): void {
    if (sleeper.wakeAt === wakeAt) return
    sleeper.wakeAt = wakeAt
    if (wakeAt === undefined) return this.#remove(sleeper)
    if (sleeper.place < 0) sleeper.place = this.#heap.push(sleeper) - 1
    this.#settle(sleeper)
  }

  #remove(sleeper: T): void {
    const last = this.#heap.pop()!
    if (last !== sleeper) { this.#put(last, sleeper.place); this.#settle(last) }
    sleeper.place = -1
  }

  #settle(sleeper: T): void {
    while (sleeper.place > 0) {
      const parent = this.#heap[(sleeper.place - 1) >> 1]!
      if (parent.wakeAt! <= sleeper.wakeAt!) break
      this.#swap(parent, sleeper)
    }
    for (;;) {
      const left = this.#heap[2 * sleeper.place + 1]
      const right = this.#heap[2 * sleeper.place + 2]
      const child = left && right && right.wakeAt! < left.wakeAt! ? right : left
      if (!child || child.wakeAt! >= sleeper.wakeAt!) return
      this.#swap(sleeper, child)
    }
  }

  /** `upper` goes down, `lower` up. */
  #swap(upper: T, lower: T): void {
    const [above, below] = [upper.place, lower.place]
    this.#put(lower, above)
    this.#put(upper, below)
  }

  #put(sleeper: T, place: number): void {
    this.#heap[place] = sleeper
    sleeper.place = place
  }
}
