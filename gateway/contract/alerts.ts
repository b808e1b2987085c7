import type { AlertAct } from './acts.ts'
import type { Label } from './config.ts'
import type { GatewayEvent, Mode } from './events.ts'
import type { StateWrite } from './journal.ts'
import type { ClearAlert, RaiseAlert, Severity } from './rules.ts'
import type { EpochMs, Json, JsonObject } from './values.ts'

/** 呼 raised · 应 acknowledged, resolved · 评 closed. What people have done; `condition` says what the building does. */
export type AlertState = 'raised' | 'acknowledged' | 'resolved' | 'closed'
/** `momentary`: it has no cause that could go away by itself. */
export type AlertCondition = 'active' | 'returned' | 'momentary'

/** One line of an alert's timeline; `data` is what its event carried. */
export interface AlertEntry { readonly at: EpochMs; readonly what: string; readonly by?: string; readonly data?: JsonObject }

export interface Alert {
  readonly id: string
  readonly key: string
  readonly ruleId: string
  readonly severity: Severity
  readonly title: Label
  readonly data: JsonObject
  readonly deviceId?: string
  readonly place?: string
  readonly mode?: Mode
  readonly raisedAt: EpochMs
  readonly changedAt: EpochMs
  readonly state: AlertState
  readonly condition: AlertCondition
  /** How often it was raised since it was opened. */
  readonly count: number
  readonly lastRaisedAt: EpochMs
  readonly acknowledged?: { readonly at: EpochMs; readonly by: string }
  readonly assigned?: { readonly at: EpochMs; readonly by: string; readonly to: string }
  readonly shelved?: { readonly at: EpochMs; readonly by: string; readonly until: EpochMs; readonly reason: string }
  readonly resolved?: { readonly at: EpochMs; readonly by: string; readonly note: string }
  readonly evaluated?: { readonly at: EpochMs; readonly by: string; readonly score: number; readonly text?: string }
  readonly closedAt?: EpochMs
  readonly reopened: number
  /** 0: nobody was sent for beyond those on duty. */
  readonly escalation: number
  /** By when somebody should have acknowledged, and resolved. */
  readonly due: { readonly acknowledge?: EpochMs; readonly resolve?: EpochMs }
  /** Key of the open alert that explains this one: a dead bus its devices. It makes no sound. */
  readonly suppressedBy?: string
  /** It came and went so often that it is told once in a while. */
  readonly chattering?: true
  readonly timeline: readonly AlertEntry[]
}

export interface AlertSummary {
  /** Neither resolved nor closed, not shelved, not suppressed, not in maintenance or a test, by severity. */
  readonly open: Readonly<Record<Severity, number>>
  /** Of those: nobody has acknowledged. */
  readonly waiting: number
  /** More than ten new in ten minutes: since when, and how many; the page shows one banner. */
  readonly flood: { readonly since: EpochMs; readonly count: number } | null
  readonly shelved: number
  readonly suppressed: number
  /** Active for more than 24 h. */
  readonly standing: number
}

/** What the caller commits in one batch, and tells. `wakeAt`: see {@link AlertDesk.tick}. */
export interface AlertWork { readonly events: readonly GatewayEvent[]; readonly state: readonly StateWrite[] }
export type ActAnswer =
  | (AlertWork & { readonly outcome: 'applied' | 'already'; readonly alert: Alert })
  /** ALERT_UNKNOWN, ALERT_STILL_ACTIVE, ALERT_ACT_INVALID …; nothing changed. */
  | { readonly outcome: 'refused'; readonly code: string; readonly detail: string }

/** Owns the alerts' life. Pure memory: what it returns is committed by the caller in one batch. Bounded: closed alerts are let go. */
export interface AlertDesk {
  apply(effects: readonly (RaiseAlert | ClearAlert)[]): AlertWork
  /** `already`: somebody was first, and the alert tells who. */
  act(act: AlertAct, now: EpochMs): ActAnswer
  /** A line of the timeline that changes nothing else, such as a channel's receipt: `delivered`, `undelivered`. Nothing for an alert that is not known. */
  note(id: string, entry: AlertEntry): AlertWork
  /** Deadlines, escalation, ends of shelving, closing. */
  tick(now: EpochMs): AlertWork
  wakeAt(): EpochMs | undefined
  /** Not closed, the gravest and oldest first. */
  open(): readonly Alert[]
  /** Open or lately closed. */
  find(id: string): Alert | undefined
  /** Closed lately, the last first; at most 500. */
  closed(): readonly Alert[]
  summary(now: EpochMs): AlertSummary
  /** After each change, with what changed. */
  onChange(listener: (alert: Alert) => void): () => void
  /** From `StateStore.entries('alert/')`. */
  restore(entries: readonly (readonly [string, Json])[]): void
}

/**
 * What the gateway has to tell about itself (disk, clock, uplink, certificate), as alerts of the rule `gateway`. Raising a key that is
 * raised changes nothing, neither does clearing one that is not. Never throws, waits for nothing.
 */
export interface GatewayConditions {
  /** `key` below `gateway/`, such as `uplink/city/offline`. */
  raise(condition: { readonly key: string; readonly severity: Severity; readonly title: Label; readonly data?: JsonObject }): void
  clear(key: string, data?: JsonObject): void
}
