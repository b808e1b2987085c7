interface Entry { stored: boolean; readonly waiting: ((error: null) => void)[] }

const keptPacketIds = 1_000

/** Law 13: QoS 2 settles once per packet id. aedes asks for a repeat again before it knows it as one. */
export class ExactlyOnce {
  readonly #clients = new Map<string, Map<number, Entry>>()

  /** What to call when it is stored; null for a repeat: it is answered with the first, or at once when that is stored. */
  settle(clientId: string, { messageId = 0, dup }: { readonly messageId?: number | undefined; readonly dup: boolean }, done: (error: null) => void): (() => void) | null {
    let ids = this.#clients.get(clientId)
    if (!ids) this.#clients.set(clientId, ids = new Map())
    const known = dup ? ids.get(messageId) : undefined
    if (known?.stored) { done(null); return null }
    if (known) { known.waiting.push(done); return null }
    const entry: Entry = { stored: false, waiting: [done] }
    ids.set(messageId, entry)
    if (ids.size > keptPacketIds) ids.delete(ids.keys().next().value!)
    return () => { entry.stored = true; for (const waiting of entry.waiting.splice(0)) waiting(null) }
  }

  forget(clientId: string): void { this.#clients.delete(clientId) }
}
