import type { Clock, GatewayConditions, PublishLocally } from '../contract/index.ts'
import { codeOf, DataError, describe, type Logger } from '../kit/index.ts'
import { Buckets } from './bucket.ts'

/** Whoever listens in the building. */
export interface LocalBus {
  /** Throws DriverError PUBLISH_NO_BUS, or the driver's own. */
  publish(topic: string, payload: string, signal: AbortSignal): Promise<void>
}

export interface PublishParts { readonly clock: Clock; readonly log: Logger; readonly bus: LocalBus; readonly conditions: GatewayConditions }

/** Nobody but the gateway may publish there. */
const below = 'linli/rules/'
/** Of one rule. */
const rate = { burst: 50, everyMs: 100 }
const maxInAir = 256
const maxBytes = 64 << 10
const maxTopic = 200
const publishMs = 5_000
const condition = 'publish/failed'

/** What rules tell the building. At most once, not retained; what cannot be sent now is counted and let go. */
export class RulePublishing {
  readonly counters = { published: 0, unpublished: 0 }
  readonly #parts: PublishParts
  readonly #buckets: Buckets
  #inAir = 0
  #failing = false

  constructor(parts: PublishParts) { this.#parts = parts; this.#buckets = new Buckets(parts.clock, rate) }

  /** Never throws, waits for nothing. */
  take(effect: PublishLocally): void {
    const { ruleId } = effect
    this.#publish(effect).then(() => {
      this.counters.published++
      if (this.#failing) this.#parts.conditions.clear(condition)
      this.#failing = false
    }, (error: unknown) => {
      this.counters.unpublished++
      const code = codeOf(error)
      if (this.#failing) return
      this.#failing = true
      this.#parts.log.warn({ code, rule: ruleId }, describe(error))
      this.#parts.conditions.raise({ key: condition, severity: 4, title: { zh: '规则消息未能在本地发布', en: 'what rules tell the building cannot be published' }, data: { by: ruleId, code, detail: describe(error).slice(0, 300) } })
    })
  }

  async #publish({ ruleId, topic, payload }: PublishLocally): Promise<void> {
    if (!isTopic(topic)) throw new DataError('PUBLISH_TOPIC', `rule "${ruleId}" publishes on ${JSON.stringify(topic.slice(0, maxTopic))}, which is no topic: levels with / between them, without + and #, at most ${maxTopic} characters`)
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    if (text.length > maxBytes) throw new DataError('PUBLISH_TOO_LARGE', `rule "${ruleId}" publishes ${text.length} characters on ${topic}; at most ${maxBytes} are sent`)
    if (this.#buckets.take(ruleId) > 0 || this.#inAir >= maxInAir) throw new DataError('PUBLISH_RATE', `rule "${ruleId}" publishes more than 10 messages a second on ${topic}; what is beyond is left out`)
    const { bus, clock } = this.#parts
    const limit = new AbortController()
    const cancel = clock.after(publishMs, () => limit.abort())
    this.#inAir++
    try { await bus.publish(`${below}${topic}`, text, limit.signal) } finally { this.#inAir--; cancel() }
  }
}

const isTopic = (topic: string): boolean => topic.length <= maxTopic && /^[^+#\0/]+(\/[^+#\0/]+)*$/.test(topic)
