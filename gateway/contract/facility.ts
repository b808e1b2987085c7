import type { Label } from './config.ts'
import type { GatewayEvent, Mode } from './events.ts'
import type { StateWrite } from './journal.ts'
import type { EpochMs, Json, PointId } from './values.ts'

/** What the rules room may know about a point before anything runs. */
export interface FacilityPoint {
  readonly id: PointId
  readonly deviceId: string
  readonly connectionId: string
  readonly place?: string
  readonly name: Label
  readonly type: 'number' | 'boolean' | 'string'
  readonly unit?: string
  readonly writable: boolean
  readonly pollMs: number
  /** It speaks when it wants to (MQTT): silence says nothing, so staleness is the age of its last message. A polled point is stale when it is bad. */
  readonly pushed: boolean
  /** Longest time until a change is seen or a failure told: poll interval and time-out; null where the device pushes. */
  readonly seenWithinMs: number | null
}
export interface FacilityDevice { readonly id: string; readonly name: Label; readonly connectionId: string; readonly place?: string; readonly profile?: string }

/** The devices and points of a checked site file, as decisions are made about them. */
export interface Facility {
  readonly timezone: string
  readonly points: ReadonlyMap<PointId, FacilityPoint>
  readonly devices: ReadonlyMap<string, FacilityDevice>
  /** What the site file calls its places. */
  readonly places?: ReadonlyMap<string, Label>
}

/** In place of a device: the page behind the printed codes, where what is said is of a place. No device has this id then. */
export const residentsPage = 'residents'

/** A door as `linli doors` and the page show it. */
export interface DoorView {
  readonly id: string
  readonly name: Label
  readonly place?: string
  readonly contact: 'unknown' | 'closed' | 'open'
  readonly openSince?: EpochMs
  readonly lock?: 'unknown' | 'locked' | 'unlocked'
  /** What is wrong with it: the alerts it has raised. */
  readonly conditions: readonly string[]
  readonly fire: boolean
  /** Inputs that cannot be read. */
  readonly lost: readonly string[]
  /** By result, since midnight of the site; what the readers tell included. */
  readonly today: Readonly<Record<string, number>>
  readonly recent: readonly { readonly at: EpochMs; readonly result: string }[]
}

/** A terminal as `linli terminals` and the page show it. */
export interface KioskView {
  readonly id: string
  readonly name: Label
  readonly place?: string
  readonly device: string
  readonly condition: string
  readonly since?: EpochMs
  /** Ids of peripherals, or `device`, `online`. */
  readonly why: readonly string[]
  /** The same in words. */
  readonly reasons: readonly Label[]
  /** Milliseconds in each condition, the present hour first; at most 24. */
  readonly hours: readonly { readonly from: EpochMs; readonly ms: Readonly<Record<string, number>> }[]
  /** Since midnight of the site: by item code, how many, and by result. */
  readonly sessions: { readonly count: number; readonly items: Readonly<Record<string, number>>; readonly results: Readonly<Record<string, number>> }
}

/** What a room finds wrong in its own sections once the devices are known. */
export interface Review {
  /** From the root of the site file. */
  readonly path: readonly (string | number)[]
  /** Index into the text at `path`, for expressions. */
  readonly offset?: number
  readonly message: string
  /** It works but will not please; told, and no reason to refuse the file. */
  readonly warning?: true
}

/** Which devices and places are worked on. Alerts of theirs are muted, events marked, indicators leave them out. */
export interface Maintenance {
  readonly id: string
  /** A device, or a place with all its devices and what is said of the place itself. */
  readonly device?: string
  readonly place?: string
  readonly since: EpochMs
  readonly until: EpochMs
  readonly by: string
  readonly reason: string
}
export interface Modes {
  /** Of a device, or of something at a place, whatever its device. Absent: normal. */
  of(deviceId: string | undefined, place?: string): Mode | undefined
  list(): readonly Maintenance[]
  /** Throws ConfigError MAINTENANCE_INVALID. */
  begin(order: Omit<Maintenance, 'id' | 'since'>, now: EpochMs): Promise<Maintenance>
  end(id: string, now: EpochMs): Promise<boolean>
}

/**
 * What happened in the building, kept on the box for pages and reports after the city has it: alerts, doors, terminals, devices,
 * commands. One file a day, deleted after its days; access events in files of their own with days of their own. Disposable: the
 * journal is the truth.
 */
export interface EventLog {
  /** Synchronous, never throws. */
  record(events: readonly GatewayEvent[]): void
  /** In order of time in [from, to). Damaged lines are left out and counted. */
  read(from: EpochMs, to: EpochMs, types?: readonly string[]): AsyncIterable<GatewayEvent>
}

/** State of one room, below its own prefix. */
export interface RoomState { entries(prefix: string): Promise<readonly (readonly [string, Json])[]>; write(state: readonly StateWrite[]): Promise<void> }
