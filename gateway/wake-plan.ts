import type { Clock, EpochMs } from './contract/index.ts'

const breathMs = 2

/** One timer for all who want to be woken. Nothing is planned before `start`. */
export class WakePlan {
  readonly #clock: Clock
  readonly #wakeAt: () => EpochMs | undefined
  readonly #woken: (now: EpochMs) => void
  #running = false
  #plannedFor: EpochMs | undefined
  #cancel = (): void => {}

  /** `wakeAt`: the earliest of all; in the past: at once. */
  constructor(clock: Clock, wakeAt: () => EpochMs | undefined, woken: (now: EpochMs) => void) { this.#clock = clock; this.#wakeAt = wakeAt; this.#woken = woken }

  start(): void { this.#running = true; this.plan() }
  stop(): void { this.#running = false; this.#cancel() }

  /** Call when the earliest may have changed. */
  plan(leastMs = 0): void {
    const wakeAt = this.#wakeAt()
    if (!this.#running || wakeAt === this.#plannedFor) return
    this.#cancel()
    this.#plannedFor = wakeAt
    this.#cancel = wakeAt === undefined ? () => {} : this.#clock.after(Math.max(leastMs, wakeAt - this.#clock.now()), () => {
      this.#plannedFor = undefined
      this.#woken(this.#clock.now())
      // Whoever still wants to be woken in the past would keep everybody else from their work.
      this.plan(breathMs)
    })
  }
}
