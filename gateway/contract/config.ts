import type { z } from 'zod'
import type { EffectConfig } from './commands.ts'
import type { PointId, Value } from './values.ts'

/** Chinese and English. What staff see is never a bare id. */
export interface Label { readonly zh: string; readonly en: string }

/** Where a secret is kept. The site file itself never holds one. */
export type SecretRef = { readonly env: string } | { readonly file: string }

/** A point after profile, site file and defaults are merged. `Address` belongs to the driver. */
export interface PointConfig<Address = unknown> {
  readonly id: PointId
  readonly deviceId: string
  readonly name: Label
  readonly type: 'number' | 'boolean' | 'string'
  /** UCUM code; `1` for a bare number; absent for booleans and strings. */
  readonly unit?: string
  /** value = raw × scale + offset. */
  readonly scale: number
  readonly offset: number
  /** Raw codes that mean "no value": they become quality bad, reason POINT_SENTINEL. */
  readonly sentinels: readonly Value[]
  /** Scaled values outside become quality uncertain, reason POINT_OUT_OF_RANGE. */
  readonly min?: number
  readonly max?: number
  /** A boolean read the other way round. */
  readonly invert: boolean
  /** In scaled units; telemetry only (law 12). */
  readonly deadband: number
  /** Telemetry repeats an unchanged value this often. */
  readonly heartbeatMs: number
  /** How often a polled driver asks. */
  readonly pollMs: number
  /** A change of this point is committed at once, not within the commit timer. */
  readonly urgent: boolean
  readonly writable: boolean
  /** The city may write it (law 14). */
  readonly cityWrite: boolean
  /** What a write must do to another point, such as a door's contact; asked after commands. */
  readonly effect?: EffectConfig
  readonly address: Address
}

/** `Settings`: the driver's `device` schema, parsed. */
export interface DeviceConfig<Settings = unknown, Address = unknown> {
  readonly id: string
  readonly name: Label
  readonly connectionId: string
  readonly profile?: string
  readonly place?: string
  readonly settings: Settings
  readonly points: readonly PointConfig<Address>[]
}

/** One bus, socket, broker or chip, with all devices on it. `Settings`: the driver's `connection` schema, parsed. */
export interface ConnectionConfig<Settings = unknown, Device = unknown, Address = unknown> {
  readonly id: string
  readonly driver: string
  readonly settings: Settings
  readonly devices: readonly DeviceConfig<Device, Address>[]
}

/**
 * The driver's own part of the site file, one strict zod object each. Used by firmware-config for parsing, JSON Schema and docs.
 * `device` and `point` keys stand beside the common keys of a device or point and must not collide with them.
 */
export interface DriverSchemas {
  /** Its points speak when they want to: silence says nothing. */
  readonly pushes?: true
  /** Longest wait for one answer of the connection, for forecasts; absent where nothing is asked. */
  answersWithinMs?(connection: unknown): number
  readonly connection: z.ZodObject
  readonly device: z.ZodObject
  /** The address of a point: all keys of a point that are not common ones. */
  readonly point: z.ZodObject
  /** One entry of a profile's `identify`: what a device of this model holds that others do not. Absent where the driver has no scan. */
  readonly identify?: z.ZodType
  /** The TCP or UDP endpoints a connection will listen on, so that `check` finds two that overlap. */
  listens?(connection: unknown): readonly { readonly host: string; readonly port: number }[]
  /** What zod cannot see: duplicate unit ids, overlapping topics. Paths are relative to the device. */
  review?(connection: ConnectionConfig): readonly { readonly deviceId: string; readonly path: readonly (string | number)[]; readonly message: string }[]
  /** What works but will not please, told before it is installed: a bus too slow for its points, a port that may be renumbered. Asked only of a valid site. */
  foresee?(connection: ConnectionConfig): readonly Forecast[]
}

export interface Forecast { readonly deviceId?: string; readonly message: string }
