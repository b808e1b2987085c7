import type { EpochMs } from './values.ts'

/** One channel to people, as `linli status` and `linli notify list` show it. */
export interface ChannelStatus {
  readonly id: string
  readonly kind: string
  /** `failing`: the last attempt did not get through. */
  readonly state: 'idle' | 'sending' | 'waiting' | 'failing' | 'stopped'
  /** Messages that got through, and events they told of. */
  readonly sent: number
  readonly delivered: number
  /** Events given up: too old, or refused for good. */
  readonly undelivered: number
  /** Events that wait, as far as they were read from the journal. */
  readonly waiting: number
  readonly lastSentAt?: EpochMs
  /** Of the last attempt, while that one failed: a code of docs/errors.md. */
  readonly lastError?: string
  readonly lastErrorDetail?: string
}

/** How one trial message went. */
export type ChannelTrial =
  | { readonly channel: string; readonly ok: true; readonly ms: number }
  | { readonly channel: string; readonly ok: false; readonly code: string; readonly detail: string }

/** The ways to people of a running gateway. */
export interface Channels {
  status(): readonly ChannelStatus[]
  /** Sends one message marked TEST, past the queue. Throws ConfigError NOTIFY_CHANNEL_UNKNOWN. */
  test(id: string, signal: AbortSignal): Promise<ChannelTrial>
}
