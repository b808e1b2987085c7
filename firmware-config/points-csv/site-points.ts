import path from 'node:path'
import { loadSite } from '../site/index.ts'
import { isObject, type Plain, type PlainObject } from '../site/plain.ts'
import { Problems } from '../site/problems.ts'
import { ProfileLibrary, shippedProfiles } from '../site/profile-library.ts'
import type { RoomSchemas } from '../site/room-schemas.ts'

/** A device of a valid site file, as the file writes it. */
export interface SiteDevice {
  readonly id: string
  /** Its place in `devices`. */
  readonly index: number
  readonly driver: string
  readonly profile?: string
  /** What the profile says, by point; nothing of it is checked or defaulted here. */
  readonly inherited: Readonly<Record<string, PlainObject>>
  /** What the site file itself says, by point. */
  readonly own: Readonly<Record<string, PlainObject>>
}

/** In the order of the file. `text`: in place of what the file holds. Throws SiteError for what `linli check` would refuse. */
export async function readDevices(file: string, rooms: RoomSchemas, text?: string): Promise<readonly SiteDevice[]> {
  let root: Plain = null
  await loadSite(file, rooms, { override: (raw) => (root = raw as Plain), ...(text === undefined ? {} : { text }) })
  const library = await ProfileLibrary.open([path.join(path.dirname(path.resolve(file)), 'profiles'), shippedProfiles])
  return devicesOf(root, library)
}

async function devicesOf(root: Plain, library: ProfileLibrary): Promise<readonly SiteDevice[]> {
  if (!isObject(root) || !Array.isArray(root.devices)) return []
  const drivers = new Map((root.connections as { id: string; driver: string }[]).map(({ id, driver }) => [id, driver]))
  return Promise.all((root.devices as { id: string; connection: string; profile?: string; points?: Record<string, PlainObject> }[]).map(async ({ id, connection, profile, points }, index) => ({
    id, index, driver: drivers.get(connection)!, own: points ?? {}, ...(profile === undefined ? {} : { profile }),
    inherited: (profile === undefined ? {} : (await library.load(profile, new Problems()))?.points ?? {}) as Record<string, PlainObject>,
  })))
}

/** The profile's points first, then the device's own: the order in which the gateway knows them. */
export const pointNames = ({ inherited, own }: SiteDevice): readonly string[] => [...new Set([...Object.keys(inherited), ...Object.keys(own)])]
export const effective = ({ inherited, own }: SiteDevice, point: string): PlainObject => ({ ...(Object.hasOwn(inherited, point) ? inherited[point] : {}), ...(Object.hasOwn(own, point) ? own[point] : {}) })
