import type { Clock } from '../gateway/contract/index.ts'

/** Waits for work that never rejects, at most `ms`: what a failing disk would keep waiting for ever does not keep a stop waiting. */
export function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve)
    void work.then(() => { cancel(); resolve() })
  })
}
