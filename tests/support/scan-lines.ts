import { openSerial } from '../../drivers/modbus/link.ts'
import { nameOfSetting, type FoundDevice, type ScanEvent, type SerialSetting } from '../../drivers/modbus/scan/events.ts'
import type { ScanProfile } from '../../drivers/modbus/scan/fingerprint.ts'
import { scanRtu, type RtuScanOptions } from '../../drivers/modbus/scan/rtu-scan.ts'
import { SerialScanLine } from '../../drivers/modbus/scan/scan-line.ts'
import { wireOf } from '../../drivers/modbus/wire.ts'
import { systemClock as clock } from '../../gateway/kit/index.ts'

export const usualSetting: SerialSetting = { baudRate: 9_600, parity: 'none', stopBits: 1 }

/** A scan of a real pty; `tuned` hears each setting the line is opened with. */
export function ptyScan(path: string, library: readonly ScanProfile[], more: Partial<RtuScanOptions> = {}, tuned: (setting: SerialSetting) => void = () => {}): RtuScanOptions {
  return {
    settings: [usualSetting], units: { first: 1, last: 247 }, timeoutMs: 120, library, everySetting: false, despiteMaster: false, clock,
    placeOf: (setting) => ({ transport: 'rtu', path, setting }), baudOf: ({ baudRate }) => baudRate,
    open: async (setting) => {
      const link = await openSerial({ path, dataBits: 8, ...setting })
      tuned(setting)
      return new SerialScanLine(link, wireOf({ transport: 'rtu', dataBits: 8, ...setting }), clock)
    },
    ...more,
  }
}

export interface Scanned { readonly devices: readonly FoundDevice[]; readonly events: readonly ScanEvent[]; readonly busMs: number }

export async function runScan(options: RtuScanOptions, signal = new AbortController().signal): Promise<Scanned> {
  const events: ScanEvent[] = []
  for await (const event of scanRtu(options, signal)) events.push(event)
  return { events, devices: events.flatMap((event) => (event.kind === 'found' ? [event.device] : [])), busMs: events.reduce((ms, event) => (event.kind === 'done' ? event.busMs : ms), 0) }
}

export const settingOf = ({ place }: FoundDevice): string => (place.transport === 'rtu' ? nameOfSetting(place.setting) : place.host)
