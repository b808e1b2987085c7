import type { ChangePlan, Label, Value } from '../contract/index.ts'

/** A serial port of the box, or one that the site file names. `usedBy`: the connection of the running gateway that has it. */
export interface ScanPort { readonly path: string; readonly usedBy: string | null }

/** Of the live read test; `reason` where there is no value, or it is to be doubted. */
export interface DiscoveredValue { readonly id: string; readonly name: Label; readonly value: Value | null; readonly unit?: string; readonly reason?: string }

/** A variable of an OPC UA server; `path`: the names that lead to it. */
export interface DiscoveredNode { readonly node: string; readonly name: string; readonly path: string; readonly type: 'number' | 'boolean' | 'string'; readonly value: string }

export interface DiscoveredDevice {
  /** Of this search only. */
  readonly id: string
  /** `refused`: it tried to log in at the gateway's own broker and was not let in. */
  readonly kind: 'modbus' | 'mqtt' | 'opcua' | 'refused'
  readonly where: string
  readonly setting: string | null
  readonly unitId: number | null
  readonly duplicate: boolean
  /** Null: not identified; then nothing of it is saved. */
  readonly model: { readonly profile: string; readonly name: Label; readonly score: number; readonly why: readonly string[] } | null
  /** What it looks most like, when it is not identified. */
  readonly like: { readonly profile: string; readonly name: Label; readonly score: number; readonly against: readonly string[] } | null
  readonly answers: readonly string[]
  readonly says: Readonly<Record<string, string>>
  /** The live read test, once it was made. Of MQTT, what was heard so far. */
  readonly values: readonly DiscoveredValue[] | null
  /** What physics says against the values. English. */
  readonly finding: string | null
  /** The site file has it: its device there, of OPC UA its connection. */
  readonly known: string | null
  /** Of OPC UA: the ways to be let in without a login, the best first; `setting` is the one in use. */
  readonly offers: readonly string[]
  /** Of OPC UA: a certificate that nobody trusts yet. */
  readonly certificate: { readonly thumbprint: string } | null
  readonly nodes: readonly DiscoveredNode[] | null
}

export interface DiscoveryView {
  readonly state: 'idle' | 'running' | 'done' | 'stopped' | 'failed'
  readonly target: string | null
  /** 0 to 1. */
  readonly share: number
  readonly leftMs: number
  readonly at: string | null
  readonly devices: readonly DiscoveredDevice[]
  readonly warnings: readonly { readonly code: string; readonly text: string }[]
  /** Why it failed. */
  readonly code: string | null
  readonly detail: string | null
  readonly ports: readonly ScanPort[]
  /** MQTT connections of the site file. */
  readonly buses: readonly string[]
  /** The configuration that is on trial: nothing can be saved meanwhile. */
  readonly trial: number | null
}

/** `plan`: what it changes, by meaning; null where nothing is added, or this gateway cannot change its site file. */
export interface DiscoveryProposal { readonly file: string; readonly lines: readonly string[]; readonly text: string; readonly left: readonly { readonly id: string; readonly why: string }[]; readonly writable: boolean; readonly devices: number; readonly plan: ChangePlan | null }

/** `nodes`: by id, what was chosen of an OPC UA server. */
export interface DiscoveryChoice { readonly ids: readonly string[]; readonly nodes: Readonly<Record<string, readonly string[]>> }

/** Finding devices, as the page orders it: one search at a time, the same code as `linli scan`. Lent by main. */
export interface DiscoveryPort {
  view(): Promise<DiscoveryView>
  /** `seconds`: of `mqtt`, how long to listen. Throws ConfigError SCAN_RUNNING, SCAN_LINE_IN_USE, SCAN_TARGET. */
  start(order: { readonly kind: 'rtu' | 'tcp' | 'mqtt' | 'opcua'; readonly target: string; readonly first: number; readonly last: number; readonly seconds: number }): Promise<void>
  stop(): void
  /** The live read test. `security`, `trust`: of OPC UA. Throws ConfigError SCAN_TARGET, SCAN_RUNNING; DriverError SCAN_SILENT, and when the line cannot be opened. */
  read(order: { readonly id: string; readonly security?: string | undefined; readonly trust?: string | undefined }): Promise<DiscoveredDevice>
  /** What the site file would get. Only devices that were read. Throws ConfigError SCAN_NOT_READ. */
  propose(choice: DiscoveryChoice): Promise<DiscoveryProposal>
  /** Puts it in force, on trial until all was well for a minute. Throws the same, SCAN_SAVE and CHANGE_…. */
  save(choice: DiscoveryChoice & { readonly by: string }): Promise<{ readonly configuration: number; readonly devices: readonly string[] }>
}
