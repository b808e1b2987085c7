import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock, EpochMs } from '../../contract/index.ts'
import { codeOf, ConfigError, describe, type Logger } from '../../kit/index.ts'
import type { ConsoleConfig } from '../parts.ts'
import { namesWanted, ownNetworks, split, type Network } from './names.ts'
import { isGood, makeSiteCa, readSiteCa, serverPair, type Fingerprints, type ServerPair, type SiteCa } from './site-ca.ts'

const everyMs = 60_000
const dayMs = 86_400_000
/** A certificate of one's own is renewed by a person; the site's authority is installed anew by all of them. */
const warnMs = { own: 30 * dayMs, authority: 90 * dayMs } as const

export interface KeeperOptions {
  readonly config: ConsoleConfig & { readonly tls: NonNullable<ConsoleConfig['tls']> }
  /** `<store>/console` */
  readonly folder: string
  readonly site: string
  readonly clock: Clock
  readonly log: Logger
  /** Of this box's cards. */
  readonly networks?: () => readonly Network[]
}

/** `authority`: null with a certificate of one's own. `outside`: what the console is called and its authority may not sign. `lastError`: why what should be new is not. */
export interface TlsStatus {
  readonly until: EpochMs
  readonly names: readonly string[]
  readonly outside: readonly string[]
  readonly authority: { readonly title: string; readonly until: EpochMs; readonly fingerprints: Fingerprints } | null
  readonly lastError?: string
}
export interface TlsFinding { readonly code: 'CONSOLE_TLS' | 'CONSOLE_TLS_NAMES' | 'CONSOLE_TLS_ENDS'; readonly text: string }

/** What somebody has to do about the console's certificate; empty while all is well. For `linli doctor`, the log and the alert. */
export function tlsFindings({ until, outside, authority, lastError }: TlsStatus, now: EpochMs): readonly TlsFinding[] {
  const day = (at: EpochMs): string => new Date(at).toISOString().slice(0, 10)
  const ends = authority ? authority.until - now < warnMs.authority : until - now < warnMs.own
  return [
    ...(lastError === undefined ? [] : [{ code: 'CONSOLE_TLS' as const, text: `the console's certificate should have been renewed and was not: ${lastError}` }]),
    ...(outside.length === 0 ? [] : [{ code: 'CONSOLE_TLS_NAMES' as const, text: `${outside.join(', ')}: not among what the site's authority may sign, so browsers refuse it there; linli console-ca SITE --renew makes a new authority, which every device then installs` }]),
    ...(ends ? [{ code: 'CONSOLE_TLS_ENDS' as const, text: authority ? `the site's authority ends ${day(authority.until)}; linli console-ca SITE --renew makes a new one, which every device then installs` : `the console's certificate ends ${day(until)}; put a new one in its place, it is taken up within a minute` }] : []),
  ]
}

interface Context { readonly cert: string; readonly key: string }
interface Source { read(): Promise<Context>; status(context: Context): Omit<TlsStatus, 'lastError'>; readonly authority: SiteCa | null }

