import type { Clock } from '../contract/index.ts'
import { codeOf, ConfigError } from '../kit/index.ts'
import type { Bundle } from './bundle.ts'

/** `share`: 0..1 of the work. */
export type BundleState =
  | { readonly state: 'none' } | { readonly state: 'working'; readonly share: number }
  | { readonly state: 'ready'; readonly name: string; readonly bytes: number } | { readonly state: 'failed'; readonly code: string }
export type MakeBundle = (events: number, progress: (share: number) => void) => Promise<Bundle>

const keptMs = 600_000

/** One bundle at a time, for the page: made in the background, kept in memory for ten minutes. */
export class BundleJob implements Disposable {
  readonly #make: MakeBundle
  readonly #clock: Clock
  #state: BundleState = { state: 'none' }
  #bundle: Bundle | null = null
  #cancel: () => void = () => {}
  /** What was begun before is of no use any more. */
  #turn = 0
  constructor(make: MakeBundle, clock: Clock) { this.#make = make; this.#clock = clock }

  get view(): BundleState { return this.#state }

  /** While one is being made, that one. */
  start(events: number): BundleState {
    if (this.#state.state === 'working') return this.#state
    this[Symbol.dispose]()
    const turn = this.#turn
    this.#state = { state: 'working', share: 0 }
    void this.#make(events, (share) => { if (turn === this.#turn) this.#state = { state: 'working', share } }).then((bundle) => {
      if (turn !== this.#turn) return
      this.#bundle = bundle
      this.#state = { state: 'ready', name: bundle.name, bytes: bundle.bytes.length }
      this.#cancel = this.#clock.after(keptMs, () => this[Symbol.dispose]())
    }, (error: unknown) => { if (turn === this.#turn) this.#state = { state: 'failed', code: codeOf(error) } })
    return this.#state
  }

  /** Throws ConfigError SUPPORT_NONE. */
  take(): Bundle {
    if (!this.#bundle) throw new ConfigError('SUPPORT_NONE', 'there is no support bundle: it was not asked for, is not ready, or is older than ten minutes; make one first')
    return this.#bundle
  }

  [Symbol.dispose](): void {
    this.#turn++
    this.#cancel()
    this.#bundle = null
    this.#state = { state: 'none' }
  }
}
