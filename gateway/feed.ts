import type { GatewayEvent, Reading } from './contract/index.ts'

export type FeedItem = { readonly kind: 'reading'; readonly reading: Reading } | { readonly kind: 'event'; readonly event: GatewayEvent }
export type FeedListener = (item: FeedItem) => void

/** What the live page and `linli tail` watch. It runs ahead of the fsync (law 1) and keeps nothing: a slow listener misses items. */
export class Feed {
  readonly #listeners = new Set<FeedListener>()
  get watched(): boolean { return this.#listeners.size > 0 }
  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  publish(item: FeedItem): void { for (const listener of this.#listeners) listener(item) }
}
