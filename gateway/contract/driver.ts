import type { Logger } from 'pino'
import type { Clock, Random } from './clock.ts'
import type { ConnectionConfig, PointConfig, SecretRef } from './config.ts'
import type { Intake, Json, Value } from './values.ts'

/** What `main` lends to a driver. Nothing else of the house is visible to it. */
export interface DriverKit {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** HMAC-SHA256 under the site's key, 32 hex digits: for card, ID and phone numbers, which never leave the driver in clear. */
  hashIdentity(value: string): string
  /** Throws ConfigError CONFIG_SECRET_MISSING. */
  readSecret(ref: SecretRef): Promise<string>
  /** What this connection's `Intake.remember` last stored under the key; undefined when nothing. */
  recall(key: string): Promise<Json | undefined>
}

/** What the driver makes of its own statistics: a cause and a next step, in a sentence that names the device. */
export interface Finding { readonly code: string; readonly deviceId?: string; readonly text: string }

/** A driver by name; its libraries wait for {@link DriverEntry.load}. */
export interface DriverEntry {
  readonly name: string
  load(): Promise<Driver>
}

export interface Driver<Settings = any, Device = any, Address = any> {
  readonly name: string
  /**
   * Opens the link. Called by the supervisor, again after back-off whenever it was lost. Throws DriverError with a code, and
   * nothing stays open. A single device that does not answer is not a lost link: that is data (quality bad, DeviceStatus).
   */
  connect(config: ConnectionConfig<Settings, Device, Address>, kit: DriverKit, signal: AbortSignal): Promise<Session<Address>>
}

/** Something said on a driver's own bus, mapped or not, allowed or not. `sender`: the device with whose account it was said. */
export interface Overheard { readonly topic: string; readonly payload: Uint8Array; readonly sender: string }

/** Who knocked and was not let in: a device that the site file does not have, or with a wrong password. */
export interface Refused { readonly username: string; readonly address: string; readonly count: number; /** A device of the site file has this username. */ readonly known: boolean }

export interface Session<Address = any> extends AsyncDisposable {
  /**
   * Polled or pushed alike; called once. Ends quietly when `signal` aborts, throws DriverError when the link is lost. The
   * first intake gives every polled point's value or its bad quality. The consumer does not wait for storage between intakes.
   */
  intake(signal: AbortSignal): AsyncIterable<Intake>
  /** Raw value (already unscaled). Resolves after read-back where the device allows it. Never retried by the caller. */
  write?(point: PointConfig<Address>, raw: Value, signal: AbortSignal): Promise<void>
  /** To whoever listens on the driver's own bus, such as the building's broker; not retained. Throws DriverError when the link is lost. */
  publish?(topic: string, payload: string, signal: AbortSignal): Promise<void>
  /**
   * For who looks for devices: first what devices announced since the session began, then everything that is said, until the returned
   * function is called. `hear` must not throw, and is called in the middle of a publish.
   */
  overhear?(hear: (said: Overheard) => void): () => void
  refused?(): readonly Refused[]
  /** Counters for `linli status`, cheap to read. */
  statistics?(): Readonly<Record<string, number>>
  /** The same by device id. */
  deviceStatistics?(): Readonly<Record<string, Readonly<Record<string, number>>>>
  /** For `linli doctor`; empty when all is well. */
  findings?(): readonly Finding[]
}
