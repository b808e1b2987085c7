import path from 'node:path'
import { z } from 'zod'
import type { EpochMs } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { role, type Role } from './api/common.ts'
import type { UserAnswer } from './api/index.ts'
import { inTurn, readJson, writeJson } from './files.ts'
import { hashSecret, isSecret, secretHash, type SecretHash } from './password.ts'

const account = z.strictObject({ id: z.string(), role, secret: secretHash, createdAt: z.number(), lastLoginAt: z.number().nullable(), disabled: z.boolean() })
type Account = z.output<typeof account>
const fileSchema = z.strictObject({ accounts: z.array(account), pins: z.record(z.string(), secretHash) })

const maxAccounts = 100
/** Words that stand for somebody else in timelines and in the policy of doors. */
const reserved = new Set(['local', 'demo', 'gateway', 'city', 'rule', 'system'])

/** Who may log in, and the PINs of the roster. One file; there is no default account. */
export class Accounts {
  readonly #file: string
  readonly #turn = inTurn()
  #accounts = new Map<string, Account>()
  #pins = new Map<string, SecretHash>()
  private constructor(folder: string) { this.#file = path.join(folder, 'accounts.json') }

  /** Throws StoreError CONSOLE_FILE. */
  static async open(folder: string): Promise<Accounts> {
    const accounts = new Accounts(folder)
    const kept = await readJson(accounts.#file, fileSchema)
    accounts.#accounts = new Map((kept?.accounts ?? []).map((each) => [each.id, each]))
    accounts.#pins = new Map(Object.entries(kept?.pins ?? {}))
    return accounts
  }

  get empty(): boolean { return this.#accounts.size === 0 }
  list(): readonly UserAnswer[] { return [...this.#accounts.values()].map(viewOf) }
  find(id: string): UserAnswer | undefined { const found = this.#accounts.get(id); return found && viewOf(found) }

  /** Null for a wrong password, an unknown or a disabled account: one answer for all. */
  async login(id: string, password: string, now: EpochMs): Promise<UserAnswer | null> {
    const found = this.#accounts.get(id)
    if (!await isSecret(password, found?.secret)) return null
    const current = this.#accounts.get(id)
    // It may have been changed while the hash was made.
    if (!found || !current || current.disabled || current.secret !== found.secret) return null
    return viewOf(await this.#change(() => ({ ...this.#known(id), lastLoginAt: now })))
  }

  /** Throws ConfigError CONSOLE_ACCOUNT for a name that nobody may have. */
  checkName(id: string): void {
    if (reserved.has(id)) throw new ConfigError('CONSOLE_ACCOUNT', `"${id}" stands for something else; choose another name`)
  }

  /** Throws ConfigError CONSOLE_ACCOUNT. `replace`: whoever can run `linli claim` on the box may also forget a password. */
  async add(id: string, as: Role, password: string, now: EpochMs, replace = false): Promise<UserAnswer> {
    const secret = await hashSecret(password)
    return viewOf(await this.#change(() => {
      this.checkName(id)
      if (this.#accounts.has(id) && !replace) throw new ConfigError('CONSOLE_ACCOUNT', `there is an account "${id}" already`)
      if (!this.#accounts.has(id) && this.#accounts.size >= maxAccounts) throw new ConfigError('CONSOLE_ACCOUNT', `there are ${maxAccounts} accounts already; remove one first`)
      return { id, role: as, secret, createdAt: now, lastLoginAt: null, disabled: false }
    }))
  }

  /** Throws ConfigError CONSOLE_ACCOUNT, and CONSOLE_LAST_ADMIN where nobody would be left to administer. */
  async change(id: string, to: { readonly role?: Role | undefined; readonly password?: string | undefined; readonly disabled?: boolean | undefined }): Promise<UserAnswer> {
    const secret = to.password === undefined ? undefined : await hashSecret(to.password)
    return viewOf(await this.#change(() => {
      const next = { ...this.#known(id), ...(to.role === undefined ? {} : { role: to.role }), ...(to.disabled === undefined ? {} : { disabled: to.disabled }), ...(secret ? { secret } : {}) }
      this.#keepAnAdmin(id, next)
      return next
    }))
  }

  async remove(id: string): Promise<void> {
    await this.#turn(async () => {
      this.#known(id)
      this.#keepAnAdmin(id, null)
      await this.#write(new Map([...this.#accounts].filter(([each]) => each !== id)), this.#pins)
    })
  }

  hasPin(person: string): boolean { return this.#pins.has(person) }
  async setPin(person: string, pin: string | null): Promise<void> {
    const secret = pin === null ? null : await hashSecret(pin)
    await this.#turn(async () => {
      const pins = new Map(this.#pins)
      if (secret) pins.set(person, secret)
      else pins.delete(person)
      await this.#write(this.#accounts, pins)
    })
  }
  isPin(person: string, pin: string): Promise<boolean> { return isSecret(pin, this.#pins.get(person)) }

  #known(id: string): Account {
    const found = this.#accounts.get(id)
    if (!found) throw new ConfigError('CONSOLE_ACCOUNT', `there is no account "${id}"`)
    return found
  }
  #keepAnAdmin(id: string, next: Account | null): void {
    const isAdmin = (each: Account | null): boolean => each !== null && each.role === 'admin' && !each.disabled
    if (isAdmin(this.#known(id)) && !isAdmin(next) && ![...this.#accounts.values()].some((each) => each.id !== id && isAdmin(each))) throw new ConfigError('CONSOLE_LAST_ADMIN', `"${id}" is the last admin; make another one first`)
  }
  #change(make: () => Account): Promise<Account> {
    return this.#turn(async () => {
      const next = make()
      await this.#write(new Map(this.#accounts).set(next.id, next), this.#pins)
      return next
    })
  }
  /** What is on disk is what counts. */
  async #write(accounts: Map<string, Account>, pins: Map<string, SecretHash>): Promise<void> {
    await writeJson(this.#file, { accounts: [...accounts.values()], pins: Object.fromEntries(pins) })
    this.#accounts = accounts
    this.#pins = pins
  }
}

const viewOf = ({ secret: _, ...account }: Account): UserAnswer => account
