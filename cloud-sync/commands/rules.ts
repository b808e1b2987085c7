import type { CommandRequest, CommandResult, EpochMs, PointConfig, TimeQuality } from '../../gateway/contract/index.ts'
import { keptMs } from './book.ts'

export interface Refusal { readonly state: 'rejected' | 'expired' | 'failed'; readonly code: string; readonly detail: string }
export type Outcome = Omit<CommandResult, 'id' | 'at'>

/** How far a city's clock may run ahead of ours. */
const aheadMs = 5 * 60_000

/** Why a request is not carried out; null when it may be. Pure. */
export function judge(request: CommandRequest, point: PointConfig | undefined, now: EpochMs, quality: TimeQuality): Refusal | null {
  const rejected = (code: string, detail: string): Refusal => ({ state: 'rejected', code, detail })
  if (!point) return rejected('POINT_UNKNOWN', `no point "${request.point}"; the model lists them`)
  if (!point.cityWrite) return rejected('COMMAND_NOT_ALLOWED', `${point.id} may not be commanded from outside; set "cityWrite: true" on the point if it may`)
  if (!point.writable) return rejected('POINT_NOT_WRITABLE', `${point.id} is read-only; set "writable: true" if the device allows writes`)
  return judgeValue(request, point) ?? judgeTime(request, now, quality)
}

function judgeValue({ value }: CommandRequest, { id, type, min, max, unit }: PointConfig): Refusal | null {
  const rejected = (detail: string): Refusal => ({ state: 'rejected', code: 'COMMAND_VALUE', detail })
  if (typeof value !== type) return rejected(`${id} is a ${type}; the request has a ${typeof value}`)
  if (typeof value === 'number' && ((min !== undefined && value < min) || (max !== undefined && value > max))) return rejected(`${id} takes ${min ?? '−∞'} to ${max ?? '∞'}${unit && unit !== '1' ? ` ${unit}` : ''}; the request has ${value}`)
  return null
}

/** Asked on arrival, and again right before the write. */
export function judgeTime({ issuedAt, expiresAt }: Pick<CommandRequest, 'issuedAt' | 'expiresAt'>, now: EpochMs, quality: TimeQuality): Refusal | null {
  if (quality === 'unsynced') {
    return expiresAt === undefined ? null : { state: 'rejected', code: 'CLOCK_UNSYNCED', detail: 'the gateway does not know the time yet, so it cannot tell whether the command has expired; check its time server, or send it without expiresat' }
  }
  if (expiresAt !== undefined && now >= expiresAt) return { state: 'expired', code: 'COMMAND_EXPIRED', detail: `expired ${seconds(now - expiresAt)} before it could be carried out; nothing was done` }
  // A repeat of one this old could no longer be told from a new one.
  if (now - issuedAt >= keptMs) return { state: 'expired', code: 'COMMAND_EXPIRED', detail: 'issued more than 24 hours ago; nothing was done' }
  if (issuedAt - now > aheadMs) return { state: 'rejected', code: 'COMMAND_TIME', detail: `issued ${seconds(issuedAt - now)} in the future; check the clocks of platform and gateway` }
  return null
}

export const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`
