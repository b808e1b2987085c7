import type { Facility, Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import type { HeartbeatSection } from './schema.ts'

interface Sections {
  readonly heartbeat: HeartbeatSection | null
  readonly doors: readonly ({ readonly id: string; readonly lock?: { readonly point: string } | undefined } | null)[] | null
  readonly sounders: readonly ({ readonly id: string; readonly points: readonly string[] } | null)[] | null
}

/** The output exists, is on or off, can be written, and belongs to nobody else. */
export function reviewHeartbeat({ heartbeat, doors, sounders }: Sections, { points }: Facility): readonly Review[] {
  if (!heartbeat) return []
  const { point } = heartbeat
  const refuse = (message: string): readonly Review[] => [{ path: ['heartbeat', 'point'], message }]
  const found = points.get(point)
  if (!found) return refuse(`no point "${point}"${didYouMean(point, points.keys())}`)
  if (found.type !== 'boolean') return refuse(`${point} is a ${found.type}; a heartbeat needs an output that is on or off`)
  if (!found.writable) return refuse(`${point} is read-only; set "writable: true" in its profile or the site file if the device allows writes`)
  const door = doors?.find((each) => each?.lock?.point === point)
  if (door) return refuse(`${point} is the lock of door "${door.id}"; a heartbeat needs an output of its own`)
  const sounder = sounders?.find((each) => each?.points.includes(point))
  if (sounder) return refuse(`${point} belongs to sounder "${sounder.id}"; a heartbeat needs an output of its own`)
  return []
}
