import type { Effect, EpochMs, HistoryEntry, Json, Rule, Severity, StartScene } from '../gateway/contract/index.ts'
import { createEngine, type Engine, type Outcome } from './engine.ts'

/** What a rule did. `key`: of the alert, or the point, topic or channel. */
export interface Transition { readonly at: EpochMs; readonly kind: 'raise' | 'clear' | 'write' | 'publish' | 'notify'; readonly rule: string; readonly key: string; readonly severity?: Severity; readonly value?: Json }

export interface RuleTotals {
  readonly rule: string
  /** Raised from anew; notices of missing data are counted in `unknown`. */
  readonly alerts: number
  readonly raisedMs: number
  readonly longestMs: number
  /** Raised still at the end. */
  readonly raised: boolean
  readonly unknown: number
  readonly writes: number
  /** Published or told to people. */
  readonly messages: number
}
/** `failed`: rules that threw and were set aside. */
export interface Trial { readonly name: string; readonly rules: readonly RuleTotals[]; readonly failed: readonly string[] }

/** Rules to be tried. `make`: afresh, at the beginning and where the gateway began anew. */
export interface Variant { readonly name: string; make(): readonly Rule[] }

export interface BacktestOptions {
  /** Counted in [since, to); what lies before warms windows. */
  readonly since: EpochMs
  readonly to: EpochMs
  onTransition?(variant: string, transition: Transition): void
  /** The moment it has come to. */
  onProgress?(at: EpochMs): void
}

/** A tick that the gateway gave so soon after a wish for one was the answer to it. */
const answeredMs = 1_000
/** Entries read ahead, whatever their times. */
const maxAhead = 50_000
const progressEvery = 4_096

/**
 * What rules would have done. Nothing is carried out. With the rules that ran, it is what they did: they get what they were given, ticks
 * included; where a rule wants to be woken and no tick is near, as other rules do, it gets one at its moment.
 */
export async function backtest(entries: AsyncIterable<HistoryEntry>, variants: readonly Variant[], { since, to, onTransition, onProgress }: BacktestOptions): Promise<readonly Trial[]> {
  const runs = variants.map((variant) => new Run(variant, since, to, (transition) => onTransition?.(variant.name, transition)))
  let count = 0
  for await (const { entry, nextTick } of withNextTick(entries)) {
    if (++count % progressEvery === 0) onProgress?.(timeOf(entry) ?? since)
    for (const run of runs) run.take(entry, nextTick)
  }
  return runs.map((run) => run.end())
}

class Run {
  readonly #variant: Variant
  readonly #since: EpochMs
  readonly #to: EpochMs
  readonly #tell: (transition: Transition) => void
  #rules: readonly Rule[]
  #engine: Engine
  #now: EpochMs | null = null
  readonly #totals = new Map<string, { alerts: number; raisedMs: number; longestMs: number; unknown: number; writes: number; messages: number }>()
  readonly #raised = new Map<string, { readonly rule: string; readonly at: EpochMs }>()
  readonly #failed = new Set<string>()

