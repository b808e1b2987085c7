import type { Effect, EpochMs, Json, PointId, Reading, Rule, RuleInput, StateWrite } from '../gateway/contract/index.ts'

export interface Outcome { readonly effects: readonly Effect[]; readonly state: readonly StateWrite[] }

/** Every rule of the site behind four calls. A rule's state is written only when it has changed, in the batch of its effects. */
export interface Engine {
  step(readings: readonly Reading[]): Outcome
  tick(at: EpochMs): Outcome
  /** The earliest moment any rule wants a tick. */
  wakeAt(): EpochMs | undefined
  /** From `StateStore.entries('rule/')`, before the first step. */
  restore(entries: readonly (readonly [string, Json])[]): void
}

const nothing: Outcome = { effects: [], state: [] }
const keyOf = (rule: Rule): string => `rule/${rule.id}`

export function createEngine(rules: readonly Rule[]): Engine {
  const byPoint = new Map<PointId, Rule[]>()
  for (const rule of rules) for (const point of rule.watches) byPoint.set(point, [...(byPoint.get(point) ?? []), rule])
  const wakes = new Map<Rule, EpochMs>()
  const written = new Map<Rule, string>(rules.map((rule) => [rule, JSON.stringify(rule.state())]))

  const run = (inputs: Iterable<readonly [Rule, RuleInput]>): Outcome => {
    const effects: Effect[] = []
    const touched = new Set<Rule>()
    for (const [rule, input] of inputs) {
      const result = rule.step(input)
      effects.push(...result.effects)
      touched.add(rule)
      if (result.wakeAt === undefined) wakes.delete(rule)
      else wakes.set(rule, result.wakeAt)
    }
    return touched.size === 0 ? nothing : { effects, state: [...touched].flatMap((rule) => changed(rule)) }
  }

  const changed = (rule: Rule): readonly StateWrite[] => {
    const value = rule.state()
    const text = JSON.stringify(value)
    if (written.get(rule) === text) return []
    written.set(rule, text)
    return [{ key: keyOf(rule), value }]
  }

  return {
    step(readings) {
      const inputs: [Rule, RuleInput][] = []
      for (const reading of readings) for (const rule of byPoint.get(reading.pointId) ?? []) inputs.push([rule, { reading }])
      return run(inputs)
    },
    tick(at) { return run([...wakes].filter(([, due]) => due <= at).map(([rule]) => [rule, { tick: at }])) },
    wakeAt() { return wakes.size === 0 ? undefined : Math.min(...wakes.values()) },
    restore(entries) {
      const states = new Map(entries)
      for (const rule of rules) {
        const state = states.get(keyOf(rule))
        if (state === undefined) continue
        rule.restore(state)
        written.set(rule, JSON.stringify(rule.state()))
        // A wait that was under way goes on: a tick at once says when it wants the next.
        wakes.set(rule, -Infinity)
      }
    },
  }
}
