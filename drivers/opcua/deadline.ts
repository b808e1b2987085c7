import type { Clock } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'

/**
 * `work`, or DriverError OPCUA_TIMEOUT after `ms`, or the signal's reason. The library's own time-outs are longer than a half-open link
 * deserves, and it knows no signals.
 */
export function within<T>(clock: Clock, ms: number, what: string, work: Promise<T>, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => { cancel(); reject(signal!.reason as Error) }
    const stop = clock.after(ms, () => { cancel(); reject(new DriverError('OPCUA_TIMEOUT', `no answer to ${what} within ${ms} ms; check that the server runs and is not overloaded, then raise "timeout"`, { retriable: true })) })
    const cancel = (): void => { stop(); signal?.removeEventListener('abort', aborted) }
    signal?.addEventListener('abort', aborted, { once: true })
    work.then((value) => { cancel(); resolve(value) }, (error: unknown) => { cancel(); reject(error as Error) })
  })
}

/** Waits for `work` at most so long, whatever becomes of it: for closing. */
export const atMost = (clock: Clock, ms: number, work: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => { const cancel = clock.after(ms, resolve); const done = (): void => { cancel(); resolve() }; work.then(done, done) })
