import type { z } from 'zod'
import type { ConnectionConfig, DriverSchemas, Label, PointId } from '../../gateway/contract/index.ts'

/** What the other rooms know of the site file; `main` and `cli` hand it in. */
export interface RoomSchemas<Rule = unknown, Uplink = unknown> {
  /** By driver name. */
  readonly drivers: Readonly<Record<string, DriverSchemas>>
  /** One rule; has `id`. Strict. */
  readonly rule: z.ZodType<Rule>
  /** One uplink; has `id`. Strict. */
  readonly uplink: z.ZodType<Uplink>
  /** The points a parsed rule names. */
  watches(rule: Rule): readonly PointId[]
}

export interface LoadOptions {
  /** Changes the parsed YAML before it is validated: the demo puts in ephemeral ports and a temporary store. */
  readonly override?: (raw: Record<string, unknown>) => Record<string, unknown>
  /** A further folder of device profiles; it goes before `profiles/` beside the site file, and that before the shipped ones. */
  readonly profiles?: string
}

/** A whole site, validated, every default filled in, all durations in milliseconds, all paths absolute; deeply frozen. */
export interface SiteConfig<Rule = unknown, Uplink = unknown> {
  /** As the caller named it. */
  readonly file: string
  readonly site: {
    readonly id: string
    readonly name: Label
    /** GB/T 2260 county, six digits. */
    readonly region: string
    readonly grid?: { readonly scheme: string; readonly code: string; readonly pattern?: string | undefined } | undefined
    readonly timezone: string
  }
  readonly store: { readonly path: string }
  readonly journal: { readonly commitMs: number; readonly maxMessageBytes: number; readonly maxBytes: number }
  readonly control: { readonly socket: string }
  readonly log: { readonly level: string }
  readonly connections: readonly ConnectionConfig[]
  readonly rules: readonly Rule[]
  readonly uplinks: readonly Uplink[]
}
