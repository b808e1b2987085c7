import type { Facility, Rule } from '../gateway/contract/index.ts'
import { ConfigError } from '../gateway/kit/errors.ts'
import { ConditionRule, type ExplainingRule, type Surroundings } from './conditions/rule.ts'
import type { Expansions } from './library/expand.ts'
import { SceneRule } from './scenes/rule.ts'
import { createCalendar } from './schedule/index.ts'
import type { RuleConfig } from './schema.ts'
import type { Decisions } from './site.ts'
import { createThreshold } from './threshold.ts'

export { createAlertDesk, type BuildingDesk } from './alerts/desk.ts'
export type { ExplainingRule } from './conditions/rule.ts'
export { createEngine, type Engine } from './engine.ts'
export { createRoster, phoneOf } from './people/roster.ts'
export { createSounders, type Sounders } from './sounder/sounder.ts'

export type RuleDecisions = Pick<Decisions, 'rules' | 'schedules' | 'calendar' | 'scenes'>

/** The rules and scenes of a checked site file; `library`: see expandLibrary. Throws ConfigError CONFIG_INVALID for what `linli check` refuses. */
export function createRules({ rules, schedules, calendar, scenes }: RuleDecisions, facility: Facility, library: Expansions = new Map()): readonly Rule[] {
  const around: Surroundings = { facility, schedules: new Set(schedules.map(({ id }) => id)), calendar: createCalendar({ schedules, calendar, timezone: facility.timezone }) }
  return [...rules.flatMap((config) => rulesOf(config, around, library)), ...scenes.map((config) => new SceneRule(config, around))]
}

function rulesOf(config: RuleConfig, around: Surroundings, library: Expansions): readonly Rule[] {
  switch (config.kind) {
    case 'threshold': return [createThreshold(config)]
    case 'condition': return [new ConditionRule(config, around)]
    case 'library': {
      const conditions = library.get(config.id)
      if (!conditions) throw new ConfigError('CONFIG_INVALID', `rule "${config.id}": ${config.use} of the library was not made out; run linli check`)
      return conditions.map((each) => new ConditionRule(each, around))
    }
  }
}

/** Whether it can say why; the rest of the rules say what they do by their site file entry. */
export const canExplain = (rule: Rule): rule is ExplainingRule => 'explain' in rule && typeof rule.explain === 'function'
