import type { AlertAct } from './acts.ts'
import type { Label } from './config.ts'
import type { GatewayEvent, Mode } from './events.ts'
import type { DeviceStatus, EpochMs, Json, JsonObject, Occurrence, PointId, Reading, Value } from './values.ts'

/** 1 特急 · 2 紧急 · 3 重要 · 4 一般. The number travels, the words are configurable. */
export type Severity = 1 | 2 | 3 | 4

/** What a rule is given. Nothing else reaches it, so that a replay of these gives the same effects. */
export type RuleInput =
  | { readonly reading: Reading }
  | { readonly occurrence: Occurrence; readonly receivedAt: EpochMs }
  | { readonly device: DeviceStatus }
  /** Another rule started the scene of this id. */
  | { readonly start: string; readonly at: EpochMs }
  | { readonly tick: EpochMs }

export interface RaiseAlert {
  readonly kind: 'raise'
  /** Names the condition, so that raising it twice is one alert. */
  readonly key: string
  readonly ruleId: string
  readonly severity: Severity
  readonly at: EpochMs
  readonly title: Label
  readonly data: JsonObject
  /** What it is about, for tiles, maintenance and suppression. */
  readonly deviceId?: string
  readonly place?: string
  /** Nothing will clear it: a call for help, a report. It waits for an answer alone. */
  readonly momentary?: true
  readonly mode?: Mode
}
export interface ClearAlert { readonly kind: 'clear'; readonly key: string; readonly ruleId: string; readonly at: EpochMs; readonly data: JsonObject }

/** In the point's unit. Carried out at most once, and not begun later than `deadlineMs` after `at`; its end becomes a `command` event with the rule as actor. */
export interface WritePoint { readonly kind: 'write'; readonly ruleId: string; readonly at: EpochMs; readonly point: PointId; readonly value: Value; readonly deadlineMs: number }
/** To the building's own broker, below `linli/rules/`. */
export interface PublishLocally { readonly kind: 'publish'; readonly ruleId: string; readonly at: EpochMs; readonly topic: string; readonly payload: Json }
/** A message that is no alert. `channels`: ids of the site file. */
export interface NotifyPeople { readonly kind: 'notify'; readonly ruleId: string; readonly at: EpochMs; readonly channels: readonly string[]; readonly text: Label }
/** Handled inside the engine: the scene gets a `start`. */
export interface StartScene { readonly kind: 'start'; readonly ruleId: string; readonly at: EpochMs; readonly scene: string }
/** What a resident did with an alert, such as rating how it was dealt with. One that the desk refuses changes nothing. */
export interface ActOnAlert { readonly kind: 'act'; readonly ruleId: string; readonly at: EpochMs; readonly act: AlertAct }
/** What a door or terminal model found out. */
export interface RecordEvent { readonly kind: 'record'; readonly event: GatewayEvent }

export type Effect = RaiseAlert | ClearAlert | WritePoint | PublishLocally | NotifyPeople | StartScene | ActOnAlert | RecordEvent

export interface RuleStep {
  readonly effects: readonly Effect[]
  /** The next moment a tick is wanted, absent for none. */
  readonly wakeAt?: EpochMs
  /** Something that a restart must not forget changed, such as the start of a `for`: the state is stored in this batch. Effects imply it. */
  readonly changed?: boolean
}

/** Deterministic: no clock, no I/O, no chance. The same inputs give the same effects. Time comes in as `tick`, or with an input. */
export interface Rule {
  readonly id: string
  readonly watches: readonly PointId[]
  /** Devices whose occurrences and states it is given. */
  readonly devices?: readonly string[]
  step(input: RuleInput): RuleStep
  /** Everything needed to go on after a restart. Stored in the same batch as what changed it, else every 60 s. */
  state(): Json
  /** Called once before the first step. Unknown or old shapes are ignored, never thrown. */
  restore(state: Json): void
}
