import type { ChangeAuthor, Clock, DesiredPort } from '../../gateway/contract/index.ts'
import { codeOf, describe, type Logger } from '../../gateway/kit/index.ts'
import { readContent, readDesired, type Desired, type DesiredContent } from './message.ts'
import type { ConfigurationConfig } from './schema.ts'
import type { CityLink } from '../link.ts'
import { currentOf, fateOf, oneLine, signReported, type Reported, type ReportedBody } from './reported.ts'
import type { Sealing } from './sealing.ts'
import type { Signer } from '../ledger/signing.ts'
import type { Topics } from '../topics.ts'

export interface DesiredDeskParts {
  readonly gateway: string
  /** Of the uplink. */
  readonly topics: Pick<Topics, 'desired' | 'reported'>
  readonly config: ConfigurationConfig
  readonly sealing: Sealing
  readonly signer: Pick<Signer, 'keyId' | 'publicKey' | 'sign'>
  readonly changes: Pick<DesiredPort, 'view' | 'desired' | 'refuseDesired' | 'watch'>
  /** Secrets to disk, the text on trial. Throws what DesiredPort.applyDesired throws, SiteError, ConfigError DESIRED_SECRET_…. */
  apply(wish: Desired, content: DesiredContent, author: ChangeAuthor): Promise<unknown>
  readonly clock: Clock
  readonly log: Logger
}

/** Over for now: the same wish may be tried when the gateway has come round, or the other trial has ended. */
const later = new Set(['CHANGE_TRIAL_RUNNING', 'CHANGE_UNAVAILABLE'])
/** Turning begins 150 ms after a trial has begun, and may cut this road: what is told is told before. */
const soonMs = 20
/** Of messages that are none of the city's: a stranger must not make the box talk. */
const ignoredEveryMs = 10_000

/**
 * The city's wishes over one uplink: believed when signed, opened when they are next, each answered once. The book of configurations
 * remembers them, so that a gateway that starts anew and hears the retained one again knows what became of it.
 */
export class DesiredDesk implements Disposable {
  readonly #parts: DesiredDeskParts
  #link: CityLink | null = null
  /** Genuine, and not answered yet. */
  #next: Desired | null = null
  #working: Promise<void> = Promise.resolve()
  #ignored: Reported['ignored'] = null
  #told = ''
  #cancel: () => void = () => {}
  #dueAt: number | null = null
  readonly #unwatch: () => void
  #disposed = false

  constructor(parts: DesiredDeskParts) {
    this.#parts = parts
    this.#unwatch = parts.changes.watch(() => { this.#consider(); this.#tell(soonMs) })
  }

  /** For each connection, before a message can come in. The retained wish comes again with each. */
  attached(link: CityLink): void {
    this.#link = link
    this.#told = ''
    link.subscribe(this.#parts.topics.desired, ({ payload }) => this.#hear(payload))
    this.#tell(soonMs)
  }

  /** What the city is told, signed. */
  reported(): Reported {
    const { gateway, changes, sealing, signer, clock } = this.#parts
    const [view, record, next] = [changes.view(), changes.desired(), this.#next]
    const waiting = next && { version: next.version, actor: next.actor, state: 'waiting' as const, ...(view.trial ? { code: 'CHANGE_TRIAL_RUNNING' } : {}) }
    const body: ReportedBody = {
      gateway, at: clock.now(), desired: waiting ?? (record ? fateOf(record, view) : null), ignored: this.#ignored, current: currentOf(view), floor: record?.version ?? 0, recipient: sealing.recipient,
    }
    return signReported(body, signer)
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#cancel()
    this.#unwatch()
  }

  #hear(payload: Uint8Array): void {
    const { log, gateway, config, changes } = this.#parts
    // A retained message is taken away with an empty one. It is not signed, so it undoes nothing.
    if (payload.length === 0) return
    let wish: Desired
    try { wish = readDesired(payload, { gateway, keys: config.keys }) } catch (error) { return this.#ignore(codeOf(error), describe(error)) }
    const known = this.#next ?? changes.desired()
    const { version, hash, actor } = wish
    if (known && version < known.version) return this.#ignore('DESIRED_OLD', `version ${version} came after version ${known.version}; give a newer one a higher number`)
    if (known?.version === version) {
      if (known.hash !== hash) return this.#ignore('DESIRED_REUSED', `version ${version} was another message before; a version is one message, publish the next one under the next number`)
      return this.#tell(soonMs)
    }
    log.info({ version, actor }, `${actor} wishes for another configuration: version ${version}`)
    this.#next = wish
    this.#consider()
  }

  #ignore(code: string, text: string): void {
    const { clock, log } = this.#parts
    const detail = oneLine(text)
    const first = this.#ignored?.code !== code
    this.#ignored = { at: clock.now(), code, detail }
    if (first) log.warn({ code }, `a message on config/desired is ignored: ${detail}`)
    this.#tell(first ? soonMs : ignoredEveryMs)
  }

  /** One at a time; the newest alone is of interest. */
  #consider(): void { if (this.#next) this.#working = this.#working.then(() => this.#try()) }

  async #try(): Promise<void> {
    const wish = this.#next
    const { changes } = this.#parts
    if (!wish || this.#disposed || changes.view().trial) return
    try {
      await this.#apply(wish)
    } catch (error) {
      if (later.has(codeOf(error))) return
      await this.#refuse(wish, error)
    }
    if (this.#next === wish) this.#next = null
    this.#tell(soonMs)
  }

  async #apply(wish: Desired): Promise<void> {
    const { sealing, apply } = this.#parts
    const content = readContent(await sealing.open(wish.sealed))
    await apply(wish, content, { by: wish.actor, origin: 'city' })
  }

  async #refuse({ version, hash, actor }: Desired, error: unknown): Promise<void> {
    const { changes, log } = this.#parts
    const [code, detail] = [codeOf(error), oneLine(wordsOf(error))]
    log.warn({ code, version, actor }, `version ${version} of the configuration is refused: ${detail}`)
    await changes.refuseDesired({ version, hash, actor }, code, detail)
      .catch((cause: unknown) => log.error({ code: codeOf(cause) }, `that version ${version} was refused could not be stored: ${describe(cause)}`))
  }

  /** Retained; nothing twice over one connection. */
  #tell(inMs: number): void {
    const { clock } = this.#parts
    const dueAt = clock.monotonic() + inMs
    if (this.#disposed || (this.#dueAt !== null && this.#dueAt <= dueAt)) return
    this.#cancel()
    this.#dueAt = dueAt
    this.#cancel = clock.after(inMs, () => { this.#dueAt = null; this.#publish() })
  }

  #publish(): void {
    const reported = this.reported()
    const what = JSON.stringify({ ...reported, at: 0, signature: '' })
    if (what === this.#told) return
    this.#told = what
    this.#link?.publish(this.#parts.topics.reported, Buffer.from(JSON.stringify(reported)), { retain: true })
  }
}

interface Problem { readonly line: number; readonly column: number; readonly path: string }

/** What is wrong with a site file is told by place alone: it was sealed, and the words quote it. `linli check` says the rest, to whoever has the file. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error) || !('problems' in error) || !Array.isArray(error.problems)) return describe(error)
  const problems = error.problems as readonly Problem[]
  const places = problems.slice(0, 5).map(({ line, column, path }) => `${line}:${column}${path ? ` ${path}` : ''}`).join('; ')
  return `the site file has ${problems.length} problem${problems.length === 1 ? '' : 's'}, at ${places}; linli check tells more`
}
