import type { Orderer, PointId, PointReader, Value } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import type { FireWatch } from './fire.ts'
import type { DoorConfig, Signal } from './schema.ts'
import { seenOf } from './signal.ts'

/** Called with every write before it goes to a driver, whatever its road. Throws DriverError DOOR_FORBIDDEN or DOOR_FIRE. */
export type WriteGuard = (point: PointId, value: Value, by: Orderer) => void

interface Lock { readonly door: DoorConfig; readonly lock: NonNullable<DoorConfig['lock']>; readonly fire: readonly Signal[] }

export type Command = 'unlock' | 'lock'
/** Null: a value that is neither. */
export const commandOf = (lock: NonNullable<DoorConfig['lock']>, value: Value): Command | null => (value === lock.unlocked ? 'unlock' : value === lock.locked ? 'lock' : null)
export const allows = ({ commands }: DoorConfig, command: Command, actor: string, origin: Orderer['origin']): boolean => commands[command].some((each) => each.origin === origin && (each.actor === '*' || each.actor === actor))

/**
 * What stands in front of the PointWriter: a lock is written only as the site file lists, and is not locked while there is a fire.
 * `reader` is asked besides what `watch` remembers, so that neither alone has to be right.
 */
export function createDoorGuard(parts: { readonly doors: readonly DoorConfig[]; readonly fire: readonly Signal[]; readonly watch: FireWatch; readonly reader: PointReader }): WriteGuard {
  const { doors, fire, watch, reader } = parts
  const locks = new Map<PointId, Lock[]>()
  for (const door of doors) {
    if (!door.lock) continue
    const { point } = door.lock
    locks.set(point, [...locks.get(point) ?? [], { door, lock: door.lock, fire: [...fire, ...door.fire ?? []] }])
  }
  const isBurning = (signals: readonly Signal[]): boolean => watch.isBurning(signals.map(({ point }) => point)) || signals.some((signal) => {
    const live = reader.read(signal.point)
    return live !== undefined && seenOf(signal, live) === 'on'
  })
  return (point, value, { actor: who, origin }) => {
    // A rule orders under its id, told as rule:<id>.
    const actor = origin === 'rule' ? who.replace(/^rule:/, '') : who
    // One relay may hold two doors: each has its say.
    for (const { door, lock, fire: signals } of locks.get(point) ?? []) {
      const command = commandOf(lock, value)
      if (command !== 'unlock' && isBurning(signals)) throw new DriverError('DOOR_FIRE', `door "${door.id}" is not locked while there is a fire signal (${signals.map((signal) => signal.point).join(', ')}); nothing was sent to ${point}. End the alarm at the fire panel first`, { values: { door: door.id, point } })
      if (command === null) throw new DriverError('DOOR_FORBIDDEN', `${JSON.stringify(value)} is no command of door "${door.id}": ${point} takes ${JSON.stringify(lock.unlocked)} to unlock and ${JSON.stringify(lock.locked)} to lock`, { values: { door: door.id, point } })
      const ownPulse = command === 'lock' && origin === 'rule' && actor === `door/${door.id}` && lock.pulse !== undefined
      if (ownPulse || allows(door, command, actor, origin)) continue
      throw new DriverError('DOOR_FORBIDDEN', `door "${door.id}": ${actor} (${origin}) may not ${command} it; nothing was sent to ${point}. Whom the site file should allow stands in doors, commands.${command}, as { actor, origin }`, { values: { door: door.id, point, actor, origin } })
    }
  }
}
