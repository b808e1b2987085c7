import type { EpochMs, GatewayEvent, Severity } from '../../gateway/contract/index.ts'
import { mean, round, share, type ReportFigures, type Times } from './figures.ts'

type Deadlines = Readonly<Record<Severity, { readonly acknowledge: number; readonly resolve: number }>>
interface Case { severity: Severity; readonly startedAt: EpochMs; answeredAt?: EpochMs; closedAt?: EpochMs; open: boolean; reopened: boolean }

const severities = [1, 2, 3, 4] as const
/** Somebody has seen it. */
const answers = new Set(['acknowledged', 'assigned', 'resolved'])
const begins = new Set(['raised', 'released', 'reopened'])
const maxCases = 20_000

/** Follows every alert through its steps. Give it the alert events of the month in order of time. */
export class Answers {
  readonly #cases = new Map<string, Case>()
  readonly #deadlines: Deadlines
  #evaluated = { n: 0, sum: 0 }
  #uncounted = 0
  constructor(deadlines: Deadlines) { this.#deadlines = deadlines }

  add({ at, mode, data }: GatewayEvent): void {
    const { id, state, severity, rule, suppressedBy, score, by, key } = data
    if (typeof id !== 'string' || typeof state !== 'string' || mode !== undefined || rule === 'test' || key === 'gateway/flood' || !isSeverity(severity)) return
    const known = this.#cases.get(id)
    if (!known) {
      // Raised in the month: what was open before belongs to the month in which it began.
      if (!begins.has(state) || state === 'reopened' || suppressedBy !== undefined) return
      if (this.#cases.size >= maxCases) this.#uncounted++
      else this.#cases.set(id, { severity, startedAt: at, open: true, reopened: false })
      return
    }
    known.severity = severity
    if (answers.has(state) && by !== 'gateway') known.answeredAt ??= at
    if (state === 'resolved' || state === 'closed') { known.closedAt ??= at; known.open = false }
    if (state === 'reopened') { known.reopened = true; known.open = true }
    if (state === 'evaluated' && typeof score === 'number') this.#evaluated = { n: this.#evaluated.n + 1, sum: this.#evaluated.sum + score }
  }

  figures(): ReportFigures['alerts'] {
    const cases = [...this.#cases.values()]
    const [once, again] = [cases.filter(({ closedAt }) => closedAt !== undefined).length, cases.filter(({ reopened }) => reopened).length]
    return {
      bySeverity: severities.map((severity) => {
        const all = cases.filter((each) => each.severity === severity)
        const { acknowledge, resolve } = this.#deadlines[severity]
        return {
          severity, raised: all.length, open: all.filter(({ open }) => open).length, unanswered: all.filter(({ open, answeredAt }) => open && answeredAt === undefined).length,
          response: timesOf(all.map(({ startedAt, answeredAt }) => answeredAt === undefined ? null : answeredAt - startedAt), acknowledge),
          closing: timesOf(all.map(({ startedAt, closedAt }) => closedAt === undefined ? null : closedAt - startedAt), resolve),
        }
      }),
      reopened: { n: again, of: once, share: share(again, once) },
      evaluated: { n: this.#evaluated.n, mean: mean(this.#evaluated.sum, this.#evaluated.n) },
      uncounted: this.#uncounted,
    }
  }
}

const isSeverity = (value: unknown): value is Severity => severities.some((each) => each === value)

function timesOf(all: readonly (number | null)[], withinMs: number): Times {
  const sorted = all.filter((each) => each !== null).map((ms) => Math.max(0, ms)).toSorted((a, b) => a - b)
  return { n: sorted.length, medianS: quantile(sorted, 0.5), p90S: quantile(sorted, 0.9), inTime: sorted.filter((ms) => ms <= withinMs).length }
}

/** Nearest rank: a time that really was. */
export const quantile = (sorted: readonly number[], q: number): number | null => (sorted.length === 0 ? null : round(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]! / 1_000, 1))
