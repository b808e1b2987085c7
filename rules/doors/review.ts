import type { Facility, Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import type { HoursConfig } from '../hours-schema.ts'
import { reviewLockWrites, type Writers } from './lock-writes.ts'
import type { AccessConfig, DoorConfig, Signal } from './schema.ts'

type Path = Review['path']
interface DoorSections { readonly doors: readonly (DoorConfig | null)[] | null; readonly access: AccessConfig | null; readonly schedules: readonly ({ readonly id: string } | null)[] | null }

/** For doors and terminals: of the schedules that could be read. */
export const idsOf = (schedules: DoorSections['schedules']): readonly string[] => (schedules ?? []).flatMap((each) => each?.id ?? [])

/** An alarm is to be heard within this. */
const heardWithinMs = 2_000

/** What only shows once the devices are known: points that are not there or of another type, locks that cannot be written. */
export function reviewDoors({ doors, access, schedules, ...writers }: DoorSections & Writers, facility: Facility): readonly Review[] {
  const reviews: Review[] = (access?.fire ?? []).flatMap((signal, index) => reviewSignal(signal, ['access', 'fire', index], facility))
  const ids = idsOf(schedules)
  for (const [index, door] of (doors ?? []).entries()) if (door) reviews.push(...reviewDoor(door, ['doors', index], facility, ids))
  return [...reviews, ...reviewLockWrites(doors, writers)]
}

function reviewDoor(door: DoorConfig, at: Path, facility: Facility, schedules: readonly string[]): readonly Review[] {
  const { contact, lock, reader, hours, commands } = door
  const reviews: Review[] = [...reviewSignal(contact, [...at, 'contact'], facility)]
  for (const name of ['exitButton', 'tamper', 'fire'] as const) for (const signal of door[name] ?? []) reviews.push(...reviewSignal(signal, [...at, name], facility))
  for (const { device } of reader ?? []) if (!facility.devices.has(device)) reviews.push({ path: [...at, 'reader'], message: `no device "${device}"${didYouMean(device, facility.devices.keys())}` })
  if (lock) reviews.push(...reviewLock(door, lock, [...at, 'lock'], facility))
  if (!lock && commands.unlock.length + commands.lock.length > 0) reviews.push({ path: [...at, 'commands'], message: `door "${door.id}" has no lock that could be commanded` })
  if (hours !== undefined) reviews.push(...reviewHours(hours, [...at, 'hours'], schedules))
  if (door.freeInHours && hours === undefined) reviews.push({ path: [...at, 'freeInHours'], message: 'it may stand unlocked within its hours, and has none; add hours' })
  if (door.freeInHours && lock?.pulse !== undefined) reviews.push({ path: [...at, 'freeInHours'], message: `door "${door.id}" may stand unlocked in its hours, but its lock is locked again after each pulse`, warning: true })
  const seen = facility.points.get(contact.point)?.seenWithinMs
  if (door.alerts.forced !== false && seen != null && seen + door.grace > heardWithinMs) reviews.push({ path: [...at, 'grace'], message: `door "${door.id}": poll, time-out and grace together take ${seen + door.grace} ms, so that a forced door is heard later than 2 s; poll ${contact.point} faster, or shorten grace`, warning: true })
  return reviews
}

function reviewLock(door: DoorConfig, { point, state, unlocked, locked }: NonNullable<DoorConfig['lock']>, at: Path, facility: Facility): readonly Review[] {
  const found = facility.points.get(point)
  if (!found) return [{ path: [...at, 'point'], message: `no point "${point}"${didYouMean(point, facility.points.keys())}` }]
  const reviews: Review[] = []
  if (state !== undefined) reviews.push(...reviewSignal({ point: state, equals: unlocked }, [...at, 'state'], facility))
  if (typeof unlocked !== found.type || typeof locked !== found.type) reviews.push({ path: [...at, typeof unlocked === found.type ? 'locked' : 'unlocked'], message: `${point} is a ${found.type}: say in the lock's unlocked and locked which ${found.type} means what` })
  if (unlocked === locked) reviews.push({ path: [...at, 'locked'], message: 'locked and unlocked are the same value' })
  const commanded = door.commands.unlock.length + door.commands.lock.length > 0 || door.lock?.pulse !== undefined
  if (commanded && !found.writable) reviews.push({ path: [...at, 'point'], message: `${point} is not writable, so nobody can command door "${door.id}"; set writable: true at the point if its device allows that` })
  return reviews
}

function reviewSignal({ point, equals }: Signal, path: Path, facility: Facility): readonly Review[] {
  const found = facility.points.get(point)
  if (!found) return [{ path, message: `no point "${point}"${didYouMean(point, facility.points.keys())}` }]
  if (typeof equals === found.type) return []
  return [{ path, message: `${point} is a ${found.type}; write { point: ${point}, equals: … } with the ${found.type} that means yes` }]
}

/** For doors and terminals. */
export function reviewHours(hours: HoursConfig, path: Path, schedules: readonly string[]): readonly Review[] {
  if (typeof hours !== 'string' || schedules.includes(hours)) return []
  return [{ path, message: `no schedule "${hours}"${didYouMean(hours, schedules)}; write the hours of a week here, such as ["mon-fri 08:30-17:30"]` }]
}
