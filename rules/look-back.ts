import type { Facility } from '../gateway/contract/index.ts'
import { durationMs } from './expression/parse.ts'
import { expand } from './library/expand.ts'
import type { RuleDecisions } from './index.ts'

/** Values are told again when they did not change, seldom less than this often. */
const leastMs = 3_600_000
const durations = /(?<![\w.])(?:\d+(?:ms|[smhd]))+(?!\w)/g

/** How much of the past, in milliseconds, rules have to have seen before they say what they would have said had they always run. */
export function lookBackMs({ rules, scenes }: Pick<RuleDecisions, 'rules' | 'scenes'>, facility: Pick<Facility, 'points' | 'devices'>): number {
  const conditions = rules.flatMap((rule) => (rule.kind === 'condition' ? [rule] : rule.kind === 'library' ? expand(rule, facility).rules : []))
  const spans = conditions.map((rule) => longestIn(JSON.stringify([rule.when, rule.clear, rule.then, rule.otherwise])) + Math.max(rule.for, rule.clearFor))
  const waits = rules.flatMap((rule) => (rule.kind === 'threshold' ? [rule.for] : []))
  return Math.max(leastMs, ...spans, ...waits, ...scenes.map((scene) => scene.steps.reduce((sum, step) => sum + ('wait' in step ? step.wait : 0), longestIn(JSON.stringify(scene.steps)))))
}

const longestIn = (text: string): number => Math.max(0, ...[...text.matchAll(durations)].map(([found]) => durationMs(found) ?? 0))
