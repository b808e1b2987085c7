import type { DiscoveredDevice, DiscoveryView } from '../../console/discovery.ts'
import type { Draft } from './draft.ts'

/** Of OPC UA. `security`: one of what it offers. `trust`: the thumbprint that was compared with the server's. */
export interface ReadOrder { readonly security?: string | undefined; readonly trust?: string | undefined }

/** Something that a search found, whatever it speaks. */
export interface Thing {
  view(): Omit<DiscoveredDevice, 'id'>
  /** The live read test. Throws ConfigError SCAN_TARGET, SCAN_SILENT; DriverError. */
  read(order: ReadOrder): Promise<void>
  /** Why it may not be saved yet; null when it was read, or when `add` says why it is left. */
  unread(): string | null
  /** Its entries for the site file. `nodes`: of OPC UA, what was chosen of it. */
  add(draft: Draft, key: string, nodes: readonly string[]): void
}

/** One search. What finds things changes it as it goes. */
export interface Search {
  readonly target: string
  readonly signal: AbortSignal
  /** 0 to 1. */
  share: number
  leftMs: number
  at: string | null
  readonly warnings: DiscoveryView['warnings'][number][]
  /** By what tells one from another, so that what is heard again is the same thing. At most 500. */
  add(key: string, thing: Thing): void
  /** Asked before each view: of what is heard bit by bit. */
  refresh: () => void
}
