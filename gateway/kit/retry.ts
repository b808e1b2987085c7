import type { Random } from '../contract/index.ts'

export interface Backoff { readonly baseMs: number; readonly capMs: number; readonly factor: number; /** 0..1, share of the delay. */ readonly jitter: number }

export const defaultBackoff: Backoff = { baseMs: 500, capMs: 60_000, factor: 2, jitter: 0.3 }

/**
 * Delay before try `attempt` (0 = first retry). Jitter comes after the cap, so that those at the cap do not retry in step.
 * Result lies in [delay × (1 − jitter), delay × (1 + jitter)].
 */
export function backoffMs(backoff: Backoff, attempt: number, random: Random): number {
  const delay = Math.min(backoff.capMs, backoff.baseMs * backoff.factor ** Math.min(attempt, 50))
  return Math.round(delay * (1 - backoff.jitter + 2 * backoff.jitter * random()))
}
