import type { Clock } from '../../gateway/contract/index.ts'
import { sleepOn, type FakeClock } from '../../gateway/kit/index.ts'

/** A clock that runs `factor` times as fast as ours, wall and monotonic alike: minutes of waiting in seconds, with real sockets. */
export function fastClock(factor: number): Clock {
  const began = performance.now()
  const start = Date.now()
  const monotonic = (): number => (performance.now() - began) * factor
  const after: Clock['after'] = (ms, task) => {
    const timer = setTimeout(task, ms / factor)
    return () => clearTimeout(timer)
  }
  return { now: () => start + monotonic(), monotonic, after, sleep: (ms, signal) => sleepOn({ after }, ms, signal) }
}

/** Turns a fake clock while real sockets and files do their part, until `done`. */
export async function runUntil(clock: FakeClock, done: () => boolean, { stepMs = 50, timeoutMs = 20_000 } = {}): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!done()) {
    if (performance.now() > deadline) throw new Error('what the test waited for did not happen')
    await clock.advance(stepMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
