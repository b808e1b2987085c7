import path from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../kit/index.ts'
import { Accounts } from './accounts.ts'
import type { Answer, RouteName } from './api/index.ts'
import { Audit } from './audit.ts'
import { takeClaim, type Claimed } from './claim.ts'
import { Delays, keysOf, type Key } from './delays.ts'
import { Duties } from './duties.ts'
import { inTurn, readJson, writeJson } from './files.ts'
import type { BuildingRoute, Call, Handlers } from './handlers.ts'
import { OneTimeLinks } from './links.ts'
import type { ConsoleParts } from './parts.ts'
import { setCookie, tokenOf } from './security.ts'
import { Sessions, type Session } from './sessions.ts'
import { strengthOf } from './password-strength.ts'
import { Setup } from './setup.ts'

const handoverSchema = z.strictObject({ by: z.string(), at: z.number(), note: z.string() })
type Handover = z.output<typeof handoverSchema>

/** Who may do what: everything below `<store>/console`. */
export async function openPeople(parts: ConsoleParts, secure: boolean) {
  const { folder, clock, log } = parts
  const [accounts, sessions, delays, audit, setup, handover] = await Promise.all([
    Accounts.open(folder), Sessions.open(folder, clock), Delays.open(folder, clock), Audit.open(folder, clock, log), Setup.open(folder), readJson(path.join(folder, 'handover.json'), handoverSchema),
  ])
  return new People(parts, { secure, accounts, sessions, delays, audit, setup, links: new OneTimeLinks(clock) }, handover)
}

interface Files { readonly secure: boolean; readonly accounts: Accounts; readonly sessions: Sessions; readonly delays: Delays; readonly audit: Audit; readonly setup: Setup; readonly links: OneTimeLinks }

