import type { EpochMs, JsonObject, OccurrenceType, Reading } from './values.ts'

/** The four streams every gateway has, drained in this order of urgency: alert, event, ledger, telemetry. */
export const streams = ['alert', 'event', 'ledger', 'telemetry'] as const
export type BaseStream = (typeof streams)[number]
/** One of the four, or a finer selection that the site file names: a stream of its own, with its own sequence, chain and quota. */
export type Stream = string
/** Something for each stream of a journal: the four, and its selections. */
export type PerStream<T> = Record<BaseStream, T> & Record<Stream, T>

/** A finer selection, written in the same batch as what it selects from. */
export interface Selection {
  /** The stream's name and the last part of its topic: `[a-z0-9-]{1,48}`, none of the four. */
  readonly stream: Stream
  readonly from: Exclude<BaseStream, 'ledger'>
  /** Of telemetry. */
  takesReading(reading: Reading): boolean
  /** Of events and alerts. */
  takesEvent(event: GatewayEvent): boolean
}

/** The name between `org.linli.` and `.v1` in the CloudEvents type. */
export type EventType = OccurrenceType | 'telemetry' | 'alert' | 'device' | 'command' | 'report' | 'gateway' | 'gap' | 'checkpoint' | 'epoch'

/** Such events are left out of indicators. */
export type Mode = 'maintenance' | 'commissioning' | 'test'

/** One thing that happened, before it has a place in a stream. */
export interface GatewayEvent {
  readonly stream: Exclude<BaseStream, 'telemetry'>
  readonly type: Exclude<EventType, 'telemetry'>
  readonly at: EpochMs
  /** CloudEvents `subject`: a device id, alert id, or absent for the gateway itself. */
  readonly subject?: string
  readonly data: JsonObject
  readonly mode?: Mode
  readonly redelivered?: boolean
}

/** A record's place, decided by the journal at the moment of encoding. */
export interface RecordHead {
  readonly stream: Stream
  readonly epoch: string
  readonly seq: number
  /** SHA-256 (hex) of the previous record's uncompressed bytes in this epoch; '' for the first. */
  readonly prevHash: string
}

/**
 * Turns events into the bytes to be published; pure apart from reading the time quality. cloud-sync implements it, main hands
 * it to the journal, so the journal knows no format (law 3).
 */
export interface RecordEncoder {
  /** Throws DataError EVENT_TOO_LARGE above maxMessageBytes. */
  event(event: GatewayEvent, head: RecordHead): Uint8Array
  /** Packs readings from index `from` until maxMessageBytes or the end; `next` is the first index not packed, always > `from`. */
  telemetry(readings: readonly Reading[], from: number, head: RecordHead): { readonly bytes: Uint8Array; readonly next: number }
  /** A record that was refused, as a new one that names the old. Throws DataError RECORD_INVALID for bytes that are none. */
  again(bytes: Uint8Array, head: RecordHead): Uint8Array
}
