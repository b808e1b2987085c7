import type { Effect, Json, Reading, Rule, RuleInput } from '../../../gateway/contract/index.ts'
import { reading } from '../../support/points.ts'
import { facilityOf, type PointSketches } from '../../support/facility.ts'
import { rulesOf } from '../../support/rules.ts'

/** 2026-11-25 (a Wednesday) 08:00 in Shanghai; tests tell seconds from here. */
export const start = Date.UTC(2026, 10, 25)
export const title = { zh: '题', en: 'title' }
export const points: PointSketches = {
  'hall.t': 'number', 'hall.u': 'number', 'door.open': 'boolean', 'panel.mode': 'string', 'leak.wet': { type: 'boolean', pushed: true }, 'relays.fan': 'boolean', 'relays.pump': 'boolean',
}
/** One rule over these points: `t`, `u`, `open`, `mode`, `wet`, `fan`. */
export const inputs = { t: 'hall.t', u: 'hall.u', open: 'door.open', mode: 'panel.mode', wet: 'leak.wet', fan: 'relays.fan' }

export function condition(entry: object, sections: Parameters<typeof rulesOf>[0] = {}, timezone?: string): Rule {
  return rulesOf({ ...sections, rules: [{ id: 'r', kind: 'condition', inputs, severity: 3, title, ...entry }] }, facilityOf(points, timezone))[0]!
}

/** `[seconds, point or 'tick', value]`; null is bad. */
export type Step = readonly [seconds: number, what: string, value?: Reading['value']]
export const inputOf = ([seconds, what, value = null]: Step): RuleInput => (what === 'tick' ? { tick: start + seconds * 1_000 } : { reading: reading(what, value, start + seconds * 1_000) })
export const play = (rule: Rule, steps: readonly Step[]): Effect[] => steps.flatMap((step) => rule.step(inputOf(step)).effects)
export const brief = (effects: readonly Effect[]): readonly (readonly [string, number, string])[] => effects.map((effect) => {
  if (effect.kind === 'record') return ['record', (effect.event.at - start) / 1_000, String(effect.event.data.code)]
  const about = effect.kind === 'raise' || effect.kind === 'clear' ? effect.key : effect.kind === 'write' ? `${effect.point}=${String(effect.value)}` : effect.kind === 'start' ? effect.scene : effect.kind === 'publish' ? effect.topic : effect.kind === 'notify' ? effect.channels.join() : effect.kind
  return [effect.kind, (effect.at - start) / 1_000, about]
})
export const told = (rule: Rule, steps: readonly Step[]) => brief(play(rule, steps))
export const restarted = (from: Rule, to: Rule): Rule => { to.restore(JSON.parse(JSON.stringify(from.state())) as Json); return to }
