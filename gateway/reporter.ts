import type { Clock, EpochMs, GatewayEvent, Json, JsonObject, StateStore, StateWrite } from './contract/index.ts'
import { codeOf, describe, type Logger } from './kit/index.ts'

/** `2026-11` in the site's time: [from, to). */
export interface ReportMonth { readonly name: string; readonly from: EpochMs; readonly to: EpochMs }
export interface ReporterParts {
  readonly clock: Clock
  readonly log: Logger
  readonly state: StateStore
  /** One batch. Rejects when it was refused. */
  record(events: readonly GatewayEvent[], state: readonly StateWrite[]): Promise<void>
  monthOf(at: EpochMs): ReportMonth
  before(month: ReportMonth): ReportMonth
  /** Whether anything is known of it at all. */
  hasData(month: ReportMonth): Promise<boolean>
  figures(month: ReportMonth): Promise<JsonObject>
}

/** State keys of reports that went up: `report/2026-11`, with their figures. */
export const reportState = 'report/'
/** The last hours of a month are told at its very end: terminals and devices get a moment. */
const settleMs = 300_000
const retryMs = 3_600_000
const keptMonths = 24
/** 2020-01-01: before it the clock was not set. */
const plausible = 1_577_836_800_000

/** Once a month, shortly after its end or at the next start: the figures of the month before, as one event, in one batch with the note that they were told. */
export class Reporter {
  readonly #parts: ReporterParts
  /** The month whose report is settled, as far as this life knows. */
  #settled: string | null = null
  #working = false
  #retryAt = -Infinity
  constructor(parts: ReporterParts) { this.#parts = parts }

  /** From the pipeline's tick. */
  tick(now: EpochMs): void {
    const { monthOf, before, clock, log } = this.#parts
    if (now < plausible || this.#working || clock.monotonic() < this.#retryAt) return
    const present = monthOf(now)
    if (present.name === this.#settled || now < present.from + settleMs) return
    this.#working = true
    this.#tell(before(present), now).then(() => { this.#settled = present.name }, (error: unknown) => {
      this.#retryAt = clock.monotonic() + retryMs
      log.error({ code: codeOf(error) }, `the monthly report could not be made: ${describe(error)}; it is tried again in an hour`)
    }).finally(() => { this.#working = false })
  }

  /** As it was told; null for a month that was not. */
  async told(month: string): Promise<Json | null> { return await this.#parts.state.get(`${reportState}${month}`) ?? null }

  async #tell(month: ReportMonth, now: EpochMs): Promise<void> {
    const { state, record, hasData, figures, log } = this.#parts
    if (await this.told(month.name) !== null || !(await hasData(month))) return
    const data = await figures(month)
    const old = (await state.entries(reportState)).map(([key]) => key).toSorted().slice(0, -(keptMonths - 1))
    await record([{ stream: 'event', type: 'report', at: now, data }], [{ key: `${reportState}${month.name}`, value: data }, ...old.map((key): StateWrite => ({ key, value: null }))])
    log.info({ month: month.name }, 'monthly report told')
  }
}
