import type { EpochMs, PointId, Reading, Value } from '../../gateway/contract/index.ts'
import { isMoved, type Check } from './checklist.ts'

export interface Seen { readonly before: Value | null; readonly after: Value; readonly at: EpochMs; readonly receivedAt: EpochMs }
export type Verdict =
  | { readonly outcome: 'seen'; readonly seen: Seen }
  /** Another switch answered, and this one did not. */
  | { readonly outcome: 'swapped'; readonly other: PointId; readonly seen: Seen }

/**
 * Looks on while somebody moves one point: fed with readings in the order they come and with the time, it says what moved after he
 * called. What moves before proves nothing: a house is in use, a door that was tried falls shut, a room warms up. A switch that moves in
 * place of the right one is a swapped wire; a measure drifts by itself and proves nothing against another.
 */
export class Watch {
  readonly #check: Check
  readonly #others: ReadonlyMap<PointId, Check>
  readonly #values: Map<PointId, Value | null>
  #called = false
  #early = false
  #other: { readonly point: PointId; readonly seen: Seen } | null = null

  /** `all`: what might answer in its place. `values`: what was read last of every point, good ones only. */
  constructor(check: Check, all: readonly Check[], values: Iterable<readonly [PointId, Value | null]>) {
    this.#check = check
    this.#others = new Map(all.filter(({ point, kind }) => point !== check.point && kind === 'switch').map((each) => [each.point, each]))
    this.#values = new Map(values)
  }

  /** The right one moved before the call. */
  get early(): boolean { return this.#early }
  /** Now he does it. Called again, what moved in its place since the last time is forgotten. */
  call(): void { this.#called = true; this.#other = null }

  /** Null: go on. */
  take({ pointId, value, quality, at, receivedAt }: Reading): Verdict | null {
    if (quality !== 'good' || value === null) return this.tick(receivedAt)
    const known = this.#values.has(pointId)
    const before = this.#values.get(pointId) ?? null
    const check = pointId === this.#check.point ? this.#check : this.#others.get(pointId)
    // A measure is compared with where it was at the call, or a slow hand would never move it.
    if (check?.kind !== 'measure' || !known || !this.#called) this.#values.set(pointId, value)
    if (!check || !known || before === null || !isMoved(check, before, value)) return this.tick(receivedAt)
    if (!this.#called) { this.#early ||= check === this.#check; return null }
    const seen = { before, after: value, at, receivedAt }
    if (check === this.#check) return { outcome: 'seen', seen }
    this.#other ??= { point: pointId, seen }
    return this.tick(receivedAt)
  }

  tick(now: EpochMs): Verdict | null {
    return this.#other && now - this.#other.seen.receivedAt >= this.#check.graceMs ? { outcome: 'swapped', other: this.#other.point, seen: this.#other.seen } : null
  }
}
