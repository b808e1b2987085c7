import type { EpochMs, Severity } from '../../gateway/contract/index.ts'

/** Seconds; shares 0..1. Null: nothing is known, so nothing is said. All are types, so that they are JSON. */
export type Times = { readonly n: number; readonly medianS: number | null; readonly p90S: number | null; readonly inTime: number }

export type ReportFigures = {
  readonly version: 1
  /** `2026-11`, in the site's time. */
  readonly month: string
  readonly from: EpochMs
  readonly to: EpochMs
  /** The whole month; false while it lasts. */
  readonly complete: boolean
  /** When the gateway ran and saw the building. Null without history: then devices and climate are not known either. */
  readonly watched: { readonly knownS: number; readonly ofS: number; readonly daysWithout: readonly string[]; readonly daysPartly: readonly string[] } | null
  /** Within service hours. `availability`: available and limited over what is known. */
  readonly terminals: readonly { readonly kiosk: string; readonly availableS: number; readonly degradedS: number; readonly downS: number; readonly unknownS: number; readonly availability: number | null; readonly sessions: number }[]
  /** Raised in the month, as they stood at its end. Without what was raised in maintenance, commissioning or a test, or explained by another. */
  readonly alerts: {
    readonly bySeverity: readonly { readonly severity: Severity; readonly raised: number; readonly response: Times; readonly closing: Times; readonly unanswered: number; readonly open: number }[]
    /** `share` of those that were closed once. */
    readonly reopened: { readonly n: number; readonly of: number; readonly share: number | null }
    readonly evaluated: { readonly n: number; readonly mean: number | null }
    /** More than could be followed one by one. */
    readonly uncounted: number
  }
  readonly calls: number
  /** Share of the time in which its state is known. `list`: the worst first, at most 100. */
  readonly devices: { readonly count: number; readonly known: number; readonly online: number | null; readonly list: readonly { readonly device: string; readonly knownS: number; readonly onlineS: number; readonly online: number | null }[] }
  /** Share of the known service time within the limits. */
  readonly climate: readonly { readonly point: string; readonly min?: number; readonly max?: number; readonly serviceS: number; readonly knownS: number; readonly within: number | null }[]
  /** `from`, `to`: the first and last reading it is drawn from. At a reset or exchange of the meter what lies between is not known and not counted. */
  readonly energy: readonly { readonly point: string; readonly kWh: number | null; readonly from: EpochMs | null; readonly to: EpochMs | null; readonly resets: number; readonly complete: boolean }[]
  readonly ratings: { readonly n: number; readonly mean: number | null; readonly poor: number }
}

export const share = (part: number, whole: number): number | null => (whole > 0 ? round(part / whole, 4) : null)
export const round = (value: number, digits: number): number => Number(value.toFixed(digits))
export const mean = (sum: number, n: number): number | null => (n > 0 ? round(sum / n, 2) : null)
export const seconds = (ms: number): number => Math.round(ms / 1_000)
