import type { Clock, EpochMs, Label, PointId } from '../../gateway/contract/index.ts'
import { codeOf, ConfigError, DataError, describe, type Logger } from '../../gateway/kit/index.ts'
import { Attempt, failedCheck, skippedCheck } from './attempt.ts'
import type { Check } from './checklist.ts'
import { receiptOf, type CommissionHost } from './host.ts'
import { renderCommissioning } from './html.ts'
import { CommissionFolder, type ReportSummary } from './progress.ts'
import { counted, differences, type CheckResult, type Commissioning, type Difference, type SignedCommissioning } from './report.ts'
import { reasons } from './words.ts'

export interface DeskParts {
  /** `<store>/commission`. */
  readonly folder: string
  readonly checks: readonly Check[]
  readonly host: CommissionHost
  /** There is a city to give a receipt. */
  readonly hasCity: boolean
  /** The site's time zone. */
  readonly zone: string
  readonly clock: Clock
  readonly log: Logger
  facts(): Omit<Commissioning, 'format' | 'by' | 'beganAt' | 'endedAt' | 'results'>
  sign(report: Commissioning): Promise<SignedCommissioning>
}

interface Session {
  readonly by: string
  readonly beganAt: EpochMs
  readonly results: Map<PointId, CheckResult>
  /** Of the city, that are waited for. */
  readonly receipts: Map<PointId, Promise<void>>
  readonly ended: AbortController
  attempt: Attempt | null
  last: PointId | null
  /** Why its progress is not on disk. */
  unsaved: string | null
}

/** What changes while it goes on. `version`: moves with every result, and with begin and end. */
export interface DeskNow {
  readonly version: number
  readonly running: boolean
  readonly counts: { readonly total: number; readonly passed: number; readonly failed: number; readonly skipped: number; readonly left: number }
  readonly current: { readonly point: PointId; readonly device: Label; readonly name: Label; readonly ask: Label; readonly calledAt: EpochMs | null; readonly early: boolean } | null
  /** `waiting`: for the city's receipt. */
  readonly last: { readonly result: CheckResult; readonly waiting: boolean } | null
}
export interface DeskView {
  readonly session: { readonly by: string; readonly beganAt: EpochMs; readonly unsaved: string | null } | null
  readonly checks: readonly (Pick<Check, 'point' | 'deviceId' | 'device' | 'name' | 'kind' | 'unit' | 'place'> & { readonly result: CheckResult | null })[]
  readonly reports: readonly ReportSummary[]
  readonly now: DeskNow
}
export type DeskAct = { readonly act: 'choose'; readonly point: PointId } | { readonly act: 'call' | 'works-not'; readonly point: PointId } | { readonly act: 'skip'; readonly point: PointId; readonly reason: string }

/**
 * A commissioning from the page: one at a time, point after point. What was done is on disk before the next is asked for, so that neither a
 * reload nor a restart loses it; a result whose point is read in another way since is not kept.
 */
