/** Milliseconds since 1970-01-01T00:00Z. Wall time: its trust is told apart in {@link TimeQuality}. */
export type EpochMs = number
/** What a point can hold. Numbers are finite; a device that has no number gives `null` with quality `bad`. */
export type Value = boolean | number | string
/** `<device>.<point>`; each part `[a-z0-9-]{1,48}`. */
export type PointId = string
/** The three severities of OPC UA Part 8. `uncertain` has a value that may be old or out of range; `bad` has none. */
export type Quality = 'good' | 'uncertain' | 'bad'
export type TimeQuality = 'synced' | 'holdover' | 'unsynced'
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** What a driver saw: unscaled. Yielded when a value or quality changed, or its heartbeat is due. */
export interface Sample {
  readonly pointId: PointId
  /** As decoded from the wire, before scale and offset. `null` exactly when quality is `bad`. */
  readonly raw: Value | null
  readonly at: EpochMs
  readonly quality: Quality
  /** Why the quality is not good: an error code of docs/errors.md. */
  readonly reason?: string
}

/** Event types a device can report by itself; the name becomes `org.linli.<type>.v1`. */
export type OccurrenceType = 'access' | 'kiosk' | 'request' | 'evaluation'

/** Something that happened once at a device: a card read, a kiosk session, a rating. Never thinned, never dead-banded. */
export interface Occurrence {
  readonly deviceId: string
  readonly type: OccurrenceType
  readonly at: EpochMs
  readonly data: JsonObject
  /** The device's own event id. The same id again within 24 h is dropped and counted (law 13). */
  readonly sourceId?: string
}

/** `flapping`: it comes and goes; said once instead of a hundred times, and never by a driver (gateway/device-states.ts). */
export type DeviceState = 'online' | 'offline' | 'degraded' | 'flapping'
/** Reported on change only. */
export interface DeviceStatus {
  readonly deviceId: string
  readonly state: DeviceState
  readonly at: EpochMs
  /** An error code of docs/errors.md, when not online. */
  readonly reason?: string
  readonly detail?: string
}

/** One step of a session: what changed, and how to acknowledge it. */
export interface Intake {
  readonly samples: readonly Sample[]
  readonly occurrences?: readonly Occurrence[]
  readonly devices?: readonly DeviceStatus[]
  /** The moment a whole scan ended, for statistics and staleness. */
  readonly scanned?: EpochMs
  /** What the driver wants to know again after a restart ({@link DriverKit.recall}), written in the same batch as the samples: a counter and its reading agree. */
  readonly remember?: Readonly<Record<string, Json>>
  /** The transport says this is a repeat (MQTT DUP) and there is no source id to tell. */
  readonly redelivered?: boolean
  /**
   * Called once by the pipeline: `stored` after the fsync that holds everything above (or when all of it was counted as
   * suppressed), `refused` when the store would not take it. A driver acknowledges its peer only on `stored` (law 1).
   */
  settled?(outcome: 'stored' | 'refused'): void
}

/** What the house works with: scaled, in the point's unit. */
export interface Reading {
  readonly pointId: PointId
  readonly value: Value | null
  readonly at: EpochMs
  readonly receivedAt: EpochMs
  readonly quality: Quality
  readonly reason?: string
  readonly redelivered?: boolean
  /** Set when the reading stands for several (law 7). `value` is the last one. */
  readonly summary?: { readonly count: number; readonly min: number; readonly max: number; readonly from: EpochMs }
}
