import type { GatewayEvent } from './events.ts'
import type { StateWrite } from './journal.ts'
import type { Label } from './config.ts'
import type { EpochMs, Json, JsonObject, PointId, Reading } from './values.ts'

/** 1 特急 · 2 紧急 · 3 重要 · 4 一般. The number travels, the words are configurable. */
export type Severity = 1 | 2 | 3 | 4

export interface RaiseAlert {
  readonly kind: 'raise'
  /** Names the condition, so that raising it twice is one alert. */
  readonly key: string
  readonly ruleId: string
  readonly severity: Severity
  readonly at: EpochMs
  readonly title: Label
  readonly data: JsonObject
}
export interface ClearAlert { readonly kind: 'clear'; readonly key: string; readonly ruleId: string; readonly at: EpochMs; readonly data: JsonObject }
export type Effect = RaiseAlert | ClearAlert

export type RuleInput = { readonly reading: Reading } | { readonly tick: EpochMs }

/** Deterministic: no clock, no I/O, no chance. The same inputs give the same effects. Time comes in as `tick`, or with a reading. */
export interface Rule {
  readonly id: string
  readonly watches: readonly PointId[]
  /** `wakeAt`: the next moment a tick is wanted, absent for none. */
  step(input: RuleInput): { readonly effects: readonly Effect[]; readonly wakeAt?: EpochMs }
  /** Everything needed to go on after a restart; stored in the same batch as the effects. */
  state(): Json
  /** Called once before the first step. Unknown or old shapes are ignored, never thrown. */
  restore(state: Json): void
}

export interface Alert {
  readonly id: string
  readonly key: string
  readonly ruleId: string
  readonly severity: Severity
  readonly title: Label
  readonly raisedAt: EpochMs
  readonly state: 'raised' | 'cleared'
  readonly data: JsonObject
}

/** Owns the alerts' life. Pure memory: what it returns is committed by the caller in one batch. */
export interface AlertDesk {
  apply(effects: readonly Effect[]): { readonly events: readonly GatewayEvent[]; readonly state: readonly StateWrite[] }
  open(): readonly Alert[]
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
