import type { EpochMs, Label, Severity } from '../../gateway/contract/index.ts'
import type { Shift } from './shifts.ts'

export type Named = { readonly id: string; readonly name: Label }

/** `ackS`: from being told, this time, to the acknowledgement. Null: nobody has. */
export type ShiftAlert = {
  readonly id: string
  readonly severity: Severity
  readonly title: Label
  /** Of its place, or else its device. */
  readonly where: Label | null
  readonly raisedAt: EpochMs
  readonly acknowledged: { readonly at: EpochMs; readonly by: Named; readonly ackS: number } | null
  readonly resolved: { readonly at: EpochMs; readonly by: Named; readonly note: string } | null
  /** By itself, or by time. */
  readonly ended: boolean
  /** The cause is still there. */
  readonly active: boolean
  readonly times: number
}

/** What happened in a shift, for the one who hands over and the one who takes over. Seconds; lists are cut, and say how many `more` there were. */
export type ShiftFigures = {
  readonly shift: Omit<Shift, 'people'>
  /** What is told lies in [from, to): `to` is now while the shift lasts. */
  readonly from: EpochMs
  readonly to: EpochMs
  readonly complete: boolean
  /** `desk`: with PIN at the page, from and to within the shift. `plan`: by the site file. */
  readonly duty: readonly { readonly kind: 'desk' | 'plan'; readonly person: Named; readonly from: EpochMs; readonly to: EpochMs | null }[]
  /** What the one before left, and what was left in this one. */
  readonly received: { readonly by: Named; readonly at: EpochMs; readonly note: string } | null
  readonly notes: readonly { readonly by: Named; readonly at: EpochMs; readonly note: string }[]
  readonly alerts: {
    /** In the shift: raised or raised anew, and what people did. Also of alerts that began before. */
    readonly raised: number
    readonly acknowledged: number
    readonly resolved: number
    /** Of the acknowledgements of the shift. */
    readonly medianS: number | null
    readonly p90S: number | null
    /** At its end. */
    readonly open: number
    readonly waiting: number
    /** All that were raised, acknowledged or resolved in it, in order of time. */
    readonly list: readonly ShiftAlert[]
    readonly more: number
  }
  /** At its end, the gravest and oldest first. */
  readonly open: { readonly list: readonly ShiftAlert[]; readonly more: number }
  readonly doors: {
    readonly list: readonly { readonly door: Named; readonly opened: number; readonly denied: number; readonly counts: Readonly<Record<string, number>> }[]
    /** Forced, held open, tampered with, refused cards. */
    readonly highlights: readonly { readonly at: EpochMs; readonly door: Named; readonly result: string }[]
    readonly more: number
  }
  /** As far as is known: seconds out of service and limited, and how it was at the end. */
  readonly terminals: readonly { readonly terminal: Named; readonly sessions: number; readonly downS: number; readonly limitedS: number; readonly state: string | null }[]
  /** `to: null`: still so at the end. `from` may lie before the shift. */
  readonly offline: { readonly list: readonly { readonly device: Named; readonly from: EpochMs; readonly to: EpochMs | null; readonly reason: string | null }[]; readonly more: number }
  readonly calls: number
  readonly ratings: { readonly n: number; readonly mean: number | null; readonly poor: number }
}
