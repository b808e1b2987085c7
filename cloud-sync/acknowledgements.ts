import type { Position, Stream } from '../gateway/contract/index.ts'
import { codeOf, describe, type Logger } from '../gateway/kit/index.ts'
import { parseConfirmation, type Confirmations } from './confirmations.ts'
import type { Drain } from './drain.ts'
import type { CityLink } from './link.ts'
import type { UplinkConditions } from './uplink-conditions.ts'

export interface AcknowledgementParts {
  readonly confirmations: Confirmations
  readonly conditions: UplinkConditions
  readonly log: Logger
  settle(stream: Stream, records: readonly Position[]): void
}

/** The platform's own word for what it has, over one uplink's connections. The topic's access list says who may give it; here, what it may say. */
export class Acknowledgements {
  readonly #parts: AcknowledgementParts

  constructor(parts: AcknowledgementParts) { this.#parts = parts }

  listen(link: CityLink, topic: string): void { link.subscribe(topic, ({ payload, retain }) => this.#hear(payload, retain)) }

  /** Called now and then: what is unconfirmed for too long goes out again. */
  reconsider(drain: Drain): void {
    for (const stream of this.#parts.confirmations.due()) drain.rewind(stream)
    this.#tell()
  }

  #hear(payload: Uint8Array, retained: boolean): void {
    const { confirmations, settle, log } = this.#parts
    try {
      // A retained word is an old one, and would be said again at every connection.
      if (retained) confirmations.counters.ignored++
      else {
        const confirmation = parseConfirmation(payload)
        settle(confirmation.stream, confirmations.confirm(confirmation))
      }
    } catch (error) {
      confirmations.counters.ignored++
      log.debug({ code: codeOf(error) }, describe(error))
    }
    this.#tell()
  }

  #tell(): void {
    const { conditions, confirmations } = this.#parts
    conditions.unconfirmed(confirmations.silentMs, confirmations.waiting)
  }
}
