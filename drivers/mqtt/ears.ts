import type { Overheard } from '../../gateway/contract/index.ts'
import { isAnnouncement } from './announcements.ts'

/** Announcements come once, when a device connects: the last of each is kept for who asks later. */
const mostKept = 200
const mostKeptBytes = 4 << 20

/** Who listens to everything that is said on the local broker. */
export class Ears {
  readonly #listeners = new Set<(said: Overheard) => void>()
  readonly #kept = new Map<string, Overheard>()
  #bytes = 0

  said(topic: string, payload: Uint8Array, sender: string): void {
    if (isAnnouncement(topic)) this.#keep({ topic, payload, sender })
    if (this.#listeners.size > 0) for (const hear of this.#listeners) hear({ topic, payload, sender })
  }

  listen(hear: (said: Overheard) => void): () => void {
    for (const said of this.#kept.values()) hear(said)
    this.#listeners.add(hear)
    return () => { this.#listeners.delete(hear) }
  }

  #keep(said: Overheard): void {
    const before = this.#kept.get(said.topic)?.payload.length ?? 0
    const bytes = this.#bytes - before + said.payload.length
    if (bytes > mostKeptBytes || (!this.#kept.has(said.topic) && this.#kept.size >= mostKept)) return
    this.#bytes = bytes
    this.#kept.set(said.topic, { ...said, payload: Uint8Array.from(said.payload) })
  }
}
