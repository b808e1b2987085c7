import type { EpochMs, Json, JsonObject, Reading, Rule } from '../gateway/contract/index.ts'
import { canExplain } from './index.ts'
import type { RuleConfig, ThresholdConfig } from './schema.ts'

/** What kind of rule it is, for people. */
export function kindOfRule(rule: Rule, configs: readonly RuleConfig[]): string {
  if (canExplain(rule)) return configs.some(({ id, kind }) => kind === 'library' && (rule.id === id || rule.id.startsWith(`${id}-`))) ? 'library' : 'condition'
  const [room, ...rest] = rule.id.split('/')
  if (rest.length > 0) return room!
  return configs.some(({ id, kind }) => id === rule.id && kind === 'threshold') ? 'threshold' : rule.id === 'residents' ? 'residents' : 'scene'
}

/**
 * Why a rule says what it says, as of `now`; asking changes nothing. Conditions and thresholds tell `outcome`, `raised`, `dueAt`, `when` and
 * `inputs`; the others their `state`. `read` gives the newest reading of a point.
 */
export function explainRule(rule: Rule, configs: readonly RuleConfig[], now: EpochMs, read: (point: string) => Reading | undefined): JsonObject {
  const kind = kindOfRule(rule, configs)
  if (canExplain(rule)) {
    const { id: _, kind: __, ...told } = rule.explain(now)
    return { id: rule.id, kind, ...holdsOf(configs, rule.id), ...told }
  }
  const config = configs.find((entry): entry is ThresholdConfig => entry.id === rule.id && entry.kind === 'threshold')
  if (config) return explainThreshold(config, rule.state(), now, read(config.point))
  return { id: rule.id, kind, at: now, state: rule.state(), inputs: Object.fromEntries(rule.watches.map((point) => [point, inputOf(point, read(point))])) }
}

/** How long it has to hold, where the site file says so itself. */
function holdsOf(configs: readonly RuleConfig[], id: string): JsonObject {
  const config = configs.find((entry) => entry.id === id)
  return config?.kind === 'condition' ? { forMs: config.for, clearForMs: config.clearFor } : {}
}

function explainThreshold({ id, point, above, below, equals, hysteresis, for: forMs }: ThresholdConfig, state: Json, now: EpochMs, reading: Reading | undefined): JsonObject {
  const { since = null, raised = false } = (state ?? {}) as { since?: number | null; raised?: boolean }
  const value = reading && reading.quality !== 'bad' ? reading.value : null
  const [sign, limit] = above !== undefined ? ['>', above] : below !== undefined ? ['<', below] : ['==', equals!]
  const back = above !== undefined ? `${point} <= ${above - hysteresis}` : below !== undefined ? `${point} >= ${below + hysteresis}` : null
  const number = typeof value === 'number' ? value : null
  const known = (told: boolean): boolean | null => (value === null ? null : told)
  const holds = known(above !== undefined ? number !== null && number > above : below !== undefined ? number !== null && number < below : value === equals!)
  const isOver = known(above !== undefined ? number !== null && number <= above - hysteresis : number !== null && number >= below! + hysteresis)
  const part = (text: string, inner: Json, parts: readonly Json[]): Json => ({ text, offset: 0, value: inner, unknown: inner === null, parts })
  return {
    id, kind: 'threshold', at: now, forMs, outcome: holds, raised, dueAt: since !== null && !raised ? since + forMs : null, unknownSince: null, during: null,
    when: part(`${point} ${sign} ${JSON.stringify(limit)}`, holds, [part(point, value, [])]), clear: back === null ? null : part(back, isOver, []),
    inputs: { [point]: inputOf(point, reading) },
  }
}

function inputOf(point: string, reading: Reading | undefined): Json {
  return { point, value: reading?.value ?? null, seen: reading !== undefined, bad: reading?.quality === 'bad', changedAt: null, heardAt: reading?.at ?? null }
}
