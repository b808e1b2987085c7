import type { Fingerprint } from './fingerprint.ts'

/** How a serial line is set; 8 data bits, as RTU wants. */
export interface SerialSetting { readonly baudRate: number; readonly parity: 'none' | 'even' | 'odd'; readonly stopBits: 1 | 2 }

/** 9600 8N1. */
export const nameOfSetting = ({ baudRate, parity, stopBits }: SerialSetting): string => `${baudRate} 8${parity[0]!.toUpperCase()}${stopBits}`

/** Where a device was found; what a connection of the site file needs. */
export type Place =
  | { readonly transport: 'rtu'; readonly path: string; readonly setting: SerialSetting }
  | { readonly transport: 'tcp' | 'rtu-over-tcp'; readonly host: string; readonly port: number }

export interface FoundDevice extends Fingerprint {
  readonly place: Place
  readonly unitId: number
  /** What it says of itself: function 43 (`vendor`, `product code`, `revision`) or 17 (`server id`). */
  readonly says: Readonly<Record<string, string>>
  /** What it answers, for a device nobody knows: "FC3 0..9". */
  readonly answers: readonly string[]
  /** Its slowest answer. */
  readonly turnaroundMs: number
  /** Answers that came damaged or twice: two devices have this unit id. Then nothing of it is believed, and nothing identified. */
  readonly duplicate: boolean
}

export type ScanEvent =
  | { readonly kind: 'progress'; /** 0 to 1. */ readonly share: number; /** What is left, at the pace so far. */ readonly leftMs: number; readonly text: string }
  | { readonly kind: 'found'; readonly device: FoundDevice }
  | { readonly kind: 'warning'; readonly code: string; readonly text: string }
  /** Always the last one, unless the scan throws. */
  | { readonly kind: 'done'; readonly busMs: number; readonly requests: number; readonly text: string }
