import type { EpochMs, PointId, Value } from './values.ts'

/** `expired` and `rejected` mean that nothing was written. `failed` says in its code whether the outcome is known. */
export const commandStates = ['accepted', 'running', 'done', 'failed', 'expired', 'rejected'] as const
export type CommandState = (typeof commandStates)[number]

/** What somebody outside wants done: one point, one value. */
export interface CommandRequest {
  readonly id: string
  /** Carried out at most once; a repeat is answered with the first result. */
  readonly idempotencyKey: string
  readonly actor: string
  readonly issuedAt: EpochMs
  readonly expiresAt?: EpochMs
  readonly point: PointId
  /** In the point's unit. */
  readonly value: Value
}

/** The answer on `cmd/res` and the data of the `command` event. A type and not an interface, so that it is JSON. */
export type CommandResult = {
  /** Of the request that is answered; null where it could not be read. */
  readonly id: string | null
  readonly state: CommandState
  readonly at: EpochMs
  readonly idempotencykey?: string
  readonly actor?: string
  readonly point?: PointId
  readonly value?: Value
  /** Of a request that does something with an alert, in place of point and value; `phase`: how it stands, `first`: who had done it before. */
  readonly alert?: string
  readonly act?: string
  readonly phase?: string
  readonly first?: { readonly by: string; readonly at: EpochMs }
  /** Error code of docs/errors.md and a sentence, unless accepted, running or done. */
  readonly code?: string
  readonly detail?: string
  /** What the contact said: it changed as it should, or was so before. Absent where the point names no contact. Of an alert: `already`. */
  readonly effect?: 'confirmed' | 'already'
}

/** The physical answer to a write: which point must become what, how soon. */
export interface EffectConfig {
  readonly point: PointId
  readonly equals: Value
  readonly withinMs: number
  /** Only writes of this value have the effect; absent: every write. */
  readonly when?: Value
}
