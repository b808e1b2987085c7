import { streams, type Clock, type TimeQuality } from '../../gateway/contract/index.ts'
import { codeOf, describe, UplinkError, type Logger } from '../../gateway/kit/index.ts'
import { readCredentials } from '../credentials.ts'
import { Link } from '../link.ts'
import type { UplinkConfig } from '../schema.ts'
import { topicsOf } from '../topics.ts'

/** What is proven, in this order. `subscribed` comes once for each topic that the uplink listens to, and not at all where it listens to none. */
export type TrialStep = 'connected' | 'published' | 'subscribed'

export interface Trial {
  readonly config: UplinkConfig
  readonly gateway: string
  readonly region: string
  readonly version: string
  readonly clock: Clock
  readonly log: Logger
  timeQuality(): TimeQuality
  /** False where the gateway itself is online over this uplink: its own receipts prove it, and the city would take our status for its. */
  readonly publishes?: boolean
  /** `topic`: on which it was proven; empty for the connection. */
  done?(step: TrialStep, topic: string): void
}

/** Of a gateway that has not run yet. */
const noEpoch = '00000000-00000000'
const answerWithinMs = 10_000

/**
 * Does with the broker what the gateway will do: connects, publishes and waits for the receipt, and subscribes to what it listens to. What is
 * published is one status that says offline, not retained and without a will: on a topic that every broker must let the gateway write, and true of
 * one that does not run. Under a client id of its own, so that a running gateway stays connected. Throws UplinkError: UPLINK_* of the connection,
 * UPLINK_PUBLISH_REFUSED, UPLINK_NO_RECEIPT, UPLINK_SUBSCRIBE_REFUSED. A broker of MQTT 3.1.1 cannot refuse a publish: there a receipt does not prove that it was taken.
 */
export async function tryConnection(trial: Trial, signal: AbortSignal): Promise<void> {
  const { config, gateway, region, clock, log, timeQuality, publishes = true, done = () => {} } = trial
  const { status } = topicsOf(config.prefix, region, gateway)
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  const link = await Link.open({
    config, credentials: await readCredentials(config), clientId: `${config.clientId ?? `linli-${gateway}-${config.id}`}-trial`, protocol: config.protocol === '3.1.1' ? 4 : 5, sessionExpiryMs: 0, will: null,
    clock, log, timeQuality, opened: () => {}, onLost: (error) => lost.reject(error),
  }, signal)
  try {
    done('connected', '')
    if (publishes) {
      await published(trial, link, status, lost.promise)
      done('published', status)
    }
    for (const topic of listenedTo(trial)) {
      await subscribed(trial, link, topic, lost.promise)
      done('subscribed', topic)
    }
  } finally { await link.close(true) }
}

/** What the gateway subscribes to over this uplink, by what its entry in the site file says. */
export function listenedTo({ config, gateway, region }: Pick<Trial, 'config' | 'gateway' | 'region'>): readonly string[] {
  const { commands, desired, ack } = topicsOf(config.prefix, region, gateway)
  return [...(config.commands ? [commands] : []), ...(config.configuration ? [desired] : []), ...(config.confirm ? [ack] : [])]
}

function statusOf({ config, gateway, version, clock, timeQuality }: Trial): string {
  return JSON.stringify({ gateway, uplink: config.id, streams: config.streams ?? streams, state: 'offline', epoch: noEpoch, version, timeQuality: timeQuality(), at: clock.now() })
}

const nameOf = ({ config }: Trial): string => `uplink ${config.id} (${config.url})`

async function published(trial: Trial, link: Link, topic: string, lost: Promise<never>): Promise<void> {
  const answer = await answered<number | null>(trial, lost, (tell) => link.publish(topic, Buffer.from(statusOf(trial)), { contentType: 'application/json' }, tell))
  if ('silent' in answer) throw new UplinkError('UPLINK_NO_RECEIPT', `${nameOf(trial)}: the broker let the gateway in and ${answer.silent} when it published on ${topic}; ask its people whether ${trial.gateway} may write that topic`, { retriable: true, cause: answer.cause })
  if (answer.told !== null) throw new UplinkError('UPLINK_PUBLISH_REFUSED', `${nameOf(trial)}: the broker let the gateway in and refuses what it publishes on ${topic} (0x${answer.told.toString(16)}); its access rules must let ${trial.gateway} write that topic`)
}

async function subscribed(trial: Trial, link: Link, topic: string, lost: Promise<never>): Promise<void> {
  const answer = await answered<Error | null>(trial, lost, (tell) => { link.subscribe(topic, () => {}, tell) })
  if ('told' in answer && answer.told === null) return
  const what = 'told' in answer ? `refuses the subscription (${describe(answer.told)})` : answer.silent
  throw new UplinkError('UPLINK_SUBSCRIBE_REFUSED', `${nameOf(trial)}: it publishes and gets its receipts, and the broker ${what} to ${topic}; its access rules must let ${trial.gateway} read that topic, or nothing will be heard from it`, { cause: 'told' in answer ? answer.told : answer.cause })
}

type Answer<T> = { readonly told: T } | { readonly silent: string; readonly cause?: unknown }

/** Some brokers answer what they do not allow by closing, or not at all. */
async function answered<T>({ clock }: Trial, lost: Promise<never>, ask: (tell: (answer: T) => void) => void): Promise<Answer<T>> {
  let patience = (): void => {}
  const waited = new Promise<Answer<T>>((resolve) => {
    patience = clock.after(answerWithinMs, () => resolve({ silent: 'does not answer' }))
    ask((told) => resolve({ told }))
  })
  try {
    return await Promise.race([waited, lost.catch((cause: unknown): Answer<T> => ({ silent: `closes the connection (${codeOf(cause)})`, cause }))])
  } finally { patience() }
}
