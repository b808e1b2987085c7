import type { DoorView, JsonObject, Occurrence, PointReader, Rule } from '../../gateway/contract/index.ts'
import type { HoursParts } from '../hours.ts'
import { createDoor, wordOf, type Door } from './door.ts'
import { FireWatch } from './fire.ts'
import { createDoorGuard, type WriteGuard } from './guard.ts'
import type { AccessConfig, DoorConfig } from './schema.ts'

export type { WriteGuard } from './guard.ts'

export interface Doors {
  readonly rules: readonly Rule[]
  guard(reader: PointReader): WriteGuard
  /** Fields that a reader's occurrence gets before it is stored: which door it is about. */
  enrich(occurrence: Occurrence): JsonObject
  views(now: number): readonly DoorView[]
}

export interface DoorDecisions extends Omit<HoursParts, 'timezone'> { readonly doors: readonly DoorConfig[]; readonly access: AccessConfig }

export function createDoors({ doors: configs, access, ...plans }: DoorDecisions, timezone: string): Doors {
  const fire = access.fire ?? []
  const doors: readonly Door[] = configs.map((config) => createDoor(config, { ...plans, timezone, fire }))
  const signals = [...fire, ...configs.flatMap((config) => config.fire ?? [])]
  const watch = new FireWatch(signals)
  const readers = configs.flatMap(({ id, reader }) => (reader ? [{ id, reader }] : []))
  return {
    rules: signals.length > 0 ? [watch, ...doors] : doors,
    guard: (reader) => createDoorGuard({ doors: configs, fire, watch, reader }),
    enrich(occurrence): JsonObject {
      if (occurrence.type !== 'access') return {}
      const found = readers.find(({ reader }) => wordOf(reader, occurrence) !== null)
      return found ? { door: found.id } : {}
    },
    views: (now) => doors.map((door) => door.view(now)),
  }
}
