/** Something to be done again and again. `due` is an absolute moment; `everyMs` the interval. */
export interface Task { due: number; readonly everyMs: number }

/**
 * Which task is next: of those that are due, the one whose deadline (due + interval) is earliest. So a fast scan goes before a slow one,
 * and on a bus that cannot keep up every task still gets its turn. Pure: two heaps, no clock. `add` after each run.
 */
export class Schedule<T extends Task> {
  readonly #waiting = new Heap<T>((task) => task.due)
  readonly #due = new Heap<T>((task) => task.due + task.everyMs)

  get size(): number { return this.#waiting.size + this.#due.size }
  add(task: T): void { this.#waiting.push(task) }
  /** The task to run now, taken out; undefined when none is due. */
  take(now: number): T | undefined {
    this.#ripen(now)
    return this.#due.pop()
  }
  peek(now: number): T | undefined {
    this.#ripen(now)
    return this.#due.top()
  }
  /** When the next one falls due; -Infinity when one is, Infinity when there is none. */
  nextDue(): number { return this.#due.size > 0 ? -Infinity : this.#waiting.top()?.due ?? Infinity }
  /** After tasks' `due` was changed from outside, or to leave some out. */
  rebuild(keep: (task: T) => boolean = () => true): void {
    const all = [...this.#waiting.drain(), ...this.#due.drain()].filter(keep)
    for (const task of all) this.#waiting.push(task)
  }
  #ripen(now: number): void {
    for (let top = this.#waiting.top(); top && top.due <= now; top = this.#waiting.top()) this.#due.push(this.#waiting.pop()!)
  }
}

/**
 * The next deadline is counted from the last one, not from now, so that the pace does not drift; what was missed is skipped and returned
 * as a number. An interval of 0 is "as fast as it can".
 */
export function advance(task: Task, now: number): number {
  if (task.everyMs <= 0) { task.due = now; return 0 }
  const missed = Math.max(0, Math.floor((now - task.due) / task.everyMs))
  task.due += (missed + 1) * task.everyMs
  return missed
}

class Heap<T> {
  readonly #items: T[] = []
  readonly #keys: number[] = []
  readonly #keyOf: (item: T) => number
  constructor(keyOf: (item: T) => number) { this.#keyOf = keyOf }
  get size(): number { return this.#items.length }
  top(): T | undefined { return this.#items[0] }
  drain(): T[] { this.#keys.length = 0; return this.#items.splice(0) }
  push(item: T): void {
    let at = this.#items.push(item) - 1
    this.#keys.push(this.#keyOf(item))
    for (let parent = (at - 1) >> 1; at > 0 && this.#keys[at]! < this.#keys[parent]!; parent = (at - 1) >> 1) { this.#swap(at, parent); at = parent }
  }
  pop(): T | undefined {
    const { length } = this.#items
    if (length === 0) return undefined
    this.#swap(0, length - 1)
    this.#keys.pop()
    const top = this.#items.pop()!
    for (let at = 0; ;) {
      const left = at * 2 + 1
      const right = left + 1
      let least = at
      if (left < this.#keys.length && this.#keys[left]! < this.#keys[least]!) least = left
      if (right < this.#keys.length && this.#keys[right]! < this.#keys[least]!) least = right
      if (least === at) return top
      this.#swap(at, least)
      at = least
    }
  }
  #swap(a: number, b: number): void {
    const item = this.#items[a]!
    const key = this.#keys[a]!
    this.#items[a] = this.#items[b]!
    this.#keys[a] = this.#keys[b]!
    this.#items[b] = item
    this.#keys[b] = key
  }
}
