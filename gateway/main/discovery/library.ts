import path from 'node:path'
import { identifyCheck } from '../../../drivers/modbus/scan/identify.ts'
import type { ScanProfile } from '../../../drivers/modbus/scan/fingerprint.ts'
import type { ModbusPoint } from '../../../drivers/modbus/plan.ts'
import { modbusSchemas } from '../../../drivers/modbus/schema.ts'
import type { ModbusDevice } from '../../../drivers/modbus/settings.ts'
import { lintProfile, ProfileLibrary, shippedProfiles } from '../../../firmware-config/site/index.ts'
import { roomSchemas } from '../../cli/rooms.ts'

/** The device library as a scan of Modbus lines sees it; `folders` of the site go before the shipped one. A profile that cannot be read is left out. */
export async function scanLibrary(folders: readonly string[] = [path.resolve('profiles')]): Promise<readonly ScanProfile[]> {
  const library = await ProfileLibrary.open([...folders, shippedProfiles])
  const all = await Promise.all(library.names().toSorted().map((name) => lintProfile(library.file(name)!, roomSchemas.drivers)))
  return all.flatMap(({ profile, points }) => {
    if (profile?.driver !== 'modbus' || points.length === 0) return []
    const settings = modbusSchemas.device.safeParse({ ...profile.device, unitId: 1 }).data as ModbusDevice | undefined
    const identify = profile.identify.map((entry) => identifyCheck.safeParse(entry).data)
    if (!settings || !identify.every((check) => check !== undefined)) return []
    return [{ name: profile.profile, label: profile.name, points: points as readonly ModbusPoint[], maxRegisters: settings.maxRegisters, maxBits: settings.maxBits, identify }]
  })
}