export class People {
  readonly #parts: ConsoleParts
  readonly #files: Files
  readonly #turn = inTurn()
  readonly #duties: Duties
  #handover: Handover | null
  constructor(parts: ConsoleParts, files: Files, handover: Handover | null) { this.#parts = parts; this.#files = files; this.#handover = handover; this.#duties = new Duties(parts.folder) }

  get audit(): Audit { return this.#files.audit }
  get accountIds(): readonly string[] { return this.#files.accounts.list().map(({ id }) => id) }
  get links(): OneTimeLinks { return this.#files.links }
  sessionOf(request: Call<'session'>['request']): Session | undefined {
    const session = this.#files.sessions.find(tokenOf(request, this.#files.secure))
    if (!session || session.guest) return session
    // A role counts as it is now, not as it was at login.
    const account = this.#files.accounts.find(session.user)
    return account && !account.disabled ? { ...session, role: account.role } : undefined
  }
  isOpen(session: Session): boolean { return this.#files.sessions.isOpen(session) && (session.guest || this.#files.accounts.find(session.user)?.disabled === false) }

  readonly handlers: Handlers<Exclude<RouteName, BuildingRoute>> = {
    session: ({ request, local }) => this.#answer(this.sessionOf(request), local),
    login: (call) => this.#login(call),
    open: (call) => this.#open(call),
    claim: (call) => this.#claim(call),
    logout: async ({ session, reply }) => { await this.#leaveDesk(session, ''); await this.#files.sessions.end(session); setCookie(reply, this.#files.secure, null); return {} },
    password: async ({ session, body, address, local }) => {
      await this.#guarded(keysOf(session.user, address, local), async () => (session.guest ? null : this.#files.accounts.login(session.user, body.old, this.#parts.clock.now())), wrongLogin)
      checkStrength(body.password, session.user)
      await this.#files.accounts.change(session.user, { password: body.password })
      await this.#files.sessions.endOf(session.user, session)
      return {}
    },
    people: () => this.#people(),
    shift: ({ session }) => this.#shift(session),
    beginShift: (call) => this.#beginShift(call),
    endShift: async ({ session, actor, body }) => {
      if (body.note !== '') await this.#leave({ by: actor, at: this.#parts.clock.now(), note: body.note })
      await this.#leaveDesk(session, body.note)
      await this.#files.sessions.take(session, null)
      return this.#shift({ ...session, person: null })
    },
    users: () => [...this.#files.accounts.list()],
    addUser: ({ body }) => { checkStrength(body.password, body.id); return this.#files.accounts.add(body.id, body.role, body.password, this.#parts.clock.now()) },
    changeUser: async ({ params, body }) => {
      if (body.password !== undefined) checkStrength(body.password, params.id)
      const changed = await this.#files.accounts.change(params.id, body)
      await this.#files.sessions.endOf(params.id)
      return changed
    },
    removeUser: async ({ params }) => { await this.#files.accounts.remove(params.id); await this.#files.sessions.endOf(params.id); return {} },
    pin: async ({ body }) => { this.#ofRoster(body.person); await this.#files.accounts.setPin(body.person, body.pin); return {} },
    audit: ({ query }) => this.#files.audit.read(query),
    setup: () => { const { url, enabled } = this.#parts.residents; return { ...this.#files.setup.state, residents: { on: enabled, ...(url === undefined ? {} : { url }) } } },
    changeSetup: async ({ body }) => { await this.#files.setup.change({ ...(body.language === undefined ? {} : { language: body.language }), ...(body.open === undefined ? {} : { open: body.open }) }); return {} },
  }

  #answer(session: Session | undefined, local: boolean): Answer<'session'> {
    const { site: { id, name, timezone, region }, version, clock } = this.#parts
    const { accounts, secure, setup: { state: { open, language } } } = this.#files
    return {
      state: session ? 'in' : accounts.empty ? 'claim' : 'out',
      ...(session ? { user: { id: session.user, role: session.role }, expiresAt: session.expiresAt } : {}),
      ...(session?.person ? { person: this.#shiftOf(session.person) } : {}),
      site: { id, name, timezone, region }, version, now: clock.now(), unprotected: !secure && !local, local, siteCa: this.#parts.config.tls === 'site-ca',
      setup: open && session?.role === 'admin' && !session.guest, ...(language === null ? {} : { language }),
    }
  }

  async #login({ body, address, local, reply }: Call<'login'>): Promise<Answer<'session'>> {
    const user = await this.#guarded(keysOf(body.id, address, local), () => this.#files.accounts.login(body.id, body.password, this.#parts.clock.now()), wrongLogin)
    return this.#begin(reply, local, user.id, user.role, false)
  }

  /** Of the box itself only: what stands in its terminal is no use elsewhere. */
  async #open({ body, local, address, reply }: Call<'open'>): Promise<Answer<'session'>> {
    const found = await this.#guarded(keysOf('open', address, local), async () => (local ? this.#files.links.take(body.token) : null), () => new ConfigError('CONSOLE_CLAIM', 'this address was used already, or is too old; take the one that is printed now'))
    return this.#begin(reply, local, found.user, found.role, true)
  }

  async #claim({ body, address, local, reply }: Call<'claim'>): Promise<Answer<'session'>> {
    const { accounts, sessions } = this.#files
    const now = this.#parts.clock.now()
    // Before the code is used up.
    accounts.checkName(body.id)
    checkStrength(body.password, body.id)
    const first = accounts.empty
    let outcome: Claimed = 'wrong'
    await this.#guarded(keysOf('claim', address, local), async () => { outcome = await takeClaim(path.join(this.#parts.folder, 'claim.json'), body.code, now); return outcome === 'taken' ? true : null }, () => notClaimed(outcome))
    await accounts.add(body.id, 'admin', body.password, now, true)
    if (first) await this.#files.setup.change({ open: true })
    await sessions.endOf(body.id)
    return this.#begin(reply, local, body.id, 'admin', false)
  }

  async #begin(reply: Call<'login'>['reply'], local: boolean, user: string, role: Session['role'], guest: boolean): Promise<Answer<'session'>> {
    const token = await this.#files.sessions.begin(user, role, guest)
    setCookie(reply, this.#files.secure, token)
    return this.#answer(this.#files.sessions.find(token), local)
  }

  /** A try counts as wrong until it was right, so that many at once are as many. */
  async #guarded<T>(keys: readonly Key[], attempt: () => Promise<T | null>, wrong: () => ConfigError): Promise<T> {
    this.#files.delays.check(keys)
    await this.#files.delays.failed(keys)
    const found = await attempt()
    if (found === null) throw wrong()
    await this.#files.delays.succeeded(keys)
    return found
  }

  #people(): Answer<'people'> {
    const { people } = this.#parts
    const roster = people.map(({ id, name, role }) => ({ id, name, ...(role === undefined ? {} : { role }), kind: 'roster' as const, pin: this.#files.accounts.hasPin(id) }))
    const others = this.#files.accounts.list().filter(({ id }) => !people.some((person) => person.id === id))
    return [...roster, ...others.map(({ id, role }) => ({ id, name: { zh: id, en: id }, role, kind: 'account' as const, pin: false }))]
  }

  #shiftOf({ id, since }: { readonly id: string; readonly since: number }) {
    return { id, name: this.#parts.people.find((person) => person.id === id)?.name ?? { zh: id, en: id }, since }
  }
  #shift({ person }: Session): Answer<'shift'> { return { person: person && this.#shiftOf(person), handover: this.#handover } }

  async #beginShift({ session, body: { person, pin } }: Call<'beginShift'>): Promise<Answer<'shift'>> {
    this.#ofRoster(person)
    await this.#guarded([{ name: `pin/${person}`, capMs: 60_000 }], async () => (await this.#files.accounts.isPin(person, pin) ? true : null), () => new ConfigError('CONSOLE_CREDENTIALS', `the PIN is wrong, or there is none; an admin sets it`))
    await this.#leaveDesk(session, '')
    const taken = { id: person, since: this.#parts.clock.now() }
    await this.#duties.begin(person, taken.since)
    await this.#files.sessions.take(session, taken)
    return this.#shift({ ...session, person: taken })
  }

  async #leaveDesk({ person }: Session, note: string): Promise<void> { if (person) await this.#duties.end(person, this.#parts.clock.now(), note) }
  #leave(note: Handover): Promise<void> {
    return this.#turn(async () => { await writeJson(path.join(this.#parts.folder, 'handover.json'), note); this.#handover = note })
  }
  #ofRoster(person: string): void {
    if (!this.#parts.people.some(({ id }) => id === person)) throw new ConfigError('CONSOLE_UNKNOWN', `"${person}" is not in the roster; people are listed in the site file`)
  }
}

const wrongLogin = (): ConfigError => new ConfigError('CONSOLE_CREDENTIALS', 'name or password is wrong')
/** Throws ConfigError CONSOLE_PASSWORD. */
function checkStrength(password: string, id: string): void {
  if (strengthOf(password, id) === 'weak') throw new ConfigError('CONSOLE_PASSWORD', 'this password is among the first that somebody would try; take three or four words that do not belong together')
}

function notClaimed(outcome: Claimed): ConfigError {
  if (outcome === 'used') return new ConfigError('CONSOLE_CLAIM_USED', 'this code was used already; linli claim prints a new one')
  if (outcome === 'expired') return new ConfigError('CONSOLE_CLAIM_EXPIRED', 'this code is older than an hour; linli claim prints a new one')
  return new ConfigError('CONSOLE_CLAIM', 'the code is wrong; look at it once more, or print a new one with linli claim')
}
