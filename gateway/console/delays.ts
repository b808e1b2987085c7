import path from 'node:path'
import { z } from 'zod'
import type { Clock } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { inTurn, readJson, writeJson } from './files.ts'

const fileSchema = z.record(z.string(), z.strictObject({ failures: z.int(), until: z.number(), at: z.number() }))
type Entry = z.output<typeof fileSchema>[string]

const free = 3
const firstMs = 1_000
const forgetMs = 24 * 3_600_000
const maxEntries = 500

/** What fails, and how long it may have to wait at most. */
export interface Key { readonly name: string; readonly capMs: number }

/**
 * From the fourth failure on the next try waits, twice as long each time, over restarts. The box's own browser waits 3 s at most, and
 * what others do elsewhere to its account is not its matter: who stands before it is never locked out.
 */
export function keysOf(what: string, address: string, local: boolean): readonly Key[] {
  if (local) return [{ name: `local/${what}`, capMs: 3_000 }]
  return [{ name: `address/${address}`, capMs: 15 * 60_000 }, { name: `remote/${what}`, capMs: 5 * 60_000 }]
}

export class Delays {
  readonly #file: string
  readonly #clock: Clock
  readonly #turn = inTurn()
  readonly #entries = new Map<string, Entry>()
  #waiting: Promise<void> | null = null
  private constructor(folder: string, clock: Clock) { this.#file = path.join(folder, 'failures.json'); this.#clock = clock }

  static async open(folder: string, clock: Clock): Promise<Delays> {
    const delays = new Delays(folder, clock)
    for (const [key, entry] of Object.entries(await readJson(delays.#file, fileSchema) ?? {})) delays.#entries.set(key, entry)
    return delays
  }

  /** Throws ConfigError CONSOLE_WAIT with `values.retryAfterMs`. Called before anything is looked at. */
  check(keys: readonly Key[]): void {
    const now = this.#clock.now()
    // A clock that was set back makes nobody wait longer than the cap.
    const wait = Math.max(0, ...keys.map(({ name, capMs }) => Math.min(capMs, (this.#entries.get(name)?.until ?? 0) - now)))
    if (wait > 0) throw new ConfigError('CONSOLE_WAIT', `too many wrong tries; wait ${Math.ceil(wait / 1_000)} s`, { retriable: true, values: { retryAfterMs: wait } })
  }

  /** A try begins: it counts until it is told to have been right, so that tries side by side count as well. On disk when it resolves. */
  async failed(keys: readonly Key[]): Promise<void> {
    const now = this.#clock.now()
    for (const { name, capMs } of keys) {
      const before = this.#entries.get(name)
      const failures = (before && now - before.at < forgetMs ? before.failures : 0) + 1
      const wait = failures < free ? 0 : Math.min(capMs, firstMs * 2 ** Math.min(failures - free, 20))
      this.#entries.delete(name)
      this.#entries.set(name, { failures, until: now + wait, at: now })
    }
    while (this.#entries.size > maxEntries) this.#entries.delete(this.#entries.keys().next().value!)
    await this.#save()
  }

  async succeeded(keys: readonly Key[]): Promise<void> {
    for (const { name } of keys) this.#entries.delete(name)
    await this.#save()
  }

  /** One that has not begun serves all who wait. */
  #save(): Promise<void> {
    return this.#waiting ??= this.#turn(() => { this.#waiting = null; return writeJson(this.#file, Object.fromEntries(this.#entries)) })
  }
}
