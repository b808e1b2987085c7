import type { Clock, PointId, PointWriter } from '../../gateway/contract/index.ts'
import { codeOf, DriverError } from '../../gateway/kit/index.ts'

export interface RelayParts {
  readonly clock: Clock
  readonly writer: PointWriter
  failed(point: PointId, error: unknown): void
}

/** Said again, so that a relay board that was switched off and on knows it. */
const repeatMs = 30_000
const retryMs = [500, 1_000, 2_000, 5_000, 10_000, 30_000] as const
/** A write that hangs is given up, and the next one may begin. */
const writeMs = 5_000
const stopMs = 2_000
const soundingRetryMs = 5_000
const quietFailures = 4
const by = { actor: 'sounder', origin: 'rule' } as const

/** One output that follows what is wanted: one write at a time, always the latest wish, again after a failure. */
export class Relay {
  readonly #point: PointId
  readonly #parts: RelayParts
  #wanted = false
  #sounding = false
  #begun = false
  /** What the device has confirmed; null: nobody knows. */
  #known: boolean | null = null
  #failures = 0
  failure: string | null = null
  #writing: Promise<void> | null = null
  #cancel: () => void = () => {}
  #stopped = false

  constructor(point: PointId, parts: RelayParts) { this.#point = point; this.#parts = parts }

  get on(): boolean { return this.#wanted }

  /** `sounding`: an alarm is on, of which this may be the pause. */
  want(on: boolean, sounding: boolean): void {
    const begins = sounding && !this.#sounding
    const news = begins || on !== this.#wanted
    this.#wanted = on
    this.#sounding = sounding
    // A failing device is written to at once for a new alarm, and not because the pattern goes on.
    if (begins) this.#failures = 0
    if ((news && this.#failures === 0) || !this.#begun) this.#write()
  }

  /** Off, with a little patience. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    this.#wanted = false
    const { clock } = this.#parts
    const over = new AbortController()
    const off = (async () => { await this.#writing; if (this.#known !== false) await this.#try(over.signal) })()
    await Promise.race([off, clock.sleep(stopMs, over.signal).catch(() => {})])
    over.abort()
  }

  #write(): void {
    if (this.#writing || this.#stopped) return
    this.#begun = true
    this.#cancel()
    this.#writing = this.#one().finally(() => { this.#writing = null; this.#next() })
  }

  async #one(): Promise<void> {
    const over = new AbortController()
    const cancel = this.#parts.clock.after(writeMs, () => over.abort())
    await this.#try(over.signal)
    cancel()
  }

  async #try(signal: AbortSignal): Promise<void> {
    const wanted = this.#wanted
    try {
      await Promise.race([this.#parts.writer.write(this.#point, wanted, signal, by), givenUp(this.#point, signal)])
      this.#known = wanted
      this.#failures = 0
      this.failure = null
    } catch (error) {
      this.#known = null
      this.failure = codeOf(error)
      // At the start devices are not there yet, and off is what they are.
      if (++this.#failures === (wanted ? 1 : quietFailures)) this.#parts.failed(this.#point, error)
    }
  }

  #next(): void {
    if (this.#stopped) return
    if (this.#failures === 0 && this.#known !== this.#wanted) { this.#write(); return }
    const retry = retryMs[Math.min(this.#failures, retryMs.length) - 1]
    const wait = retry === undefined ? repeatMs : this.#sounding ? Math.min(retry, soundingRetryMs) : retry
    this.#cancel = this.#parts.clock.after(wait, () => this.#write())
  }
}

/** Whatever a driver does with the signal. */
function givenUp(point: PointId, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new DriverError('WRITE_TIMEOUT', `${point} was not written within ${writeMs / 1_000} s; look at its device and connection`)), { once: true }))
}
