import type { EpochMs, PointId, Value } from '../../gateway/contract/index.ts'

export type Type = 'number' | 'boolean' | 'string' | 'duration'
/** What an expression may name. */
export interface Scope {
  readonly inputs: ReadonlyMap<string, InputType>
  readonly schedules: ReadonlySet<string>
}
export interface InputType { readonly point: PointId; readonly type: 'number' | 'boolean' | 'string' }

/** Every value while it is known; null: unknown. Durations are milliseconds. */
export type Known = Value | null

/** One input as evaluation sees it. Kept by whoever evaluates. */
export interface InputState {
  /** null while bad or not yet heard. */
  value: Known
  seen: boolean
  bad: boolean
  /** The last good value, and since when it is so. */
  last: Known
  changedAt: EpochMs
  /** When it last said something. */
  heardAt: EpochMs
  /** Since when it gives nothing; -1 while it does. */
  badSince: EpochMs
  /** True during the evaluation that its change called for. */
  pulse: boolean
  readonly pushed: boolean
}

/** What a window over an input answers; null: too little is known. */
export type Measure = 'avg' | 'min' | 'max' | 'sum' | 'count' | 'rate' | 'delta'
export interface WindowPort { measure(what: Measure, now: EpochMs): number | null; boundary(now: EpochMs): EpochMs }
export interface Calendar {
  open(schedule: string, at: EpochMs): boolean
  /** The next moment at which `open` may differ; Infinity for never. */
  boundary(schedule: string, at: EpochMs): EpochMs
  fields(at: EpochMs): { readonly hour: number; readonly minute: number; readonly weekday: number; readonly workday: boolean; readonly holiday: boolean }
  /** The next full local hour, minute or day. */
  next(unit: 'minute' | 'hour' | 'day', at: EpochMs): EpochMs
}

/** Everything an evaluation reads. `inputs` and `windows` by the slots that compiling gave out. */
export interface Frame {
  now: EpochMs
  /** The first moment it knew of: silence is counted from then. */
  startedAt: EpochMs
  readonly inputs: readonly InputState[]
  readonly windows: readonly WindowPort[]
  readonly calendar: Calendar
}

export interface WindowNeed { readonly input: number; readonly spanMs: number; readonly measures: Set<Measure> }
/** When the outcome may change although no input does: the next such moment after `frame.now`, Infinity for never. */
export type Wake = (frame: Frame) => EpochMs

/** One part of a checked expression. */
export interface Part {
  readonly start: number
  readonly end: number
  readonly type: Type
  readonly run: (frame: Frame) => Known
  readonly children: readonly Part[]
  /** `literal`: known while checking. `term`: whatever else is a quantity of its own, named by `text`. */
  readonly form: Form
}
export type Form =
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'term'; readonly text: string; readonly least?: number; readonly most?: number }
  | { readonly kind: 'compare'; readonly operator: Comparison }
  | { readonly kind: 'and' | 'or' | 'not' | 'in' | 'choice' | 'other' }
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

/** What compiling several expressions of one rule gathers. */
export class Needs {
  readonly names: readonly string[]
  readonly used = new Set<number>()
  readonly windows: WindowNeed[] = []
  readonly wakes: Wake[] = []
  /** Inputs whose every reading counts, also one that repeats the value. */
  readonly counted = new Set<number>()
  /** Inputs asked for their change, by which a condition is true for a moment only. */
  readonly pulsed = new Set<number>()
  constructor(names: readonly string[]) { this.names = names }

  window(input: number, spanMs: number, measure: Measure): number {
    const at = this.windows.findIndex((need) => need.input === input && need.spanMs === spanMs)
    if (at >= 0) { this.windows[at]!.measures.add(measure); return at }
    return this.windows.push({ input, spanMs, measures: new Set([measure]) }) - 1
  }
}
