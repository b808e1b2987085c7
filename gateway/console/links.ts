import type { Clock } from '../contract/index.ts'
import type { Role } from './api/common.ts'
import { digest, newToken } from './password.ts'

const openMs = 24 * 3_600_000
const maxLinks = 20

/** One-time addresses for a browser on the box itself, as the demo prints one. In memory: a restart forgets them. */
export class OneTimeLinks {
  readonly #clock: Clock
  readonly #links = new Map<string, { readonly until: number; readonly user: string; readonly role: Role }>()
  constructor(clock: Clock) { this.#clock = clock }

  create(user: string, role: Role): string {
    const token = newToken()
    this.#links.set(digest(token), { until: this.#clock.monotonic() + openMs, user, role })
    while (this.#links.size > maxLinks) this.#links.delete(this.#links.keys().next().value!)
    return token
  }
  take(token: string): { readonly user: string; readonly role: Role } | null {
    const key = digest(token)
    const found = this.#links.get(key)
    this.#links.delete(key)
    return found && found.until > this.#clock.monotonic() ? found : null
  }
  isOpen(token: string): boolean { return this.#links.has(digest(token)) }
}
