import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { CertificateStatus, Clock, EpochMs, Random } from '../../gateway/contract/index.ts'
import { backoffMs, codeOf, describe, type Backoff, type Logger } from '../../gateway/kit/index.ts'
import type { UplinkConfig } from '../schema.ts'

export interface RenewalParts {
  readonly config: Pick<UplinkConfig, 'id' | 'cert' | 'key' | 'renew'>
  readonly gateway: string
  readonly region: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

interface Life { readonly validFrom: EpochMs; readonly validTo: EpochMs }

const backoff: Backoff = { baseMs: 60_000, capMs: 3_600_000, factor: 2, jitter: 0.3 }
/** Gateways that were enrolled in one hour do not come back in one minute. */
const maxSpreadMs = 3_600_000

/** `lead` before the end, a third of its life by default; never in the first half, or a renewed one would be due at once. */
export function renewAt({ validFrom, validTo }: Life, lead?: number): EpochMs {
  const life = validTo - validFrom
  return Math.ceil(validTo - Math.min(lead ?? life / 3, life / 2))
}

/** Keeps one uplink's own certificate from ending: EST re-enrolment (RFC 7030 §4.2.2) with that certificate as the pass. */
export class Renewal {
  readonly #parts: RenewalParts
  #life: Life | null = null
  #attempts = 0
  /** Monotonic; null while nothing is due. */
  #notBefore: number | null = null
  #error: string | null = null

  constructor(parts: RenewalParts) { this.#parts = parts }

  get status(): CertificateStatus['renewal'] {
    return this.#life && { at: this.#at(this.#life), ...(this.#error ? { lastError: this.#error } : {}) }
  }
  /** Half the time that was meant for it has gone by: people should know. */
  get late(): boolean {
    const life = this.#life
    return life !== null && this.#parts.clock.now() > (this.#at(life) + life.validTo) / 2
  }

  /** Once a minute. Renews when it is time; never rejects. */
  async consider(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts
    const life = this.#life = await this.#read()
    if (!life || clock.now() < this.#at(life)) return this.#calm()
    this.#notBefore ??= clock.monotonic() + random() * Math.min(maxSpreadMs, (life.validTo - this.#at(life)) / 10)
    if (clock.monotonic() < this.#notBefore) return
    try {
      await this.#renew(signal)
      this.#life = await this.#read()
      this.#calm()
    } catch (error) {
      if (!signal.aborted) this.#failed(error, life)
    }
  }

  /** What builds and reads requests takes 20 MB: loaded when it is needed. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { config: { id, cert, key, renew }, gateway, region, clock, log } = this.#parts
    const [{ renewOnline }, ca] = await Promise.all([import('./enrol.ts'), renew!.ca === undefined ? undefined : readFile(renew!.ca, 'utf8')])
    const { serial, notAfter } = await renewOnline({ gateway, region, files: { cert: cert!, key: key!, ca: null }, now: clock.now(), server: { url: renew!.url, ca } }, signal)
    log.info({ serial }, `uplink ${id}: the gateway's certificate was renewed, until ${new Date(notAfter).toISOString()}`)
  }

  #at(life: Life): EpochMs { return renewAt(life, this.#parts.config.renew?.lead) }

  #calm(): void {
    this.#attempts = 0
    this.#notBefore = null
    this.#error = null
  }

  #failed(error: unknown, { validTo }: Life): void {
    const { clock, random, log, config } = this.#parts
    const waitMs = backoffMs(backoff, this.#attempts++, random)
    this.#notBefore = clock.monotonic() + waitMs
    const code = codeOf(error)
    const text = `uplink ${config.id}: the gateway's certificate, which ends at ${new Date(validTo).toISOString()}, could not be renewed, and is tried again in ${Math.ceil(waitMs / 60_000)} min: ${describe(error)}`
    if (this.#error === code) log.debug({ code }, text)
    else log.warn({ code }, text)
    this.#error = code
  }

  /** Null where there is none, or none that can be read: the connection tells. */
  async #read(): Promise<Life | null> {
    try {
      const { validFromDate, validToDate } = new X509Certificate(await readFile(this.#parts.config.cert!))
      return { validFrom: validFromDate.getTime(), validTo: validToDate.getTime() }
    } catch { return null }
  }
}
