import type { Clock, Random } from '../contract/index.ts'

/** The real one. Timers longer than 2^31-1 ms are cut to that. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // performance.now() says the same, and its module takes a start 7 ms.
  monotonic() { const [seconds, nanoseconds] = process.hrtime(); return seconds * 1e3 + nanoseconds / 1e6 },
  after(ms, task) {
    const timer = setTimeout(task, Math.min(Math.max(0, ms), 0x7fffffff))
    return () => clearTimeout(timer)
  },
  sleep(ms, signal) {
    return sleepOn(this, ms, signal)
  },
}

export const systemRandom: Random = () => Math.random()

/** `Clock.sleep` in terms of `Clock.after`, for every implementation. */
export function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason as Error)
  return new Promise((resolve, reject) => {
    const aborted = () => { cancel(); reject(signal!.reason as Error) }
    const cancel = clock.after(ms, () => { signal?.removeEventListener('abort', aborted); resolve() })
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

/** A fake for tests and virtual time: wall and monotonic time move only by `advance`; `step` moves the wall alone. */
export class FakeClock implements Clock {
  #wall: number
  #mono = 0
  #timers: { due: number; order: number; task: () => void }[] = []
  #order = 0
  constructor(start = Date.UTC(2026, 0, 5, 8)) { this.#wall = start }
  now(): number { return this.#wall }
  monotonic(): number { return this.#mono }
  after(ms: number, task: () => void): () => void {
    const timer = { due: this.#mono + Math.max(0, ms), order: this.#order++, task }
    this.#timers.push(timer)
    return () => { this.#timers = this.#timers.filter((other) => other !== timer) }
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> { return sleepOn(this, ms, signal) }
  /** Runs what falls due, in order, letting promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#mono + ms
    for (;;) {
      const next = this.#timers.filter((timer) => timer.due <= end).toSorted((a, b) => a.due - b.due || a.order - b.order)[0]
      if (!next) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#wall += next.due - this.#mono
      this.#mono = next.due
      next.task()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#wall += end - this.#mono
    this.#mono = end
    await new Promise((resolve) => setImmediate(resolve))
  }
  /** The wall clock jumps, as NTP or a person would make it. */
  step(ms: number): void { this.#wall += ms }
}
