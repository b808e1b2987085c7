import type { EpochMs, Facility } from '../../gateway/contract/index.ts'
import type { AlertRecord } from './record.ts'

/**
 * Which failure explains an alert. An alert whose data name a `connection` explains those of all its devices; one that says that its
 * device is `offline` (data.state, or a key that ends so) explains the others of the device. Never one that is graver than itself:
 * a smoke alarm stays loud whatever happens to the bus; and an equal one only where it, too, says no more than "offline".
 */
export function isParentOf(parent: AlertRecord, child: AlertRecord, facility: Pick<Facility, 'devices'>): boolean {
  if (parent === child || !explains(parent) || child.life.subject.deviceId === undefined) return false
  const [mine, theirs] = [parent.life.subject, child.life.subject]
  const { connection } = mine.data
  const covers = typeof connection === 'string' ? facility.devices.get(theirs.deviceId!)?.connectionId === connection : isOffline(parent) && mine.deviceId === theirs.deviceId
  return covers && (theirs.severity > mine.severity || (theirs.severity === mine.severity && isOffline(child) && typeof connection === 'string'))
}

/** It stands, and nobody has found it to be a test. */
export function explains({ life }: AlertRecord): boolean {
  return (life.state === 'raised' || life.state === 'acknowledged') && life.condition === 'active' && life.subject.mode !== 'test'
}

/** Could it be a parent at all? Most alerts cannot, and cost nothing. */
export const mayExplain = (record: AlertRecord): boolean => typeof record.life.subject.data.connection === 'string' || (record.life.subject.deviceId !== undefined && isOffline(record))

function isOffline({ key, life: { subject: { data } } }: AlertRecord): boolean { return data.state === 'offline' || /(^|[/-])offline$/.test(key) }

/** Devices on a dead bus are found out one after the other. */
const offlineMs = 600_000

/** Nobody has acted on it, and it came so shortly before that it belongs to it. */
export function isFresh(child: AlertRecord, parent: AlertRecord, at: EpochMs, withinMs: number): boolean {
  const { state, suppressedBy, askedAt } = child.life
  const longest = isOffline(child) && typeof parent.life.subject.data.connection === 'string' ? offlineMs : withinMs
  return state === 'raised' && suppressedBy === undefined && at - askedAt <= longest
}
