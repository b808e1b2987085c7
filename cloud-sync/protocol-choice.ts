import type { Clock } from '../gateway/contract/index.ts'
import type { UplinkConfig } from './schema.ts'

/** A broker is replaced one day; then MQTT 5 tells refused publishes again. */
const retryAfterMs = 86_400_000

/** MQTT 5 unless the site file says otherwise; 3.1.1 for a day where the broker refused version 5. */
export class ProtocolChoice {
  readonly #configured: UplinkConfig['protocol']
  readonly #clock: Clock
  #fellBackAt = -Infinity

  constructor(configured: UplinkConfig['protocol'], clock: Clock) { this.#configured = configured; this.#clock = clock }

  /** Of the next connection. */
  next(): 4 | 5 { return this.#configured === '3.1.1' || this.#clock.monotonic() - this.#fellBackAt < retryAfterMs ? 4 : 5 }
  fallBack(): void { this.#fellBackAt = this.#clock.monotonic() }
}
