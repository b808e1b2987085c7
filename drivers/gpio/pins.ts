import type { DriverKit } from '../../gateway/contract/index.ts'
import type { DriverError } from '../../gateway/kit/index.ts'
import type { CountRecord } from './count.ts'
import type { Level } from './debounce.ts'
import type { GpioConfig, GpioPoint } from './settings.ts'

/** What a back end tells the session. All levels are after `activeLow`. */
export interface PinEvents {
  /** `place`: an edge that came through a spool. */
  edge(point: GpioPoint, edge: Level, place?: { readonly file: number; readonly offset: number }): void
  /** The spool of a counter is here, and this was no edge. */
  place(point: GpioPoint, place: { readonly file: number; readonly offset: number }): void
  /** The level as it was read, where edges may have been missed. */
  level(point: GpioPoint, level: Level): void
  /** An output dropped by itself: its pulse, or its `maxOn`, is over. */
  dropped(point: GpioPoint): void
  /** Edges of these points were lost: more came than anybody listens to. */
  flooded(points: readonly GpioPoint[]): void
  failed(error: DriverError): void
}

export interface OpenParts {
  readonly config: GpioConfig
  readonly kit: DriverKit
  readonly records: ReadonlyMap<string, CountRecord>
  readonly events: PinEvents
  readonly signal: AbortSignal
}

/** The lines of one connection. Both back ends are this, and tests/drivers/gpio/contract.ts holds them to it. */
export interface Pins extends AsyncDisposable {
  readonly backend: 'sysfs' | 'chardev'
  /** The kernel gives a counter only the edges that count, one a pulse: with `debounce: 0ms` on the character device. */
  everyEdge(point: GpioPoint): boolean
  /** The inputs as they were before the first edge. */
  readonly levels: ReadonlyMap<string, boolean>
  /** Edges may be told from now on. The outputs have had their safe state since the opening. */
  listen(): Promise<void>
  /** Resolves when the kernel confirms it. `limitMs` 0: until told otherwise. */
  drive(point: GpioPoint, on: boolean, limitMs: number): Promise<void>
  /** Safe states; nothing is told any more. */
  [Symbol.asyncDispose](): Promise<void>
}
