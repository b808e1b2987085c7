import type { Clock, Random } from '../contract/index.ts'
import type { Logger } from '../kit/index.ts'
import type { Site } from '../cli/rooms.ts'

/** What every part of the composition is given. */
export interface Basics {
  readonly site: Site
  readonly log: Logger
  readonly clock: Clock
  readonly random: Random
  /** Disposed in reverse. */
  readonly stack: AsyncDisposableStack
}

const patienceMs = 5_000

/** On a full disk it goes on by itself later; a house does not wait for that without alarms. */
export async function withinPatience(clock: Clock, work: Promise<unknown>): Promise<void> {
  const stop = new AbortController()
  await Promise.race([work, clock.sleep(patienceMs, stop.signal).catch(() => {})]).finally(() => stop.abort())
}

/** Disposal aborts it and waits for its end. */
export function runUntilDisposed(stack: AsyncDisposableStack, run: (signal: AbortSignal) => Promise<void>): void {
  const stop = new AbortController()
  const running = run(stop.signal)
  stack.defer(async () => { stop.abort(); await running })
}
