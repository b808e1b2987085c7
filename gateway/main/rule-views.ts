import type { AlertDesk, Clock, Rule } from '../contract/index.ts'
import { explainRule, kindOfRule } from '../../rules/explain.ts'
import type { Engine } from '../../rules/index.ts'
import type { Site } from '../cli/rooms.ts'
import type { RulesControl } from '../control/rules.ts'
import type { LiveValues } from '../live.ts'

export interface RuleViewParts { readonly site: Site; readonly rules: readonly Rule[]; readonly engine: Pick<Engine, 'status'>; readonly desk: Pick<AlertDesk, 'open'>; readonly live: LiveValues; readonly clock: Clock }

/** The rules as people look at them. */
export function ruleViews({ site, rules, engine, desk, live, clock }: RuleViewParts): RulesControl {
  const configs = site.decisions.rules
  const byId = new Map(rules.map((rule) => [rule.id, rule]))
  const failed = (id: string) => {
    const found = engine.status().quarantined.find((each) => each.id === id)
    return found ? { code: found.code, detail: found.detail, at: found.at } : null
  }
  const alerts = (id: string) => desk.open().filter(({ ruleId }) => ruleId === id).map(({ id: alert, severity, condition, raisedAt }) => ({ id: alert, severity, condition, raisedAt }))
  return {
    list: () => rules.map((rule) => ({ id: rule.id, kind: kindOfRule(rule, configs), watches: rule.watches.length, alerts: alerts(rule.id), failed: failed(rule.id) })),
    explain(id) {
      const rule = byId.get(id)
      if (!rule) return null
      const set = failed(id)
      // What a rule that threw has in mind is not to be relied upon.
      return { ...(set ? { id, kind: kindOfRule(rule, configs), at: clock.now() } : explainRule(rule, configs, clock.now(), (point) => live.read(point))), alerts: alerts(id), failed: set }
    },
  }
}
