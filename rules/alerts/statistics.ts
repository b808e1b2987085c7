import type { EpochMs } from '../../gateway/contract/index.ts'
import type { AlertRecord } from './record.ts'

/** Figures of one rule. Mean times in ms, null where nothing was acknowledged or resolved. */
export interface RuleFigures { readonly rule: string; readonly alerts: number; readonly raised: number; readonly acknowledgeMs: number | null; readonly resolveMs: number | null }

/** In the manner of ISA-18.2: how many alarms a ten minutes there were, what raises most, how fast people answer. */
export interface AlertStatistics {
  /** The time that is looked at: alerts that are kept and began in it. */
  readonly from: EpochMs
  readonly to: EpochMs
  readonly rules: readonly RuleFigures[]
  /** The ten that raise most, with their share of all raises, 0..1. */
  readonly badActors: readonly { readonly rule: string; readonly raised: number; readonly share: number }[]
  /** Of ten-minute intervals: mean and highest number of raises, and the share of intervals (0..1) with more than ten. */
  readonly per10Min: { readonly mean: number; readonly peak: number; readonly inFlood: number }
  readonly standing: number
  readonly chattering: number
}

const slotMs = 600_000
const dayMs = 86_400_000

export function statistics(records: Iterable<AlertRecord>, from: EpochMs, to: EpochMs): AlertStatistics {
  const kept = [...records].filter(({ raisedAt, life }) => raisedAt >= from && raisedAt < to && life.subject.mode === undefined)
  const byRule = Map.groupBy(kept, ({ ruleId }) => ruleId)
  const rules = [...byRule].map(([rule, list]): RuleFigures => ({
    rule, alerts: list.length, raised: sum(list.map(({ life }) => life.count)),
    acknowledgeMs: mean(list.flatMap(({ raisedAt, life }) => (life.acknowledged ? [life.acknowledged.at - raisedAt] : []))),
    resolveMs: mean(list.flatMap(({ raisedAt, life }) => (life.resolved ? [life.resolved.at - raisedAt] : []))),
  })).toSorted((a, b) => b.raised - a.raised || (a.rule < b.rule ? -1 : 1))
  const all = sum(rules.map(({ raised }) => raised))
  const slots = new Map<number, number>()
  for (const at of kept.flatMap(raisesOf)) slots.set(Math.floor(at / slotMs), (slots.get(Math.floor(at / slotMs)) ?? 0) + 1)
  const intervals = Math.max(1, Math.ceil((to - from) / slotMs))
  const open = kept.filter(({ life }) => life.state === 'raised' || life.state === 'acknowledged')
  return {
    from, to, rules,
    badActors: rules.slice(0, 10).map(({ rule, raised }) => ({ rule, raised, share: all === 0 ? 0 : raised / all })),
    per10Min: { mean: sum([...slots.values()]) / intervals, peak: Math.max(0, ...slots.values()), inFlood: [...slots.values()].filter((count) => count > 10).length / intervals },
    standing: open.filter(({ life }) => isStanding(life, to)).length,
    chattering: open.filter(({ life }) => life.chattering).length,
  }
}

export const isStanding = (life: AlertRecord['life'], now: EpochMs): boolean => life.condition === 'active' && now - life.lastRaisedAt > dayMs

/** When it was raised, as far as the timeline remembers one by one. */
export const raisesOf = ({ raisedAt, lines, entries }: AlertRecord): readonly EpochMs[] => {
  const times = [...lines.flatMap(({ what, at }) => (what === 'raised' ? [at] : [])), ...entries.flatMap((entry) => (entry.kind === 'raise' ? [entry.at] : []))]
  return times.length > 0 ? times : [raisedAt]
}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
const mean = (numbers: readonly number[]): number | null => (numbers.length === 0 ? null : sum(numbers) / numbers.length)
