import type { Json, Reading, Rule } from '../../gateway/contract/index.ts'
import type { Signal } from './schema.ts'
import { seenOf } from './signal.ts'

/**
 * Which of some fire inputs say fire. One that said so and cannot be read any more still does: wires burn. Only a good reading that says
 * otherwise ends it.
 */
export class FireLatch {
  readonly #signals: readonly Signal[]
  readonly #burning = new Set<string>()

  constructor(signals: readonly Signal[]) { this.#signals = signals }

  get points(): readonly string[] { return [...new Set(this.#signals.map(({ point }) => point))] }
  get burning(): boolean { return this.#burning.size > 0 }
  isBurning(point: string): boolean { return this.#burning.has(point) }

  /** True when `burning` changed. */
  see({ pointId, quality, value }: Reading): boolean {
    const before = this.burning
    const all = this.#signals.filter(({ point }) => point === pointId).map((signal) => seenOf(signal, { quality, value }))
    if (all.includes('on')) this.#burning.add(pointId)
    else if (quality === 'good' && all.every((seen) => seen === 'off')) this.#burning.delete(pointId)
    return before !== this.burning
  }

  state(): readonly string[] { return [...this.#burning].toSorted() }
  restore(state: Json | undefined): void {
    if (!Array.isArray(state)) return
    for (const point of state as readonly Json[]) if (this.#signals.some((signal) => signal.point === point)) this.#burning.add(point as string)
  }
}

const faultAfterMs = 10_000

/** Rule `doors/fire`: remembers fire over restarts for the guard, and says when a fire input cannot be read. */
export class FireWatch implements Rule {
  readonly id = 'doors/fire'
  readonly watches: readonly string[]
  readonly #latch: FireLatch
  /** Fire inputs that cannot be read, since when, and whether it was told. */
  readonly #lost = new Map<string, { readonly since: number; told: boolean }>()

  constructor(signals: readonly Signal[]) {
    this.#latch = new FireLatch(signals)
    this.watches = this.#latch.points
  }

  isBurning(points: readonly string[]): boolean { return points.some((point) => this.#latch.isBurning(point)) }

  step(input: Parameters<Rule['step']>[0]): ReturnType<Rule['step']> {
    const now = 'reading' in input ? input.reading.receivedAt : 'tick' in input ? input.tick : null
    if (now === null) return { effects: [], ...this.#wake() }
    const before = JSON.stringify(this.state())
    const effects: ReturnType<Rule['step']>['effects'][number][] = []
    if ('reading' in input && this.watches.includes(input.reading.pointId)) {
      const { reading } = input
      this.#latch.see(reading)
      const lost = this.#lost.get(reading.pointId)
      if (reading.quality === 'bad') { if (!lost) this.#lost.set(reading.pointId, { since: now, told: false }) }
      else if (lost) {
        this.#lost.delete(reading.pointId)
        if (lost.told) effects.push({ kind: 'clear', ...this.#naming(reading.pointId), at: now, data: { point: reading.pointId } })
      }
    }
    for (const [point, lost] of this.#lost) {
      if (lost.told || now < lost.since + faultAfterMs) continue
      lost.told = true
      effects.push({
        kind: 'raise', ...this.#naming(point), severity: 2, at: lost.since + faultAfterMs, data: { point }, deviceId: point.split('.')[0]!,
        title: { zh: `火警信号 ${point} 无法读取`, en: `fire signal ${point} cannot be read` },
      })
    }
    return { effects, changed: JSON.stringify(this.state()) !== before, ...this.#wake() }
  }

  state(): Json { return { burning: this.#latch.state(), lost: [...this.#lost].map(([point, { since, told }]) => [point, since, told]) } }

  restore(state: Json): void {
    if (state === null || typeof state !== 'object' || Array.isArray(state)) return
    const { burning, lost } = state as { readonly [key: string]: Json }
    this.#latch.restore(burning)
    if (!Array.isArray(lost)) return
    for (const entry of lost as readonly Json[]) {
      if (!Array.isArray(entry)) continue
      const [point, since, told] = entry as readonly Json[]
      if (typeof point === 'string' && this.watches.includes(point) && typeof since === 'number' && typeof told === 'boolean') this.#lost.set(point, { since, told })
    }
  }

  #naming(point: string) { return { key: `doors/fire/${point}`, ruleId: this.id } }

  #wake(): { readonly wakeAt?: number } {
    const due = [...this.#lost.values()].filter(({ told }) => !told).map(({ since }) => since + faultAfterMs)
    return due.length === 0 ? {} : { wakeAt: Math.min(...due) }
  }
}