export class CommissioningDesk implements AsyncDisposable {
  readonly #parts: DeskParts
  readonly #folder: CommissionFolder
  readonly #checks: ReadonlyMap<PointId, Check>
  #session: Session | null = null
  #reports: readonly ReportSummary[] = []
  #version: number
  #loaded: Promise<void> | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(parts: DeskParts) {
    this.#parts = parts
    this.#folder = new CommissionFolder(parts.folder, parts.log)
    this.#checks = new Map(parts.checks.map((check) => [check.point, check]))
    // A page that outlives the gateway must not take the new one's first state for its last.
    this.#version = parts.clock.now()
  }

  async now(): Promise<DeskNow> {
    await this.#load()
    const session = this.#session
    const results = session ? [...session.results.values()] : []
    const counts = counted({ results })
    const { attempt, last } = session ?? { attempt: null, last: null }
    const result = last === null ? undefined : session?.results.get(last)
    return {
      version: this.#version, running: session !== null, counts: { total: this.#checks.size, ...counts, left: this.#checks.size - results.length },
      current: attempt ? { point: attempt.check.point, device: attempt.check.device, name: attempt.check.name, ask: attempt.check.ask, calledAt: attempt.calledAt, early: attempt.early } : null,
      last: result ? { result, waiting: session!.receipts.has(result.point) } : null,
    }
  }

  async view(): Promise<DeskView> {
    const now = await this.now()
    const session = this.#session
    return {
      now, reports: this.#reports, session: session ? { by: session.by, beganAt: session.beganAt, unsaved: session.unsaved } : null,
      checks: this.#parts.checks.map(({ point, deviceId, device, name, kind, unit, place }) => ({ point, deviceId, device, name, kind, ...(unit === undefined ? {} : { unit }), ...(place === undefined ? {} : { place }), result: session?.results.get(point) ?? null })),
    }
  }

  /** `resume`: what passed in the last report is not asked again, where the site file is the same. Throws ConfigError COMMISSION_RUNNING, COMMISSION_EMPTY. */
  begin(by: string, resume: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#session) throw new ConfigError('COMMISSION_RUNNING', `a commissioning goes on, begun by ${this.#session.by}; end it with its report, or throw it away`)
      if (this.#checks.size === 0) throw new ConfigError('COMMISSION_EMPTY', 'the site file names no point that is read; add devices first: linli scan')
      const [newest] = this.#reports
      const earlier = resume && newest ? (await this.#folder.report(newest.id)).commissioning : null
      const passed = earlier?.siteFile === this.#parts.facts().siteFile ? earlier.results.filter(({ outcome, point }) => outcome === 'passed' && this.#checks.has(point)) : []
      this.#session = { by, beganAt: this.#parts.clock.now(), results: new Map(passed.map((result) => [result.point, result])), receipts: new Map(), ended: new AbortController(), attempt: null, last: null, unsaved: null }
      await this.#go(this.#session, this.#next(this.#session, null))
    })
  }

  /** About the point that is asked for. Throws ConfigError COMMISSION_NONE, and COMMISSION_MOVED_ON when it is another by now. */
  act(order: DeskAct): Promise<void> {
    return this.#inTurn(async () => {
      const session = this.#running()
      const check = this.#checks.get(order.point)
      if (!check) throw new ConfigError('COMMISSION_MOVED_ON', `${order.point} is not on the checklist; load the page again`)
      if (order.act === 'choose') return this.#go(session, check)
      const { attempt } = session
      if (attempt?.check !== check) throw new ConfigError('COMMISSION_MOVED_ON', `the commissioning is at ${attempt?.check.point ?? 'its end'} by now, not at ${order.point}; look at the page and order again`)
      if (order.act === 'call') { attempt.call(); return }
      attempt.end()
      await this.#took(session, order.act === 'skip' ? skippedCheck(check, order.reason || reasons.left) : failedCheck(check, reasons.nothing))
    })
  }

  /** Waits for the city's last receipts, at most ten seconds. Throws ConfigError COMMISSION_NONE, StoreError COMMISSION_FOLDER: then it goes on. */
  finish(): Promise<ReportSummary> {
    return this.#inTurn(async () => {
      const session = this.#running()
      await Promise.all(session.receipts.values())
      const results = this.#parts.checks.map((check) => session.results.get(check.point) ?? skippedCheck(check, reasons.untried))
      const added = await this.#folder.add(await this.#parts.sign({ ...this.#parts.facts(), format: 1, by: session.by, beganAt: session.beganAt, endedAt: this.#parts.clock.now(), results }))
      await this.#end(session)
      this.#reports = await this.#folder.reports()
      return added
    })
  }

  /** Throws ConfigError COMMISSION_NONE. */
  discard(): Promise<void> { return this.#inTurn(() => this.#end(this.#running())) }

  /** `before`: the report before it, and what did otherwise then. Throws DataError COMMISSION_UNKNOWN. */
  async report(id: string): Promise<{ readonly report: SignedCommissioning; readonly before: { readonly id: string; readonly differences: readonly Difference[] } | null }> {
    await this.#load()
    const report = await this.#folder.report(id)
    const before = this.#reports[this.#reports.findIndex((each) => each.id === id) + 1]
    return { report, before: before ? { id: before.id, differences: differences((await this.#folder.report(before.id)).commissioning, report.commissioning) } : null }
  }
  /** What is downloaded. Throws DataError COMMISSION_UNKNOWN. */
  async file(id: string, kind: 'html' | 'json'): Promise<{ readonly name: string; readonly text: string }> {
    const report = await this.#folder.report(id)
    const { gateway, endedAt } = report.commissioning
    const day = new Intl.DateTimeFormat('sv-SE', { timeZone: this.#parts.zone, dateStyle: 'short' }).format(endedAt)
    return { name: `commission-${gateway}-${day}.${kind}`, text: kind === 'html' ? renderCommissioning(report, this.#parts.zone) : `${JSON.stringify(report)}\n` }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#turn
    this.#session?.attempt?.end()
    this.#session?.ended.abort()
    await Promise.all(this.#session?.receipts.values() ?? [])
    await this.#turn
  }

  #running(): Session {
    if (!this.#session) throw new ConfigError('COMMISSION_NONE', 'no commissioning goes on; begin one')
    return this.#session
  }
  /** One order after the other, and none before what was kept is known. */
  #inTurn<T>(order: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(async () => {
      await this.#load()
      if (this.#closed) throw new DataError('COMMISSION_NONE', 'the gateway stops; what was done is kept')
      return order()
    })
    this.#turn = mine.catch(() => {})
    return mine
  }

  #load(): Promise<void> {
    return this.#loaded ??= (async () => {
      const [known, reports] = await Promise.all([this.#folder.read(), this.#folder.reports()])
      this.#reports = reports
      if (!known) return
      const kept = known.results.filter(({ wiring, result }) => this.#checks.get(result.point)?.wiring === wiring)
      const session: Session = { by: known.by, beganAt: known.beganAt, results: new Map(kept.map(({ result }) => [result.point, result])), receipts: new Map(), ended: new AbortController(), attempt: null, last: null, unsaved: null }
      const check = (known.point === null ? undefined : this.#checks.get(known.point)) ?? this.#next(session, null)
      session.attempt = check ? await this.#attempt(session, check) : null
      this.#session = session
    })().catch((error: unknown) => { this.#loaded = null; throw error })
  }

  /** The next that has no result yet, in the order of the list, from there on. */
  #next(session: Session, after: PointId | null): Check | null {
    const { checks } = this.#parts
    const at = checks.findIndex(({ point }) => point === after) + 1
    return [...checks.slice(at), ...checks.slice(0, at)].find(({ point }) => !session.results.has(point)) ?? null
  }

  async #go(session: Session, check: Check | null): Promise<void> {
    session.attempt?.end()
    session.attempt = check ? await this.#attempt(session, check) : null
    await this.#save(session)
  }

  async #attempt(session: Session, check: Check): Promise<Attempt> {
    // A door that has shown that its wire is right may fall shut while the next one is tried.
    const others = this.#parts.checks.filter(({ point }) => session.results.get(point)?.outcome !== 'passed')
    const attempt = await Attempt.begin(check, others, this.#parts.host, this.#parts.clock)
    void attempt.result.then((result) => (result ? this.#inTurn(async () => { if (this.#session === session && session.attempt === attempt) await this.#took(session, result) }) : undefined))
      .catch((error: unknown) => this.#parts.log.warn({ code: codeOf(error), point: check.point }, describe(error)))
    return attempt
  }

  async #took(session: Session, result: CheckResult): Promise<void> {
    const { point } = result
    session.results.set(point, result)
    session.last = point
    if (result.outcome === 'passed' && this.#parts.hasCity) {
      session.receipts.set(point, receiptOf(this.#parts.host, result.receivedAt!, this.#parts.clock, session.ended.signal).then(async (receipt) => {
        // It may have been tried again meanwhile.
        if (session.results.get(point) === result) session.results.set(point, { ...result, receipt })
      }, (error: unknown) => this.#parts.log.warn({ code: codeOf(error), point }, describe(error))).finally(() => {
        session.receipts.delete(point)
        if (this.#session === session && !this.#closed) void this.#inTurn(() => this.#save(session)).catch(() => {})
      }))
    }
    await this.#go(session, this.#next(session, point))
  }

  /** A disk that is full does not end it: the page says that a restart would lose it. */
  async #save(session: Session): Promise<void> {
    this.#version++
    if (this.#session !== session) return
    const results = [...session.results.values()].map((result) => ({ wiring: this.#checks.get(result.point)?.wiring ?? '', result }))
    session.unsaved = await this.#folder.write({ format: 1, by: session.by, beganAt: session.beganAt, point: session.attempt?.check.point ?? null, results }).then(() => null, (error: unknown) => { this.#parts.log.error({ code: codeOf(error) }, describe(error)); return codeOf(error) })
  }

  async #end(session: Session): Promise<void> {
    await this.#folder.clear()
    this.#session = null
    session.attempt?.end()
    session.ended.abort()
    this.#version++
  }
}
