import type { DoorView, EpochMs, Facility, JsonObject, KioskView, Occurrence, PointReader, Rule } from '../gateway/contract/index.ts'
import { createDoors, type DoorDecisions, type WriteGuard } from './doors/index.ts'
import { createKiosks, type KioskDecisions } from './kiosks/index.ts'

export type { WriteGuard }

/** Doors, terminals and residents: rules that know what a device is for. */
export interface FacilityModels {
  readonly rules: readonly Rule[]
  /** In front of every write: what a door's lock may be told, by whom, and not in a fire. */
  guard(reader: PointReader): WriteGuard
  /** What an occurrence's event says besides what its device said: the door or kiosk it is about, what its item is called. */
  enrich(occurrence: Occurrence): JsonObject
  doors(now: EpochMs): readonly DoorView[]
  kiosks(now: EpochMs): readonly KioskView[]
}

/** Throws ConfigError SERVICES_INVALID. */
export function createFacilityModels(decisions: DoorDecisions & KioskDecisions, facility: Facility): FacilityModels {
  const doors = createDoors(decisions, facility.timezone)
  const kiosks = createKiosks(decisions, facility)
  return {
    rules: [...doors.rules, ...kiosks.rules],
    guard: (reader) => doors.guard(reader),
    enrich: (occurrence) => ({ ...doors.enrich(occurrence), ...kiosks.enrich(occurrence) }),
    doors: (now) => doors.views(now),
    kiosks: (now) => kiosks.views(now),
  }
}
