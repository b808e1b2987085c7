import type { Label, Value } from '../contract/index.ts'

/** A serial port of the box, or one that the site file names. `usedBy`: the connection of the running gateway that has it. */
export interface ScanPort { readonly path: string; readonly usedBy: string | null }

export interface DiscoveredDevice {
  /** Of this search only. */
  readonly id: string
  readonly where: string
  readonly setting: string | null
  readonly unitId: number
  readonly duplicate: boolean
  /** Null: not identified; then nothing of it is saved. */
  readonly model: { readonly profile: string; readonly name: Label; readonly score: number; readonly why: readonly string[] } | null
  /** What it looks most like, when it is not identified. */
  readonly like: { readonly profile: string; readonly name: Label; readonly score: number; readonly against: readonly string[] } | null
  readonly answers: readonly string[]
  readonly says: Readonly<Record<string, string>>
  /** The live read test, once it was made. */
  readonly values: readonly { readonly id: string; readonly name: Label; readonly value: Value | null; readonly unit?: string; readonly reason?: string }[] | null
  /** What physics says against the values. English. */
  readonly finding: string | null
}

export interface DiscoveryView {
  readonly state: 'idle' | 'running' | 'done' | 'stopped' | 'failed'
  readonly target: string | null
  /** 0 to 1. */
  readonly share: number
  readonly leftMs: number
  readonly at: string | null
  readonly devices: readonly DiscoveredDevice[]
  readonly servers: readonly { readonly url: string; readonly name: string; readonly endpoints: readonly string[] }[]
  readonly warnings: readonly { readonly code: string; readonly text: string }[]
  /** Why it failed. */
  readonly code: string | null
  readonly detail: string | null
  readonly ports: readonly ScanPort[]
}

export interface DiscoveryProposal { readonly file: string; readonly lines: readonly string[]; readonly text: string; readonly left: readonly { readonly id: string; readonly why: string }[]; readonly writable: boolean; readonly devices: number }

/** Finding devices, as the page orders it: one search at a time, the same code as `linli scan`. Lent by main. */
export interface DiscoveryPort {
  view(): Promise<DiscoveryView>
  /** Throws ConfigError SCAN_RUNNING, SCAN_LINE_IN_USE, SCAN_TARGET. */
  start(order: { readonly kind: 'rtu' | 'tcp' | 'opcua'; readonly target: string; readonly first: number; readonly last: number }): Promise<void>
  stop(): void
  /** The live read test. Throws ConfigError SCAN_TARGET, SCAN_RUNNING; DriverError when the line cannot be opened. */
  read(id: string): Promise<DiscoveredDevice>
  /** What the site file would get. Only devices that were read. Throws ConfigError SCAN_NOT_READ. */
  propose(ids: readonly string[]): Promise<DiscoveryProposal>
  /** Throws the same, and SCAN_SAVE. */
  save(ids: readonly string[]): Promise<{ readonly backup: string; readonly devices: number }>
}
