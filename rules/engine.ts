import type { Effect, EpochMs, Json, PointId, Reading, Rule, RuleInput, StartScene, StateWrite } from '../gateway/contract/index.ts'
import { arrivalOf } from '../gateway/kit/arrival.ts'
import { codeOf, DataError, describe } from '../gateway/kit/index.ts'
import { WakeHeap, type Sleeper } from './wake-heap.ts'

/** `state` goes into the batch of the events that come of `effects`. */
export interface Outcome { readonly effects: readonly Exclude<Effect, StartScene>[]; readonly state: readonly StateWrite[] }

export interface Quarantined { readonly id: string; readonly at: EpochMs; readonly code: string; readonly detail: string }
export interface EngineStatus { readonly rules: number; /** Those that want a tick at some moment. */ readonly waiting: number; readonly quarantined: readonly Quarantined[] }

/**
 * Every rule of the site behind a few calls, without a clock: the same calls give the same outcomes. A scene is the rule of the same id.
 * A rule that throws is set aside until the next start, alone, and told of as the alert `rule/<id>/failed`.
 */
export interface Engine {
  /** In order of arrival; `others`: occurrences and device states, after the readings. */
  step(readings: readonly Reading[], others?: readonly RuleInput[]): Outcome
  /** To the rules whose moment has come; to all that wait for one when the clock was set back. */
  tick(at: EpochMs): Outcome
  /** The earliest moment anything is to be done: -Infinity before the first tick, which every rule is given, and after the clock was set back. */
  wakeAt(): EpochMs | undefined
  /** States that no batch holds yet, for a clean stop. */
  checkpoint(): readonly StateWrite[]
  /** The batch that held them was refused: they wait for the next checkpoint. */
  unwritten(state: readonly StateWrite[], at: EpochMs): void
  /** From `StateStore.entries('rule/')`, before the first step. */
  restore(entries: readonly (readonly [string, Json])[]): void
  status(): EngineStatus
}

export interface EngineOptions {
  /** Rules with an open alert `rule/<id>/failed`: it is cleared once they work. */
  readonly failed?: Iterable<string>
  /** States are never asked for: for a replay. */
  readonly forgetful?: boolean
  onFailure?(id: string, error: unknown): void
}

interface Slot extends Sleeper {
  readonly rule: Rule
  failure: Quarantined | null
  /** An alert says that it failed. */
  told: boolean
  /** What was last written, where it is short enough to remember. */
  text: string | undefined
}

/** What one call gathers. */
interface Run { readonly effects: Exclude<Effect, StartScene>[]; readonly changed: Set<Slot>; readonly state: StateWrite[] }

const checkpointMs = 60_000
/** States written at a time, so that a thousand do not hold up an alarm; the rest after a breath. */
const portion = 100
const breathMs = 20
const maxText = 1_024
/** Scenes that start scenes. Loops are found when the site file is checked; this is for what slips through. */
const maxDepth = 8
/** A rule that wants a tick for a moment that it was just given would keep the gateway busy for ever. */
const patienceMs = 1_000

/** Less is only jitter. */
const setBackMs = 1_000

const nothing: Outcome = { effects: [], state: [] }
const prefix = 'rule/'
export const failedKey = (id: string): string => `${prefix}${id}/failed`

