import type { Clock } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import type { Pins } from './pins.ts'
import { maxOnOf } from './points.ts'
import type { GpioPoint } from './settings.ts'

interface Output { /** Monotonic; null while off. */ onSince: number | null; pulses: number; /** Commands to one line go one after the other. */ last: Promise<unknown> }

/**
 * How long an output may still be on. A pulse that is asked for again begins anew, and never reaches beyond `maxOn` after the output went on:
 * whoever writes true without end gets a pause, not a door that stays open. An output with `maxOn` alone is not prolonged. 0: no limit.
 */
export function limitFor({ pulse, maxOn }: { readonly pulse?: number | undefined; readonly maxOn?: number | undefined }, onForMs: number): number {
  if (maxOn === undefined) return 0
  return Math.max(1, Math.min(pulse ?? maxOn, maxOn - onForMs))
}

export class Outputs {
  readonly #pins: Pins
  readonly #clock: Clock
  readonly #tell: (point: GpioPoint, on: boolean) => void
  readonly #outputs = new Map<string, Output>()

  constructor(pins: Pins, clock: Clock, tell: (point: GpioPoint, on: boolean) => void) { this.#pins = pins; this.#clock = clock; this.#tell = tell }

  pulses(pointId: string): number { return this.#outputs.get(pointId)?.pulses ?? 0 }

  /** Throws DriverError WRITE_EXPIRED when `signal` aborted before its turn: a door does not open after all. */
  async write(point: GpioPoint, on: boolean, signal: AbortSignal): Promise<void> {
    const output = this.#of(point)
    const turn = output.last.then(() => {
      if (signal.aborted) throw new DriverError('WRITE_EXPIRED', `${point.id}: the write was called off before it was done; the line is as it was`, { retriable: true })
      return this.#drive(point, output, on)
    })
    output.last = turn.catch(() => {})
    await turn
  }

  /** The guard says: it is off. */
  dropped(point: GpioPoint): void {
    this.#of(point).onSince = null
    this.#tell(point, false)
  }

  async #drive(point: GpioPoint, output: Output, on: boolean): Promise<void> {
    // After a stall: a drop that waits in the pipe is heard before it is decided how long is left.
    await new Promise((resolve) => { setImmediate(resolve) })
    const now = this.#clock.monotonic()
    const since = on ? output.onSince ?? now : null
    const limit = on ? limitFor({ pulse: point.address.pulse, maxOn: maxOnOf(point.address) }, now - since!) : 0
    output.onSince = since
    if (on && point.address.pulse !== undefined) output.pulses++
    try {
      await this.#pins.drive(point, on, limit)
    } catch (error) {
      // What nobody confirmed is taken back: who hears of a failure does not expect the door to open.
      output.onSince = null
      await this.#pins.drive(point, false, 0).catch(() => {})
      throw error
    }
    // Dropped while it was being confirmed: that has been told, and is the news.
    if (output.onSince === since) this.#tell(point, on)
  }

  #of({ id }: GpioPoint): Output {
    const output = this.#outputs.get(id) ?? { onSince: null, pulses: 0, last: Promise.resolve() }
    this.#outputs.set(id, output)
    return output
  }
}
