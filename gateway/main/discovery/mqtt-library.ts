import { mqttSchemas, type MqttAddress, type MqttDevice, type MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import { lintProfile, ProfileLibrary, shippedProfiles } from '../../../firmware-config/site/index.ts'
import type { Label, PointConfig } from '../../contract/index.ts'
import { roomSchemas } from '../../cli/rooms.ts'

/** A model of the device library, as far as listening needs it. */
export interface MqttProfile { readonly name: string; readonly label: Label; readonly device: Readonly<Record<string, unknown>>; readonly points: readonly PointConfig<MqttAddress>[] }

/** `folders` of the site go before the shipped one. A profile that cannot be read is left out. */
export async function mqttLibrary(folders: readonly string[]): Promise<readonly MqttProfile[]> {
  const library = await ProfileLibrary.open([...folders, shippedProfiles])
  const all = await Promise.all(library.names().toSorted().map((name) => lintProfile(library.file(name)!, roomSchemas.drivers)))
  return all.flatMap(({ profile, points }) => (profile?.driver === 'mqtt' ? [{ name: profile.profile, label: profile.name, device: profile.device, points: points as readonly PointConfig<MqttAddress>[] }] : []))
}

/** A device of that model as a site file would have it; null where the profile alone makes none. */
export function deviceOf({ name, label, device, points }: MqttProfile, variables: Readonly<Record<string, string>>): MqttDeviceConfig | null {
  const settings = mqttSchemas.device.safeParse({ ...device, variables }).data as MqttDevice | undefined
  return settings ? { id: 'found', name: label, connectionId: '', profile: name, settings, points } : null
}
