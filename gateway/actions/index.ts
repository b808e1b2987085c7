import type { Json } from '../contract/index.ts'
import { noBatch, type Action, type Actions, type Batch } from '../consequences.ts'
import { RuleNotices } from './notices.ts'
import { RulePublishing, type PublishParts } from './publishing.ts'
import { RuleWrites, type WriteParts } from './writes.ts'

export type { LocalBus } from './publishing.ts'
export { writeState } from './writes.ts'

export type ActionParts = WriteParts & PublishParts

/** Carries out what rules decide beyond alerts. */
export class ActionRunner implements Actions, AsyncDisposable {
  readonly #writes: RuleWrites
  readonly #publishing: RulePublishing
  readonly #notices: RuleNotices

  constructor(parts: ActionParts) {
    this.#writes = new RuleWrites(parts)
    this.#publishing = new RulePublishing(parts)
    this.#notices = new RuleNotices(parts)
  }

  take(action: Action): Batch {
    switch (action.kind) {
      case 'write': return this.#writes.take(action)
      case 'notify': return this.#notices.take(action)
      case 'publish': { this.#publishing.take(action); return noBatch }
    }
  }

  /** From `StateStore.entries('write/')`. */
  restore(entries: readonly (readonly [string, Json])[]): Promise<void> { return this.#writes.restore(entries) }

  /** For `linli status`. */
  statistics() { return { ...this.#writes.counters, ...this.#publishing.counters, ...this.#notices.counters, underWay: this.#writes.underWay } }

  [Symbol.asyncDispose](): Promise<void> { return this.#writes[Symbol.asyncDispose]() }
}
