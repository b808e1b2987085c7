import { codeOf, describe, type Logger } from '../gateway/kit/index.ts'
import type { Expiry } from './certificates.ts'
import { ownExpiries, readCredentials, stampOf, type Credentials } from './credentials.ts'
import type { UplinkConfig } from './schema.ts'
import type { UplinkConditions } from './uplink-conditions.ts'

/** The certificates of one uplink's road, ours and the broker's: read for each connection, watched while it stands. */
export class Identity {
  readonly #config: UplinkConfig
  readonly #conditions: UplinkConditions
  readonly #log: Logger
  #own: readonly Expiry[] = []
  #broker: readonly Expiry[] = []
  #stamp = ''

  constructor(config: UplinkConfig, conditions: UplinkConditions, log: Logger) {
    this.#config = config
    this.#conditions = conditions
    this.#log = log
  }

  /** For the next connection. Throws UplinkError UPLINK_TLS. */
  async read(): Promise<Credentials> {
    this.#stamp = await stampOf(this.#config)
    const credentials = await readCredentials(this.#config)
    this.#own = ownExpiries(credentials)
    this.#warn()
    return credentials
  }

  /** What the broker showed. */
  met(chain: readonly Expiry[]): void { this.#broker = chain; this.#warn() }

  /** Dates go by while a connection stands, and files are replaced under it. True: the files changed, and are good. Never rejects. */
  async changed(): Promise<boolean> {
    this.#warn()
    if (await stampOf(this.#config) === this.#stamp) return false
    try {
      await readCredentials(this.#config)
      return true
    } catch (error) {
      // Half of a pair is in place: the other half comes, and until then the connection that works is kept.
      this.#log.warn({ code: codeOf(error) }, describe(error))
      return false
    }
  }

  #warn(): void { this.#conditions.certificates([...this.#own, ...this.#broker]) }
}
