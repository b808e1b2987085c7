import type { Clock, EffectConfig, PointReader, Quality, Reading, Value } from '../../gateway/contract/index.ts'

export interface EffectParts {
  readonly reader: PointReader
  readonly clock: Clock
  onReading(listener: (reading: Reading) => void): () => void
}

/** Watches a contact from before the write, so that a quick one is not missed. */
export class EffectWatch implements Disposable {
  readonly #effect: EffectConfig
  readonly #parts: EffectParts
  readonly #before: boolean
  #changed = false
  #wake: () => void = () => {}
  readonly #stop: () => void

  constructor(effect: EffectConfig, parts: EffectParts) {
    this.#effect = effect
    this.#parts = parts
    this.#before = this.#holds(parts.reader.read(effect.point))
    let was = this.#before
    this.#stop = parts.onReading((reading) => {
      if (reading.pointId !== effect.point) return
      const holds = this.#holds(reading)
      if (holds && !was) { this.#changed = true; this.#wake() }
      was = holds
    })
  }

  /** After the write. null: it did not happen in time. */
  async outcome(signal: AbortSignal): Promise<'confirmed' | 'already' | null> {
    if (this.#changed) return 'confirmed'
    const { reader, clock } = this.#parts
    const { point, withinMs } = this.#effect
    if (this.#before && this.#holds(reader.read(point))) return 'already'
    await new Promise<void>((resolve) => {
      const cancel = clock.after(withinMs, resolve)
      const done = (): void => { cancel(); resolve() }
      this.#wake = done
      signal.addEventListener('abort', done, { once: true })
    })
    return this.#changed || this.#holds(reader.read(point)) ? 'confirmed' : null
  }

  [Symbol.dispose](): void { this.#stop() }

  #holds(seen: { readonly value: Value | null; readonly quality: Quality } | undefined): boolean {
    return seen !== undefined && seen.quality !== 'bad' && seen.value === this.#effect.equals
  }
}
