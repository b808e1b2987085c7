import type { Clock } from '../gateway/contract/index.ts'
import type { UplinkConfig } from './schema.ts'

/** A broker is replaced one day; then MQTT 5 tells refused publishes again. */
const retryAfterMs = 86_400_000

/** Some brokers (RabbitMQ 3.10) answer a version 5 CONNECT by closing the connection. After so many of those 3.1.1 gets a try. */
const unansweredBeforeTry = 2

/** MQTT 5 unless the site file says otherwise; 3.1.1 for a day where the broker refused version 5, or answers only to 3.1.1. */
export class ProtocolChoice {
  readonly #configured: UplinkConfig['protocol']
  readonly #clock: Clock
  #fellBackAt = -Infinity
  #unanswered = 0

  constructor(configured: UplinkConfig['protocol'], clock: Clock) { this.#configured = configured; this.#clock = clock }

  /** Of the next connection. */
  next(): 4 | 5 {
    if (this.#configured === '3.1.1' || this.#clock.monotonic() - this.#fellBackAt < retryAfterMs) return 4
    return this.#unanswered >= unansweredBeforeTry ? 4 : 5
  }
  /** The broker says that it does not speak version 5. */
  fallBack(): void { this.#fellBackAt = this.#clock.monotonic() }
  /** A connection ended before CONNACK. */
  unanswered(): void { this.#unanswered = this.#unanswered >= unansweredBeforeTry ? 0 : this.#unanswered + 1 }
  /** True when this is how it was found that the broker speaks 3.1.1 only. */
  connected(protocol: 4 | 5): boolean {
    const found = protocol === 4 && this.#unanswered >= unansweredBeforeTry
    this.#unanswered = 0
    if (found) this.fallBack()
    return found
  }
}
