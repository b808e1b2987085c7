import type { Clock, SecretRef } from '../../gateway/contract/index.ts'
import type { Message, Surroundings } from './message.ts'

/** The last yard of a channel: knows one protocol and nothing of queues. */
export interface Sender {
  /** Resolves when the peer has taken it. Throws NotifyError; anything else is a mistake of ours. */
  send(message: Message, signal: AbortSignal): Promise<void>
}

export interface SenderPorts {
  readonly clock: Clock
  readonly around: Surroundings
  /** Throws ConfigError CONFIG_SECRET_MISSING. Asked for each message: a secret may be changed under a running gateway. */
  readSecret(ref: SecretRef): Promise<string>
  /** Through the driver of a connection of this site. Throws DriverError. Absent where no gateway runs. */
  publish?(connectionId: string, topic: string, payload: string, signal: AbortSignal): Promise<void>
}
