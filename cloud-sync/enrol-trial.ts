import type { Clock, TimeQuality } from '../gateway/contract/index.ts'
import { UplinkError, type Logger } from '../gateway/kit/index.ts'
import { readCredentials } from './credentials.ts'
import { Link } from './link.ts'
import type { UplinkConfig } from './schema.ts'
import { topicsOf } from './topics.ts'

export interface Trial {
  readonly config: UplinkConfig
  readonly gateway: string
  readonly region: string
  readonly version: string
  readonly clock: Clock
  readonly log: Logger
  timeQuality(): TimeQuality
  /** Connected and let in; a publish follows. */
  connected?(): void
}

/** Of a gateway that has not run yet. */
const noEpoch = '00000000-00000000'
const answerWithinMs = 10_000

/**
 * Connects to the broker as the gateway will, and publishes one status that says offline, not retained: on a topic that every broker must let the
 * gateway write, and of no consequence. Under a client id of its own, so that a running gateway stays connected. Throws UplinkError UPLINK_*.
 */
export async function tryConnection({ config, gateway, region, version, clock, log, timeQuality, connected }: Trial, signal: AbortSignal): Promise<void> {
  const { status } = topicsOf(config.prefix, region, gateway)
  const streams = config.streams ?? ['alert', 'event', 'ledger', 'telemetry']
  const payload = JSON.stringify({ gateway, uplink: config.id, streams, state: 'offline', epoch: noEpoch, version, timeQuality: timeQuality(), at: clock.now() })
  const where = `uplink ${config.id} (${config.url})`
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  const protocol = config.protocol === '3.1.1' ? 4 : 5
  const link = await Link.open({
    config, credentials: await readCredentials(config), clientId: `${config.clientId ?? `linli-${gateway}-${config.id}`}-trial`, protocol, sessionExpiryMs: 0, will: { topic: status, payload },
    clock, log, timeQuality, opened: () => {}, onLost: (error) => lost.reject(error),
  }, signal)
  let patience = (): void => {}
  try {
    connected?.()
    const answer = await Promise.race([lost.promise, new Promise<number | null | undefined>((resolve) => {
      patience = clock.after(answerWithinMs, () => resolve(undefined))
      link.publish(status, Buffer.from(payload), { contentType: 'application/json' }, resolve)
    })])
    if (answer === undefined) throw new UplinkError('UPLINK_SILENT', `${where}: the broker let the gateway in and acknowledges nothing; ask its people whether ${status} may be written`, { retriable: true })
    if (answer !== null) throw new UplinkError('UPLINK_REFUSED', `${where}: the broker let the gateway in and refuses what it publishes on ${status} (0x${answer.toString(16)}); its access rules must allow that topic to this certificate`)
  } finally { patience(); await link.close(true) }
}
