import type { Clock, EpochMs, TimeQuality } from './contract/index.ts'

export interface ClockStep { readonly offsetMs: number; readonly at: EpochMs }

/** Law 10: how far wall time can be trusted, and when it jumped. `check` is called about once a second. */
export class TimeKeeper {
  readonly #clock: Clock
  readonly #synchronised: () => boolean
  #offset: number
  #everSynced = false
  #quality: TimeQuality = 'unsynced'

  /** `synchronised`: the host's own word. */
  constructor(clock: Clock, synchronised: () => boolean) {
    this.#clock = clock
    this.#synchronised = synchronised
    this.#offset = clock.now() - clock.monotonic()
    this.check()
  }
  get quality(): TimeQuality { return this.#quality }
  /** A step of a second or more since the last call; slewing below that is taken silently. */
  check(): ClockStep | null {
    this.ask()
    const at = this.#clock.now()
    const offset = at - this.#clock.monotonic()
    const offsetMs = Math.round(offset - this.#offset)
    this.#offset = offset
    return Math.abs(offsetMs) >= 1_000 ? { offsetMs, at } : null
  }
  /** The quality as of now, for who cannot wait for the next check. */
  ask(): void {
    const synced = this.#synchronised()
    this.#everSynced ||= synced
    this.#quality = synced ? 'synced' : this.#everSynced ? 'holdover' : 'unsynced'
  }
}
