import type { Alert } from './alerts.ts'
import type { Label } from './config.ts'
import type { PerStream } from './events.ts'
import type { Head } from './journal.ts'
import type { EpochMs, PointId, Quality, TimeQuality, Value } from './values.ts'

/** What the city may know about the facility; published retained as `model`. */
export interface SiteModel {
  readonly gateway: string
  readonly region: string
  readonly name: Label
  readonly grid?: { readonly scheme: string; readonly code: string }
  /** Ed25519, SPKI in DER, base64: who signs the checkpoints. */
  readonly publicKey?: string
  readonly devices: readonly {
    readonly id: string; readonly name: Label; readonly profile?: string; readonly place?: string
    readonly points: readonly { readonly id: PointId; readonly name: Label; readonly type: string; readonly unit?: string }[]
  }[]
}

/** Current values, open alerts and stream heads; taken by the uplink on every (re)connect. */
export interface Snapshot {
  readonly at: EpochMs
  readonly timeQuality: TimeQuality
  readonly heads: Readonly<PerStream<Head>>
  readonly values: readonly { readonly point: PointId; readonly value: Value | null; readonly quality: Quality; readonly at: EpochMs }[]
  /** Without their timelines: those are the records of the alert stream. */
  readonly alerts: readonly Omit<Alert, 'timeline'>[]
}

/** The gateway's own certificate at one uplink. */
export interface CertificateStatus {
  readonly subject: string
  /** Hexadecimal. */
  readonly serial: string
  readonly validTo: EpochMs
  /** When the gateway renews it, and the code of the last try that failed; null where it is renewed by hand. */
  readonly renewal: { readonly at: EpochMs; readonly lastError?: string } | null
}

export interface UplinkStatus {
  readonly id: string
  readonly state: 'connecting' | 'online' | 'backing-off' | 'stopped'
  readonly protocol: 4 | 5 | null
  /** Since when it is online, or since when it is not. */
  readonly since: EpochMs
  readonly sent: number
  readonly acked: number
  readonly rejected: number
  readonly resent: number
  readonly reconnects: number
  readonly inFlight: number
  /** End-to-end acknowledgement: published and unconfirmed, the oldest record of these, confirmed, and acknowledgements that made no sense. */
  readonly confirmations?: { readonly waiting: number; readonly oldestAt: EpochMs | null; readonly confirmed: number; readonly ignored: number }
  /** As the last connection showed it; absent where the site file names none. */
  readonly certificate?: CertificateStatus
  /** Error code of docs/errors.md. */
  readonly lastError?: string
  readonly lastErrorDetail?: string
}

/** Drains one journal reader for ever. */
export interface Uplink extends AsyncDisposable {
  readonly id: string
  /** Resolves when `signal` aborts and what is in flight was settled or let go (at most 1 s). Never throws for the network. */
  run(signal: AbortSignal): Promise<void>
  status(): UplinkStatus
}

export interface PointReader {
  /** undefined: no such point, or nothing seen yet. */
  read(point: PointId): { readonly value: Value | null; readonly quality: Quality; readonly at: EpochMs } | undefined
}

/** Who wants something written, and by which road the wish came. */
export interface Orderer { readonly actor: string; readonly origin: 'city' | 'site' | 'rule' }

export interface PointWriter {
  /**
   * In the point's unit. Throws DriverError POINT_NOT_WRITABLE, POINT_UNKNOWN, DEVICE_OFFLINE, WRITE_TIMEOUT, WRITE_NOT_CONFIRMED, and
   * DOOR_FORBIDDEN or DOOR_FIRE where a door's lock is meant.
   */
  write(point: PointId, value: Value, signal: AbortSignal, by: Orderer): Promise<void>
}

