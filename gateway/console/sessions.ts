import path from 'node:path'
import { z } from 'zod'
import type { Clock, EpochMs } from '../contract/index.ts'
import { role, type Role } from './api/common.ts'
import { inTurn, readJson, writeJson } from './files.ts'
import { digest, newToken } from './password.ts'

const session = z.strictObject({
  /** SHA-256 of the token: who reads the file has no session. */
  token: z.string(), user: z.string(), role, createdAt: z.number(), seenAt: z.number(), expiresAt: z.number(),
  person: z.strictObject({ id: z.string(), since: z.number() }).nullable(),
  /** Of a one-time address: there is no account behind it. */
  guest: z.boolean(),
})
export type Session = z.output<typeof session>
const fileSchema = z.array(session)

const hour = 3_600_000
/** Since it was last used. The duty desk stays in; who can change things does not. */
const idleMs: Readonly<Record<Role, number>> = { viewer: 30 * 24 * hour, staff: 30 * 24 * hour, installer: 12 * hour, admin: 12 * hour }
const maxSessions = 500
/** Being used is noted on disk this often. */
const noteMs = 600_000

/** Open sessions. They survive a restart; the oldest give way. */
export class Sessions {
  readonly #file: string
  readonly #clock: Clock
  readonly #turn = inTurn()
  readonly #sessions = new Map<string, Session>()
  private constructor(folder: string, clock: Clock) { this.#file = path.join(folder, 'sessions.json'); this.#clock = clock }

  static async open(folder: string, clock: Clock): Promise<Sessions> {
    const sessions = new Sessions(folder, clock)
    for (const each of await readJson(sessions.#file, fileSchema) ?? []) sessions.#sessions.set(each.token, each)
    return sessions
  }

  /** Returns the token: the only time that it is seen. */
  async begin(user: string, as: Role, guest = false): Promise<string> {
    const [now, token] = [this.#clock.now(), newToken()]
    this.#sessions.set(digest(token), { token: digest(token), user, role: as, createdAt: now, seenAt: now, expiresAt: now + idleMs[as], person: null, guest })
    for (const [key, each] of this.#sessions) if (each.expiresAt <= now) this.#sessions.delete(key)
    while (this.#sessions.size > maxSessions) this.#sessions.delete(this.#oldest())
    await this.#save()
    return token
  }

  /** Undefined: none, or over. Also over where the clock was set back before it began. */
  find(token: string | undefined): Session | undefined {
    const found = token === undefined ? undefined : this.#sessions.get(digest(token))
    const now = this.#clock.now()
    if (!found || found.expiresAt <= now || found.expiresAt - now > idleMs[found.role]) return undefined
    if (now - found.seenAt < noteMs) return found
    const used = { ...found, seenAt: now, expiresAt: now + idleMs[found.role] }
    this.#sessions.set(used.token, used)
    void this.#save().catch(() => {})
    return used
  }

  /** Whether it goes on, for a stream that stays open. */
  isOpen({ token }: Session): boolean { const found = this.#sessions.get(token); return found !== undefined && found.expiresAt > this.#clock.now() }

  async take(session: Session, person: { readonly id: string; readonly since: EpochMs } | null): Promise<void> {
    const current = this.#sessions.get(session.token)
    if (!current) return
    this.#sessions.set(session.token, { ...current, person: person && { ...person } })
    await this.#save()
  }
  async end(session: Session): Promise<void> {
    this.#sessions.delete(session.token)
    await this.#save()
  }
  /** Of one account, all but `except`. */
  async endOf(user: string, except?: Session): Promise<void> {
    for (const [key, each] of this.#sessions) if (each.user === user && !each.guest && key !== except?.token) this.#sessions.delete(key)
    await this.#save()
  }

  #oldest(): string { return [...this.#sessions.values()].reduce((a, b) => (b.seenAt < a.seenAt ? b : a)).token }
  #save(): Promise<void> { return this.#turn(() => writeJson(this.#file, [...this.#sessions.values()])) }
}