export function createEngine(rules: readonly Rule[], { failed = [], forgetful = false, onFailure }: EngineOptions = {}): Engine {
  const told = new Set(failed)
  const slots = rules.map((rule): Slot => ({ rule, failure: null, told: told.has(rule.id), text: undefined, wakeAt: undefined, place: -1 }))
  const byId = new Map(slots.map((slot) => [slot.rule.id, slot]))
  const byPoint = grouped(slots, ({ rule }) => rule.watches)
  const byDevice = grouped(slots, ({ rule }) => rule.devices ?? [])
  const wakes = new WakeHeap<Slot>()
  for (const slot of slots) wakes.set(slot, -Infinity)
  let dirty = new Set<Slot>()
  /** Of the checkpoint that is under way. */
  let due = new Set<Slot>()
  let checkpointAt: EpochMs | undefined
  /** The last moment heard of, and whether the clock was set back since the last tick: what rules wait for may then be hours off. */
  let seen: EpochMs = -Infinity
  let setBack = false
  /** Told with the first tick. */
  const unrestored: (readonly [Slot, unknown])[] = []

  const fail = (slot: Slot, error: unknown, at: EpochMs, run: Run): void => {
    const { id } = slot.rule
    const [code, detail] = [codeOf(error), describe(error).slice(0, 300)]
    slot.failure = { id, at, code, detail }
    slot.told = false
    wakes.set(slot, undefined)
    for (const set of [run.changed, dirty, due]) set.delete(slot)
    onFailure?.(id, error)
    const title = { zh: `规则“${id}”出错，重新启动前停用`, en: `rule "${id}" failed and is set aside until the next start` }
    run.effects.push({ kind: 'raise', key: failedKey(id), ruleId: 'gateway', severity: 3, at, title, data: { failed: id, code, detail } })
  }

  const give = (slot: Slot, input: RuleInput, at: EpochMs, run: Run, depth = 0): void => {
    if (slot.failure) return
    try {
      const { effects, wakeAt, changed } = slot.rule.step(input)
      if (Number.isNaN(wakeAt)) throw new DataError('RULE_WAKE_INVALID', `rule "${slot.rule.id}" wants to be woken at no moment at all`)
      // What comes before the first tick does not take its place.
      if ('tick' in input) wakes.set(slot, wakeAt !== undefined && wakeAt <= at ? at + patienceMs : wakeAt)
      else if (slot.wakeAt !== -Infinity) wakes.set(slot, wakeAt)
      if (changed || effects.length > 0) run.changed.add(slot)
      else mark(slot, at)
      if (slot.told) {
        slot.told = false
        run.effects.push({ kind: 'clear', key: failedKey(slot.rule.id), ruleId: 'gateway', at, data: {} })
      }
      for (const effect of effects) if (effect.kind === 'start') start(slot, effect, run, depth + 1); else run.effects.push(effect)
    } catch (error) {
      fail(slot, error, at, run)
    }
  }

  const start = (by: Slot, { scene, at }: StartScene, run: Run, depth: number): void => {
    const slot = byId.get(scene)
    if (!slot) throw new DataError('RULE_SCENE_UNKNOWN', `rule "${by.rule.id}" starts the scene "${scene}", which does not exist; see linli check`)
    if (depth > maxDepth) throw new DataError('RULE_LOOP', `rule "${by.rule.id}" starts the scene "${scene}", ${maxDepth} scenes deep; do they start each other?`)
    give(slot, { start: scene, at }, at, run, depth)
  }

  const concernedBy = (input: RuleInput): readonly Slot[] => {
    if ('start' in input) { const scene = byId.get(input.start); return scene ? [scene] : [] }
    const device = 'occurrence' in input ? input.occurrence.deviceId : 'device' in input ? input.device.deviceId : undefined
    return (device !== undefined && byDevice.get(device)) || []
  }

  const see = (at: EpochMs): void => {
    if (at < seen - setBackMs) setBack = true
    seen = at
  }

  const mark = (slot: Slot, at: EpochMs): void => {
    if (forgetful || due.has(slot)) return
    dirty.add(slot)
    checkpointAt ??= at + checkpointMs
  }

  const write = (slot: Slot, at: EpochMs, run: Run, onlyNews: boolean): void => {
    dirty.delete(slot)
    due.delete(slot)
    try {
      const value = slot.rule.state()
      const text = onlyNews ? JSON.stringify(value) : undefined
      if (onlyNews && text === slot.text) return
      slot.text = text !== undefined && text.length <= maxText ? text : undefined
      run.state.push({ key: `${prefix}${slot.rule.id}`, value })
    } catch (error) {
      fail(slot, error, at, run)
    }
  }

  const finish = (run: Run, at: EpochMs): Outcome => {
    if (!forgetful) for (const slot of run.changed) write(slot, at, run, false)
    const { effects, state } = run
    return effects.length + state.length === 0 ? nothing : { effects, state }
  }

  const writeDue = (at: EpochMs, run: Run): void => {
    if (due.size === 0) [due, dirty] = [dirty, due]
    let left = portion
    for (const slot of due) { if (left-- === 0) break; write(slot, at, run, true) }
    checkpointAt = due.size > 0 ? at + breathMs : dirty.size > 0 ? at + checkpointMs : undefined
  }

  return {
    step(readings, others = []) {
      let run: Run | undefined
      let at = 0
      for (const reading of readings) {
        const watching = byPoint.get(reading.pointId)
        if (!watching) continue
        run ??= newRun()
        see(at = reading.receivedAt)
        const input = { reading }
        for (const slot of watching) give(slot, input, at, run)
      }
      for (const input of others) {
        const concerned = concernedBy(input)
        if (concerned.length === 0) continue
        run ??= newRun()
        at = arrivalOf(input)
        // A device's state has its driver's time.
        if (!('device' in input)) see(at)
        for (const slot of concerned) give(slot, input, at, run)
      }
      return run ? finish(run, at) : nothing
    },
    tick(at) {
      const run = newRun()
      see(at)
      const all = setBack ? slots.filter(({ wakeAt }) => wakeAt !== undefined) : []
      if (setBack && checkpointAt !== undefined) checkpointAt = Math.min(checkpointAt, at + checkpointMs)
      setBack = false
      for (const slot of all) give(slot, { tick: at }, at, run)
      for (const [slot, error] of unrestored.splice(0)) fail(slot, error, at, run)
      for (let slot = wakes.first; slot && slot.wakeAt! <= at; slot = wakes.first) give(slot, { tick: at }, at, run)
      if (checkpointAt !== undefined && checkpointAt <= at) writeDue(at, run)
      return finish(run, at)
    },
    wakeAt() {
      if (setBack) return -Infinity
      const first = wakes.first?.wakeAt
      return first === undefined || (checkpointAt !== undefined && checkpointAt < first) ? checkpointAt : first
    },
    checkpoint() {
      const run = newRun()
      for (const slot of [...due, ...dirty]) write(slot, checkpointAt ?? 0, run, true)
      checkpointAt = undefined
      return run.state
    },
    unwritten(state, at) {
      for (const { key } of state) {
        const slot = key.startsWith(prefix) ? byId.get(key.slice(prefix.length)) : undefined
        if (!slot || slot.failure) continue
        slot.text = undefined
        dirty.add(slot)
        checkpointAt ??= at + checkpointMs
      }
    },
    restore(entries) {
      const states = new Map(entries)
      for (const slot of slots) {
        const state = states.get(`${prefix}${slot.rule.id}`)
        if (state === undefined) continue
        try { slot.rule.restore(state) } catch (error) { unrestored.push([slot, error]) }
      }
    },
    status: () => ({ rules: slots.length, waiting: wakes.size, quarantined: slots.flatMap(({ failure }) => failure ?? []) }),
  }
}

const newRun = (): Run => ({ effects: [], changed: new Set(), state: [] })

function grouped<K extends PointId | string>(slots: readonly Slot[], keysOf: (slot: Slot) => readonly K[]): ReadonlyMap<K, readonly Slot[]> {
  const groups = new Map<K, Slot[]>()
  for (const slot of slots) {
    for (const key of new Set(keysOf(slot))) {
      const group = groups.get(key)
      if (group) group.push(slot)
      else groups.set(key, [slot])
    }
  }
  return groups
}