/** The console's certificate, looked after: once a minute it is seen whether names, files or time ask for another, and that is put in without a restart. */
export class TlsKeeper implements Disposable {
  readonly #options: KeeperOptions
  readonly #source: Source
  #context: Context
  #lastError: string | undefined
  #cancel: () => void = () => {}
  #take: (context: Context) => void = () => {}
  private constructor(options: KeeperOptions, source: Source, context: Context) { this.#options = options; this.#source = source; this.#context = context }

  /** Throws ConfigError CONSOLE_TLS, StoreError CONSOLE_FILE. */
  static async open(options: KeeperOptions): Promise<TlsKeeper> {
    const source = options.config.tls === 'site-ca' ? new SiteSource(options) : new FileSource(options.config.tls)
    return new TlsKeeper(options, source, await source.read())
  }

  get context(): Context & { readonly minVersion: 'TLSv1.2' } { return { ...this.#context, minVersion: 'TLSv1.2' } }
  get authority(): SiteCa | null { return this.#source.authority }
  get status(): TlsStatus { return { ...this.#source.status(this.#context), ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }) } }
  get findings(): readonly TlsFinding[] { return tlsFindings(this.status, this.#options.clock.now()) }

  /** `take` gets each new context, `tell` what has to be done each time that it is looked at. */
  watch(take: (context: TlsKeeper['context']) => void, tell: (findings: readonly TlsFinding[]) => void): void {
    this.#take = () => take(this.context)
    const look = async (): Promise<void> => {
      await this.check()
      tell(this.findings)
      this.#cancel = this.#options.clock.after(everyMs, () => void look())
    }
    tell(this.findings)
    this.#cancel = this.#options.clock.after(everyMs, () => void look())
  }

  /** What cannot be renewed stays in use; it is told and tried again. */
  async check(): Promise<void> {
    const { log } = this.#options
    try {
      const context = await this.#source.read()
      this.#lastError = undefined
      if (context.cert === this.#context.cert && context.key === this.#context.key) return
      // What fits no key is refused here and not by a browser.
      if (!new X509Certificate(context.cert).checkPrivateKey(createPrivateKey(context.key))) throw new ConfigError('CONSOLE_TLS', 'the new certificate is of another key')
      this.#context = context
      this.#take(context)
      log.info({ until: new Date(this.status.until).toISOString(), names: this.status.names }, 'the console has a new certificate')
    } catch (error) {
      if (this.#lastError !== codeOf(error)) log.warn({ code: codeOf(error) }, `the console keeps its certificate: ${describe(error)}`)
      this.#lastError = codeOf(error)
    }
  }

  [Symbol.dispose](): void { this.#cancel(); this.#take = () => {} }
}

class SiteSource implements Source {
  readonly #options: KeeperOptions
  #ca: SiteCa | null = null
  #pair: ServerPair | null = null
  constructor(options: KeeperOptions) { this.#options = options }
  get authority(): SiteCa | null { return this.#ca }
  async read(): Promise<Context> {
    const { folder, site, clock, log } = this.#options
    const [wanted, now] = [this.#wanted(), clock.now()]
    // Read each time: `linli console-ca --renew` is another process.
    const kept = await readSiteCa(folder)
    const ca = kept ?? await makeSiteCa(folder, site, wanted, now)
    if (!kept) log.info({ title: ca.title, sha256: ca.fingerprints.sha256 }, 'the site has an authority of its own; devices install it from /install')
    const pair = this.#pair && isGood(this.#pair, ca, wanted, now) ? this.#pair : await serverPair(folder, ca, wanted, now)
    this.#ca = ca
    this.#pair = pair
    return pair
  }
  status({ cert }: Context): Omit<TlsStatus, 'lastError'> {
    const ca = this.#ca!
    return { until: Date.parse(new X509Certificate(cert).validTo), names: this.#pair!.names, outside: split(this.#wanted(), ca.allowed).outside, authority: { title: ca.title, until: ca.until, fingerprints: ca.fingerprints } }
  }
  #wanted() { return namesWanted(this.#options.config, (this.#options.networks ?? ownNetworks)()) }
}

class FileSource implements Source {
  readonly authority = null
  readonly #files: { readonly cert: string; readonly key: string }
  constructor(files: { readonly cert: string; readonly key: string }) { this.#files = files }
  async read(): Promise<Context> {
    try {
      const [cert, key] = await Promise.all([readFile(this.#files.cert, 'utf8'), readFile(this.#files.key, 'utf8')])
      // Read as a certificate here, so that a wrong file is named.
      return { cert: (new X509Certificate(cert), cert), key }
    } catch (cause) {
      throw new ConfigError('CONSOLE_TLS', `cannot read the console's certificate or key (${describe(cause)}); correct console.tls`, { cause })
    }
  }
  status({ cert }: Context): Omit<TlsStatus, 'lastError'> {
    const { validTo, subjectAltName } = new X509Certificate(cert)
    return { until: Date.parse(validTo), names: (subjectAltName ?? '').split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, '')).filter(Boolean), outside: [], authority: null }
  }
}
