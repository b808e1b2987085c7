import { createHash, timingSafeEqual } from 'node:crypto'
import type { DriverKit } from '../../gateway/contract/index.ts'
import type { MqttConfig, MqttDeviceConfig } from './settings.ts'
import { Throttle } from './throttle.ts'
import { rightsOf, usernameOf, type Rights } from './topics.ts'

/** Who may log in: one for each device with a password, and with it the devices whose messages it brings. */
export interface Account {
  readonly device: MqttDeviceConfig
  /** Itself first. */
  readonly devices: readonly MqttDeviceConfig[]
  readonly rights: Rights
  readonly throttle: Throttle
  readonly password: Buffer
  /** Connections it has open. */
  connections: number
  /** Let in, and about to take the place of an older connection with the same client id. */
  readonly arriving: Set<object>
}

const maxRefusedNames = 100

export class Accounts {
  readonly #accounts: ReadonlyMap<string, Account>
  /** Refused log-ins by username; the first hundred names. */
  readonly refused = new Map<string, { count: number; readonly known: boolean; address: string }>()

  private constructor(accounts: ReadonlyMap<string, Account>) { this.#accounts = accounts }

  /** Throws ConfigError CONFIG_SECRET_MISSING. */
  static async open({ devices, settings }: MqttConfig, kit: DriverKit): Promise<Accounts> {
    const accounts = await Promise.all(devices.filter(({ settings: { via } }) => via === undefined).map(async (device): Promise<readonly [string, Account]> => {
      const served = [device, ...devices.filter((other) => other.settings.via === device.id)]
      return [usernameOf(device), {
        device, devices: served, rights: rightsOf(served), connections: 0, arriving: new Set(), password: digest(await kit.readSecret(device.settings.password!)),
        throttle: new Throttle(kit.clock, device.settings.messagesPerSecond ?? settings.messagesPerSecond),
      }]
    }))
    return new Accounts(new Map(accounts))
  }

  values(): Iterable<Account> { return this.#accounts.values() }

  /** Null for an unknown name as for a wrong password; the time it takes tells neither. */
  logIn(username: string | undefined, password: Buffer | undefined, address: string): Account | null {
    const account = username === undefined ? undefined : this.#accounts.get(username)
    const right = timingSafeEqual(account?.password ?? Buffer.alloc(32), digest(password ?? ''))
    if (account && right) return account
    const name = (username ?? '').slice(0, 120)
    const entry = this.refused.get(name)
    if (entry) { entry.count++; entry.address = address } else if (this.refused.size < maxRefusedNames) this.refused.set(name, { count: 1, known: account !== undefined, address })
    return null
  }

  end(): void { for (const { throttle } of this.#accounts.values()) throttle.end() }
}

const digest = (text: string | Buffer): Buffer => createHash('sha256').update(text).digest()
