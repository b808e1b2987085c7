import type { Effect, EpochMs, Json, Rule, RuleInput, RuleStep, StateWrite } from '../../gateway/contract/index.ts'
import type { Engine } from '../../rules/engine.ts'

/** A rule made of a function; everything else is plain. */
export function rule(id: string, step: (input: RuleInput) => Partial<RuleStep>, overrides: Partial<Rule> = {}): Rule {
  return { id, watches: [], step: (input) => ({ effects: [], ...step(input) }), state: () => null, restore() {}, ...overrides }
}

export const write = (ruleId: string, at: EpochMs, point = 'hall.relay', value = true): Effect => ({ kind: 'write', ruleId, at, point, value, deadlineMs: 5_000 })
export const start = (ruleId: string, scene: string, at: EpochMs): Effect => ({ kind: 'start', ruleId, scene, at })

/** Raises and writes once its point has been true for `forMs`; says honestly when what it must not forget has changed. */
export function timer(id: string, point: string, forMs: number): Rule {
  let since: EpochMs | null = null
  let fired = false
  const due = (now: EpochMs): Effect[] => {
    if (since === null || fired || now < since + forMs) return []
    fired = true
    return [{ kind: 'raise', key: id, ruleId: id, severity: 2, at: since + forMs, title: { zh: id, en: id }, data: {} }, write(id, since + forMs)]
  }
  return {
    id, watches: [point],
    step(input) {
      const before = since
      const effects = due('reading' in input ? input.reading.at : 'tick' in input ? input.tick : -Infinity)
      if ('reading' in input) {
        if (input.reading.value !== true) { if (fired) effects.push({ kind: 'clear', key: id, ruleId: id, at: input.reading.at, data: {} }); since = null; fired = false } else since ??= input.reading.at
      }
      return { effects, changed: since !== before, ...(since !== null && !fired ? { wakeAt: since + forMs } : {}) }
    },
    state: () => ({ since, fired }),
    restore(state) { ({ since, fired } = state as { since: EpochMs | null; fired: boolean }) },
  }
}

/** Remembers more than it ever says: the sum of what it saw, told at every thousand. */
export function meter(id: string, point: string): Rule {
  let sum = 0
  return {
    id, watches: [point],
    step(input) {
      if (!('reading' in input)) return { effects: [] }
      const before = Math.floor(sum / 1_000)
      sum += Number(input.reading.value)
      return { effects: Math.floor(sum / 1_000) > before ? [{ kind: 'raise', key: `${id}/${before}`, ruleId: id, severity: 4, at: input.reading.at, title: { zh: id, en: id }, data: { sum } }] : [] }
    },
    state: () => sum,
    restore(state) { sum = state as number },
  }
}

/** The disk: what batches brought to it. */
export class States {
  readonly #kept = new Map<string, Json>()
  take(state: readonly StateWrite[]): void { for (const { key, value } of state) this.#kept.set(key, JSON.parse(JSON.stringify(value)) as Json) }
  entries(): readonly (readonly [string, Json])[] { return [...this.#kept] }
}

/** Gives the engine every tick it wants up to `until`. */
export function tickUntil(engine: Engine, until: EpochMs, took: (outcome: ReturnType<Engine['tick']>) => void): void {
  for (let at = engine.wakeAt(); at !== undefined && Number.isFinite(at) && at <= until; at = engine.wakeAt()) took(engine.tick(at))
}
