import { X509Certificate } from 'node:crypto'
import type { CertificateStatus } from '../gateway/contract/index.ts'
import { codeOf, describe } from '../gateway/kit/index.ts'
import type { Expiry } from './certificates.ts'
import { ownExpiries, readCredentials, stampOf, type Credentials } from './credentials.ts'
import { Renewal, type RenewalParts } from './enrol/renewal.ts'
import type { UplinkConfig } from './schema.ts'
import type { UplinkConditions } from './uplink-conditions.ts'

export interface IdentityParts extends RenewalParts { readonly config: UplinkConfig; readonly conditions: UplinkConditions }

const inspectEveryMs = 60_000

/** The certificates of one uplink's road, ours and the broker's: read for each connection, watched and renewed while the uplink runs. */
export class Identity {
  readonly #parts: IdentityParts
  readonly #renewal: Renewal | null
  #own: readonly Expiry[] = []
  #broker: readonly Expiry[] = []
  #shown: Omit<CertificateStatus, 'renewal'> | null = null
  #stamp = ''

  constructor(parts: IdentityParts) {
    this.#parts = parts
    this.#renewal = parts.config.renew ? new Renewal(parts) : null
  }

  /** The gateway's own, as the last connection showed it. */
  get certificate(): CertificateStatus | null { return this.#shown && { ...this.#shown, renewal: this.#renewal?.status ?? null } }

  /** For the next connection. Throws UplinkError UPLINK_TLS. */
  async read(): Promise<Credentials> {
    const { config } = this.#parts
    this.#stamp = await stampOf(config)
    const credentials = await readCredentials(config)
    this.#own = ownExpiries(credentials)
    this.#shown = shownBy(credentials)
    this.#warn()
    return credentials
  }

  /** What the broker showed. */
  met(chain: readonly Expiry[]): void { this.#broker = chain; this.#warn() }

  /** Until `signal` aborts: dates go by, a certificate is due, files are replaced under the connection. `replaced`: they are, and are good. Never rejects. */
  async watch(replaced: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#renewal?.consider(signal)
      if (await this.#changed()) replaced()
      await this.#parts.clock.sleep(inspectEveryMs, signal).catch(() => {})
    }
  }

  async #changed(): Promise<boolean> {
    const { config, log } = this.#parts
    this.#warn()
    if (this.#stamp === '' || await stampOf(config) === this.#stamp) return false
    try {
      await readCredentials(config)
      return true
    } catch (error) {
      // Half of a pair is in place: the other half comes, and until then the connection that works is kept.
      log.warn({ code: codeOf(error) }, describe(error))
      return false
    }
  }

  /** Nobody is bothered with the end of what is about to be renewed, unless the renewal is late. */
  #warn(): void {
    const [leaf, ...chain] = this.#own
    const renewal = this.#renewal
    const code = renewal?.status?.lastError
    const own = leaf && (!renewal || renewal.late) ? [{ ...leaf, ...(code ? { code } : {}) }, ...chain] : chain
    this.#parts.conditions.certificates([...own, ...this.#broker])
  }
}

function shownBy({ cert }: Credentials): Omit<CertificateStatus, 'renewal'> | null {
  if (!cert) return null
  try {
    const { subject, serialNumber, validToDate } = new X509Certificate(cert)
    return { subject: subject.replaceAll('\n', ', '), serial: serialNumber, validTo: validToDate.getTime() }
  } catch { return null }
}
