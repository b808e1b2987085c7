import type { Alert, AlertDesk, EpochMs, Label } from '../contract/index.ts'
import type { Target } from './targets.ts'

export interface Repair { readonly id: string; readonly title: Label }

const longAgoMs = 14 * 86_400_000
const most = 8
/** The house's own trouble, and what should not hang at a wall: who broke in where, who rated whom. */
const untold = /^(gateway|test|rule|door|doors|rating|channel)\//

/** What people of the house have repaired here lately and nobody has rated yet, the last first. */
export function repairsAt(desk: Pick<AlertDesk, 'open' | 'closed'>, { device, place, key }: Target, now: EpochMs): readonly Repair[] {
  const here = (alert: Alert): boolean => (key.startsWith('place/') ? alert.place === place : alert.deviceId === device)
  const isRepair = ({ resolved, evaluated, mode, key, ruleId, state }: Alert): boolean =>
    (state === 'resolved' || state === 'closed') && mode === undefined && !untold.test(key) && ruleId !== 'gateway' && ruleId !== 'test'
    && resolved !== undefined && resolved.by !== 'gateway' && now - resolved.at < longAgoMs && (evaluated?.at ?? -1) < resolved.at
  return [...desk.open(), ...desk.closed()].filter((alert) => here(alert) && isRepair(alert)).toSorted((a, b) => b.resolved!.at - a.resolved!.at).slice(0, most).map(({ id, title }) => ({ id, title }))
}
