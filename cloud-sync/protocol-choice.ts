import type { Clock } from '../gateway/contract/index.ts'
import type { UplinkConfig } from './schema.ts'

/** A broker is replaced one day; then MQTT 5 tells refused publishes again. */
const retryAfterMs = 86_400_000

/** Some brokers (RabbitMQ 3.10) answer a version 5 CONNECT by closing the connection. After so many of those 3.1.1 gets a try. */
const unansweredBeforeTry = 2

/**
 * MQTT 5 unless the site file says otherwise; 3.1.1 for a day where the broker refused version 5, or answers only to 3.1.1. A load balancer
 * whose broker is away closes connections too: 3.1.1 is believed only when version 5 goes unanswered once more, right after 3.1.1 was answered.
 */
export class ProtocolChoice {
  readonly #configured: UplinkConfig['protocol']
  readonly #clock: Clock
  #fellBackAt = -Infinity
  #unanswered = 0
  /** 3.1.1 was answered; version 5 has its last chance. */
  #doubting = false

  constructor(configured: UplinkConfig['protocol'], clock: Clock) { this.#configured = configured; this.#clock = clock }

  /** Of the next connection. */
  next(): 4 | 5 {
    if (this.#configured === '3.1.1' || this.#clock.monotonic() - this.#fellBackAt < retryAfterMs) return 4
    return this.#unanswered >= unansweredBeforeTry && !this.#doubting ? 4 : 5
  }
  /** The broker does not speak version 5. */
  fallBack(): void { this.#fellBackAt = this.#clock.monotonic(); this.#settled() }
  /** A connection ended before CONNACK. True when that proves that the broker speaks 3.1.1 only. */
  unanswered(): boolean {
    if (this.#doubting) { this.fallBack(); return true }
    this.#unanswered = this.#unanswered >= unansweredBeforeTry ? 0 : this.#unanswered + 1
    return false
  }
  /** A connection was answered. True: with 3.1.1, after version 5 was not; leave it, version 5 is tried again first. */
  doubts(protocol: 4 | 5): boolean {
    this.#doubting = protocol === 4 && this.#unanswered >= unansweredBeforeTry
    if (!this.#doubting) this.#settled()
    return this.#doubting
  }

  #settled(): void { this.#unanswered = 0; this.#doubting = false }
}
