import type { Clock, NotifyPeople } from '../contract/index.ts'
import type { Logger } from '../kit/index.ts'
import { noBatch, type Batch } from '../consequences.ts'
import { Buckets } from './bucket.ts'

export interface NoticeParts { readonly clock: Clock; readonly log: Logger; newId(): string }

/** Of one rule: people stop reading what comes all the time. */
const rate = { burst: 10, everyMs: 10_000 }

/** A message that is no alert: one event of the alert stream that names its channels, and needs no answer. */
export class RuleNotices {
  readonly counters = { notices: 0, withheld: 0 }
  readonly #parts: NoticeParts
  readonly #buckets: Buckets

  constructor(parts: NoticeParts) { this.#parts = parts; this.#buckets = new Buckets(parts.clock, rate) }

  take({ ruleId, at, channels, text }: NotifyPeople): Batch {
    const refused = this.#buckets.take(ruleId)
    if (refused > 0) {
      this.counters.withheld++
      if (refused === 1) this.#parts.log.warn({ code: 'NOTICE_RATE', rule: ruleId }, `rule "${ruleId}" notifies more than six times a minute; what is beyond is left out`)
      return noBatch
    }
    this.counters.notices++
    const id = this.#parts.newId()
    const data = { id, key: `notice/${ruleId}`, rule: ruleId, severity: 4, title: { ...text }, state: 'notice', phase: 'closed', condition: 'momentary', count: 1, raisedAt: at, notify: [...channels] }
    return { events: [{ stream: 'alert', type: 'alert', at, subject: id, data }], state: [] }
  }
}