  constructor(variant: Variant, since: EpochMs, to: EpochMs, tell: (transition: Transition) => void) {
    this.#variant = variant
    this.#since = since
    this.#to = to
    this.#tell = tell
    this.#rules = variant.make()
    this.#engine = this.#start()
    for (const { id } of this.#rules) this.#of(id)
  }

  #start(): Engine { return createEngine(this.#rules, { forgetful: true, onFailure: (id) => this.#failed.add(id) }) }

  take(entry: HistoryEntry, nextTick: EpochMs | undefined): void {
    const at = timeOf(entry)
    // Nobody knows when the gateway stopped: what was due meanwhile is caught up with after the restart, as it was.
    if ('restart' in entry) { if (this.#now !== null) this.#restart(); this.#now = entry.restart; return }
    if (at !== null) { this.#now ??= at; this.#reach(at, nextTick, 'tick' in entry); this.#now = at }
    if ('reading' in entry) this.#note(this.#engine.step([entry.reading]))
    else if ('tick' in entry) this.#note(this.#engine.tick(entry.tick))
    else this.#note(this.#engine.step([], [entry]))
  }

  end(): Trial {
    if (this.#now !== null) this.#reach(this.#to, undefined, false)
    for (const { rule, at } of this.#raised.values()) this.#held(rule, at, this.#to)
    const still = new Set([...this.#raised.values()].map(({ rule }) => rule))
    return { name: this.#variant.name, rules: [...this.#totals].map(([rule, totals]) => ({ rule, ...totals, raised: still.has(rule) })), failed: [...this.#failed] }
  }

  #reach(at: EpochMs, nextTick: EpochMs | undefined, isTick: boolean): void {
    for (let wake = this.#engine.wakeAt(); wake !== undefined && wake < at; wake = this.#engine.wakeAt()) {
      const due = Math.max(wake, this.#now!)
      if (due >= at || (nextTick !== undefined && nextTick <= due + answeredMs) || (wake === -Infinity && isTick)) return
      this.#note(this.#engine.tick(due))
      this.#now = due
    }
  }

  #restart(): void {
    const quarantined = new Set(this.#engine.status().quarantined.map(({ id }) => id))
    const states = this.#rules.filter(({ id }) => !quarantined.has(id)).map((rule): readonly [string, Json] => [`rule/${rule.id}`, JSON.parse(JSON.stringify(rule.state())) as Json])
    this.#rules = this.#variant.make()
    this.#engine = this.#start()
    this.#engine.restore(states)
  }

  #note({ effects }: Outcome): void { for (const effect of effects) this.#effect(effect) }

  #effect(effect: Exclude<Effect, StartScene>): void {
    if (effect.kind === 'record' || effect.kind === 'act') return
    const { at, ruleId: rule, kind } = effect
    const counts = at >= this.#since && at < this.#to
    if (effect.kind === 'raise') this.#raise(effect, counts)
    else if (effect.kind === 'clear') this.#clear(effect.key, at)
    else if (counts) this.#of(rule)[kind === 'write' ? 'writes' : 'messages']++
    if (!counts) return
    if (effect.kind === 'raise') this.#tell({ at, kind: 'raise', rule, key: effect.key, severity: effect.severity })
    else if (effect.kind === 'clear') this.#tell({ at, kind: 'clear', rule, key: effect.key })
    else if (effect.kind === 'write') this.#tell({ at, kind: 'write', rule, key: effect.point, value: effect.value })
    else if (effect.kind === 'publish') this.#tell({ at, kind: 'publish', rule, key: effect.topic, value: effect.payload })
    else for (const channel of effect.channels) this.#tell({ at, kind: 'notify', rule, key: channel })
  }

  #raise({ key, ruleId: rule, at, momentary }: Extract<Effect, { kind: 'raise' }>, counts: boolean): void {
    if (this.#raised.has(key)) return
    if (counts) this.#of(rule)[key.endsWith('/unknown') ? 'unknown' : 'alerts']++
    if (!momentary && !key.endsWith('/unknown')) this.#raised.set(key, { rule, at })
  }
  #clear(key: string, at: EpochMs): void {
    const open = this.#raised.get(key)
    if (!open) return
    this.#raised.delete(key)
    this.#held(open.rule, open.at, at)
  }
  #held(rule: string, from: EpochMs, to: EpochMs): void {
    const ms = Math.min(to, this.#to) - Math.max(from, this.#since)
    if (ms <= 0) return
    const totals = this.#of(rule)
    totals.raisedMs += ms
    totals.longestMs = Math.max(totals.longestMs, ms)
  }
  #of(rule: string) {
    let totals = this.#totals.get(rule)
    if (!totals) this.#totals.set(rule, totals = { alerts: 0, raisedMs: 0, longestMs: 0, unknown: 0, writes: 0, messages: 0 })
    return totals
  }
}

/** By the gateway's clock; null for a device's state, whose time is its driver's. */
function timeOf(entry: HistoryEntry): EpochMs | null {
  if ('reading' in entry) return entry.reading.receivedAt
  if ('tick' in entry) return entry.tick
  if ('occurrence' in entry) return entry.receivedAt
  if ('restart' in entry) return entry.restart
  return 'start' in entry ? entry.at : null
}

/** Each entry, and the next tick at or behind it as far as it was read ahead. */
async function* withNextTick(entries: AsyncIterable<HistoryEntry>): AsyncGenerator<{ readonly entry: HistoryEntry; readonly nextTick: EpochMs | undefined }> {
  const waiting: HistoryEntry[] = []
  const ticks: EpochMs[] = []
  let [first, firstTick] = [0, 0]
  for await (const entry of entries) {
    waiting.push(entry)
    if ('tick' in entry) ticks.push(entry.tick)
    const newest = timeOf(entry)
    // A restart ends it: no tick behind it answers what was wished before.
    while (first < waiting.length && (waiting.length - first > maxAhead || 'restart' in entry || (newest !== null && newest > (timeOf(waiting[first]!) ?? -Infinity) + 2 * answeredMs))) {
      if (first === waiting.length - 1 && !('restart' in entry)) break
      const next = waiting[first++]!
      yield { entry: next, nextTick: ticks[firstTick] }
      if ('tick' in next) firstTick++
    }
    if (first > maxAhead) { waiting.splice(0, first); first = 0 }
    if (firstTick > maxAhead) { ticks.splice(0, firstTick); firstTick = 0 }
  }
  for (; first < waiting.length; first++) {
    yield { entry: waiting[first]!, nextTick: ticks[firstTick] }
    if ('tick' in waiting[first]!) firstTick++
  }
}
