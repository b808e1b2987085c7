import path from 'node:path'
import { identifyCheck, type IdentifyCheck } from '../../../drivers/modbus/scan/identify.ts'
import { lintProfile, ProfileLibrary, shippedProfiles } from '../../../firmware-config/site/index.ts'
import { roomSchemas, type Site } from '../rooms.ts'

export type Identities = ReadonlyMap<string, readonly IdentifyCheck[]>

/** By device id, what a scan knows the Modbus devices of a site by: `identify` of their profiles. A device without a profile, or whose profile names nothing, has an empty one. */
export async function identitiesOf({ file, connections }: Pick<Site, 'file' | 'connections'>): Promise<Identities> {
  const devices = connections.filter(({ driver }) => driver === 'modbus').flatMap((connection) => connection.devices)
  if (devices.length === 0) return new Map()
  const library = await ProfileLibrary.open([path.join(path.dirname(path.resolve(file)), 'profiles'), path.resolve('profiles'), shippedProfiles])
  const names = [...new Set(devices.flatMap(({ profile }) => profile ?? []))]
  const checks = new Map(await Promise.all(names.map(async (name) => [name, await checksOf(library.file(name))] as const)))
  return new Map(devices.map(({ id, profile }) => [id, checks.get(profile ?? '') ?? []]))
}

async function checksOf(file: string | undefined): Promise<readonly IdentifyCheck[]> {
  if (file === undefined) return []
  const { profile } = await lintProfile(file, roomSchemas.drivers)
  return profile?.identify.flatMap((entry) => identifyCheck.safeParse(entry).data ?? []) ?? []
}
