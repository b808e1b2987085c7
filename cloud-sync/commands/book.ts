import { createHash } from 'node:crypto'
import type { CommandResult, EpochMs, Json, StateWrite } from '../../gateway/contract/index.ts'
import { isOfAlert, type CityRequest } from './request.ts'

/** One command that was answered, kept so that its repeat is not carried out. */
export interface Entry {
  readonly key: string
  readonly receivedAt: EpochMs
  /** Of point and value: a key that comes back with another wish is no repeat. */
  readonly wish: string
  result: CommandResult
}

export const keptMs = 24 * 3_600_000
const maxEntries = 10_000
const prefix = 'command/'

const sha = (...parts: readonly string[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

/** A key belongs to its actor on its uplink: two platforms may use one number. */
export const entryKey = (uplink: string, { actor, idempotencyKey }: Pick<CityRequest, 'actor' | 'idempotencyKey'>): string => `${prefix}${sha(uplink, actor, idempotencyKey)}`
export const wishOf = (request: CityRequest): string => (isOfAlert(request) ? sha('alert', JSON.stringify(request.wish)) : sha(request.point, JSON.stringify(request.value)))
/** Of an act on an alert: the same request makes the same act, also where the book has forgotten it. */
export const actIdOf = (entryKey: string): string => sha('act', entryKey).slice(0, 16)

/** Results of the last 24 h by idempotency key. Memory and state hold the same; the caller commits what is returned. */
export class CommandBook {
  readonly #entries = new Map<string, Entry>()

  get full(): boolean { return this.#entries.size >= maxEntries }
  get size(): number { return this.#entries.size }
  find(key: string): Entry | undefined { return this.#entries.get(key) }
  forget(key: string): void { this.#entries.delete(key) }

  add(entry: Entry): void { this.#entries.set(entry.key, entry) }

  /** Removes what is older than 24 h by a clock that can be trusted. */
  prune(now: EpochMs): readonly StateWrite[] {
    const writes: StateWrite[] = []
    for (const entry of this.#entries.values()) {
      if (now - entry.receivedAt <= keptMs) break
      this.#entries.delete(entry.key)
      writes.push({ key: entry.key, value: null })
    }
    return writes
  }

  /** From `StateStore.entries('command/')`, oldest first afterwards; other shapes are ignored. Returns those whose end nobody has seen. */
  restore(entries: readonly (readonly [string, Json])[]): readonly Entry[] {
    const found = entries.flatMap(([key, value]) => (isKept(value) ? [{ key, ...value }] : [])).toSorted((a, b) => a.receivedAt - b.receivedAt)
    for (const entry of found) this.#entries.set(entry.key, entry)
    return found.filter(({ result }) => !isFinal(result))
  }
}

export const bookState = 'command/'
/** Of `StateStore.entries('command/')`: a life before ended in the middle of one. */
export const hasUnfinished = (entries: readonly (readonly [string, Json])[]): boolean => entries.some(([, value]) => isKept(value) && !isFinal(value.result))
export const isFinal = ({ state }: CommandResult): boolean => state !== 'accepted' && state !== 'running'
export const stateWrite = ({ key, receivedAt, wish, result }: Entry): StateWrite => ({ key, value: { receivedAt, wish, result } })

type Kept = { readonly receivedAt: number; readonly wish: string; readonly result: CommandResult }
function isKept(value: unknown): value is Kept {
  const kept = value as Partial<Kept> | null
  return typeof kept === 'object' && kept !== null && typeof kept.receivedAt === 'number' && typeof kept.wish === 'string' && typeof kept.result === 'object' && kept.result !== null && typeof kept.result.state === 'string'
}
