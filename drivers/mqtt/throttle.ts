import type { Clock } from '../../gateway/contract/index.ts'

/** What may come at once after quiet: a kiosk that was cut off sends what it kept. */
const burstSeconds = 10
/** How long one that floods with QoS 0 is not read for. */
const pauseMs = 100
const maxWaiting = 20_000
/** About a second of small publishes, so that a ping behind them is not answered too late. */
const bytesPerMessage = 40

/**
 * A device's token bucket. What waits here is not answered, and while a packet of a chunk is not answered aedes reads nothing more from
 * that client's socket: the flooder feels TCP's own back-pressure, loses nothing of QoS 1 and stays connected; nobody else waits.
 */
export class Throttle {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #refilledAt: number
  #waiting: (() => void)[] = []
  #paused: (() => void)[] = []
  #cancel: (() => void) | null = null
  #cancelPause: (() => void) | null = null

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#burst = Math.max(1, perSecond * burstSeconds)
    this.#tokens = this.#burst
    this.#refilledAt = clock.monotonic()
  }

  /** How much of a client's stream may be read at once. */
  get chunkBytes(): number { return this.#waiting.length > 0 ? Math.min(65_536, Math.max(256, this.#perSecond * bytesPerMessage)) : Infinity }

  /** Runs `task` now or when its turn comes. False: too many wait already. */
  admit(task: () => void): 'now' | 'later' | 'refused' {
    if (this.#waiting.length === 0 && this.#take()) { task(); return 'now' }
    if (this.#waiting.length >= maxWaiting) return 'refused'
    this.#waiting.push(task)
    this.#cancel ??= this.#schedule()
    return 'later'
  }

  /** For what needs no answer: true when it may pass. False: it is to be dropped, and `answered` is called after a pause. */
  admitOrDrop(dropped: () => void): boolean {
    if (this.#waiting.length === 0 && this.#take()) return true
    this.#paused.push(dropped)
    this.#cancelPause ??= this.#clock.after(pauseMs, () => { this.#cancelPause = null; for (const answer of this.#paused.splice(0)) answer() })
    return false
  }

  end(): void { this.#cancel?.(); this.#cancelPause?.(); this.#waiting = []; this.#paused = [] }

  #take(): boolean {
    const now = this.#clock.monotonic()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#refilledAt) / 1_000) * this.#perSecond)
    this.#refilledAt = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #schedule(): () => void {
    return this.#clock.after(Math.max(10, ((1 - this.#tokens) / this.#perSecond) * 1_000), () => {
      this.#cancel = null
      let done = 0
      while (done < this.#waiting.length && this.#take()) this.#waiting[done++]!()
      this.#waiting = this.#waiting.slice(done)
      if (this.#waiting.length > 0) this.#cancel ??= this.#schedule()
    })
  }
}
