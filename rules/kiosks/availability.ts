import type { EpochMs } from '../../gateway/contract/index.ts'
import type { Schedule } from '../hours.ts'

/** `unknown`: nothing is known, as while the gateway was off. It is neither up nor down. */
export const conditions = ['available', 'degraded', 'down', 'unknown', 'outside'] as const
export type Condition = (typeof conditions)[number]
/** Milliseconds of one hour in each condition. */
export type HourSum = Readonly<Record<Condition, number>>
export interface Hour { readonly from: EpochMs; readonly to: EpochMs; readonly ms: HourSum }

export const noSum: HourSum = { available: 0, degraded: 0, down: 0, unknown: 0, outside: 0 }
const hourMs = 3_600_000
/** Of a longer gap only the last hours are told. */
const maxGapMs = 48 * hourMs

export interface Account { readonly until: EpochMs; readonly from: EpochMs; readonly ms: HourSum }

/** The hour of the site's clock that holds the moment. */
export const hourOf = (at: EpochMs, offset: (at: EpochMs) => number): EpochMs => Math.floor((at + offset(at)) / hourMs) * hourMs - offset(at)
export const openAccount = (at: EpochMs, offset: (at: EpochMs) => number): Account => ({ until: at, from: hourOf(at, offset), ms: noSum })

/**
 * Counts the time from `until` to `now` as `condition`, outside service hours as outside, and closes hours that are over. A clock that
 * was set back counts nothing twice; an hour that it left behind is closed as it stands.
 */
export function accountFor(account: Account, now: EpochMs, condition: Exclude<Condition, 'outside'>, hours: Schedule | undefined, offset: (at: EpochMs) => number): { readonly account: Account; readonly closed: readonly Hour[] } {
  const closed: Hour[] = []
  const close = ({ from, ms }: Account): void => { if (conditions.some((each) => ms[each] > 0)) closed.push({ from, to: from + hourMs, ms }) }
  let current = account
  if (now < current.from) { close(current); current = openAccount(now, offset) }
  if (now - current.until > maxGapMs) { close(current); current = openAccount(hourOf(now - maxGapMs, offset), offset) }
  while (current.until < now) {
    const hourEnd = current.from + hourMs
    const open = hours?.isOpen(current.until) ?? true
    const change = hours?.nextChange(current.until) ?? Infinity
    const to = Math.min(now, hourEnd, change)
    const counted = open ? condition : 'outside'
    current = { ...current, until: to, ms: { ...current.ms, [counted]: current.ms[counted] + to - current.until } }
    if (to === hourEnd) { close(current); current = openAccount(to, offset) }
  }
  return { account: current, closed }
}
