import type { Effect, EpochMs, Json, Reading, Rule, RuleInput, Value } from '../gateway/contract/index.ts'
import type { ThresholdConfig } from './schema.ts'

interface Memory {
  /** Since when the condition has held without a break; null when it does not hold. */
  since: EpochMs | null
  raised: boolean
  /** Time of the newest reading: an older one, late on its road, changes nothing. */
  lastAt: EpochMs
  /** When the last input came, by the gateway's clock: it tells when that was set back. */
  arrived: EpochMs
  /** What raised it, or last crossed the limit; shown with the alert. */
  value: Value | null
}

/**
 * Raises once the condition has held for `for`, clears once it is over by the hysteresis. A bad value says nothing: it starts the wait
 * afresh and clears nothing, because nobody knows. An uncertain one counts.
 */
export function createThreshold(config: ThresholdConfig): Rule {
  const memory: Memory = { since: null, raised: false, lastAt: -Infinity, arrived: -Infinity, value: null }
  const { id, point } = config

  const raise = (at: EpochMs): Effect => {
    memory.raised = true
    return { kind: 'raise', key: id, ruleId: id, severity: config.severity, at, title: config.title, deviceId: point.slice(0, point.indexOf('.')), data: { point, value: memory.value, ...limitOf(config) } }
  }
  const clear = (at: EpochMs): Effect => {
    memory.raised = false
    return { kind: 'clear', key: id, ruleId: id, at, data: { point, value: memory.value } }
  }
  const take = ({ value, at, quality }: Reading): void => {
    memory.lastAt = at
    if (quality === 'bad' || value === null) { memory.since = null; return }
    memory.value = value
    if (!holds(config, value)) memory.since = null
    else memory.since ??= at
  }

  return {
    id, watches: [point],
    step(input: RuleInput) {
      const effects: Effect[] = []
      const { since } = memory
      if ('reading' in input) arrive(memory, input.reading.receivedAt)
      else if ('tick' in input) arrive(memory, input.tick)
      if ('reading' in input) {
        const { reading } = input
        if (reading.pointId !== point || reading.at < memory.lastAt) return { effects, ...wake(memory, config) }
        // What was due before this reading came is raised at its own moment, however late the tick.
        if (isDue(memory, config, reading.at)) effects.push(raise(memory.since! + config.for))
        take(reading)
        if (memory.raised && reading.quality !== 'bad' && reading.value !== null && isOver(config, reading.value)) effects.push(clear(reading.at))
        if (isDue(memory, config, reading.at)) effects.push(raise(memory.since! + config.for))
      } else if ('tick' in input && isDue(memory, config, input.tick)) {
        effects.push(raise(memory.since! + config.for))
      }
      return { effects, ...wake(memory, config), changed: memory.since !== since }
    },
    // Only what changes seldom: a value that stays on one side of its limit writes nothing.
    state: () => ({ since: memory.since, raised: memory.raised, ...(memory.since !== null && !memory.raised ? { value: memory.value } : {}) }),
    restore(state) { Object.assign(memory, parseMemory(state)) },
  }
}

/** A clock that was set back makes nobody deaf until it is as late again: what is remembered moves with it. */
function arrive(memory: Memory, now: EpochMs): void {
  const back = now - memory.arrived
  memory.arrived = now
  if (back >= -clockStepMs) return
  memory.lastAt += back
  if (memory.since !== null) memory.since += back
}
const clockStepMs = 1_000

const isDue = (memory: Memory, config: ThresholdConfig, now: EpochMs): boolean => !memory.raised && memory.since !== null && now - memory.since >= config.for

function wake(memory: Memory, config: ThresholdConfig): { readonly wakeAt?: EpochMs } {
  return memory.since === null || memory.raised ? {} : { wakeAt: memory.since + config.for }
}

function holds(config: ThresholdConfig, value: Value): boolean {
  if (config.equals !== undefined) return value === config.equals
  if (typeof value !== 'number') return false
  return config.above !== undefined ? value > config.above : value < config.below!
}

function isOver(config: ThresholdConfig, value: Value): boolean {
  if (config.equals !== undefined) return value !== config.equals
  if (typeof value !== 'number') return false
  return config.above !== undefined ? value <= config.above - config.hysteresis : value >= config.below! + config.hysteresis
}

function limitOf({ above, below, equals }: ThresholdConfig): { readonly [key: string]: Value } {
  if (above !== undefined) return { above }
  return below !== undefined ? { below } : { equals: equals! }
}

function parseMemory(state: Json): Partial<Memory> {
  if (state === null || typeof state !== 'object' || Array.isArray(state)) return {}
  const { since, raised, value } = state as { readonly [key: string]: Json }
  if (typeof raised !== 'boolean') return {}
  return {
    raised, since: typeof since === 'number' ? since : null, lastAt: typeof since === 'number' ? since : -Infinity,
    value: typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : null,
  }
}
