import type { Finding } from '../../gateway/contract/index.ts'
import { forecast } from './forecast.ts'
import type { ModbusConfig } from './settings.ts'

export interface BusStatistics {
  readonly line: Readonly<Record<string, number>>
  readonly devices: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly offline: readonly string[]
}

/** Below so many requests nothing is concluded. */
const enough = 20
const share = (part: number | undefined, whole: number | undefined): number => (part ?? 0) / Math.max(1, whole ?? 0)
const percent = (value: number): string => `${value < 0.1 ? (value * 100).toFixed(1) : Math.round(value * 100)} %`

/** The likely cause of what a line's counters show, the most telling first. Pure. */
export function diagnose(config: ModbusConfig, { line, devices, offline }: BusStatistics): readonly Finding[] {
  if ((line.requests ?? 0) < enough) return []
  const out: Finding[] = []
  const { id, settings } = config
  const serial = settings.transport !== 'tcp'
  const say = (code: string, text: string, deviceId?: string): void => { out.push({ code, text, ...(deviceId ? { deviceId } : {}) }) }
  const answered = Object.values(devices).some((device) => (device.requests ?? 0) > (device.timeouts ?? 0) + (device.crcErrors ?? 0) + (device.framingErrors ?? 0))
  const framing = `${settings.baudRate} ${settings.dataBits}${settings.parity[0]!.toUpperCase()}${settings.stopBits}`

  if (serial && !answered && (line.noiseBytes ?? 0) + (line.framingErrors ?? 0) + (line.crcErrors ?? 0) > 0) {
    say('BUS_WRONG_PARAMETERS', `connection ${id}: something answers and nothing of it can be read: baud rate or parity is wrong (now ${framing}), or A and B are swapped; try 9600 8N1, 9600 8E1 and 19200 8E1`)
  } else if (serial && !answered && (line.timeouts ?? 0) >= enough) {
    say('BUS_SILENT', `connection ${id}: nobody answers at all: check that the adapter is the right one, A and B are not swapped, the devices have power, and the baud rate is theirs (now ${framing})`)
  }
  for (const [deviceId, counters] of Object.entries(devices)) {
    const { requests = 0, timeouts = 0, crcErrors = 0, framingErrors = 0 } = counters
    if (requests < enough || !answered) continue
    const unitId = config.devices.find((device) => device.id === deviceId)?.settings.unitId
    const damaged = share(crcErrors + framingErrors, requests)
    const othersDamaged = share((line.crcErrors ?? 0) - crcErrors + (line.framingErrors ?? 0) - framingErrors, (line.requests ?? 0) - requests)
    if (damaged > 0.2 && othersDamaged < 0.02) say('BUS_DUPLICATE_ADDRESS', `${deviceId}: ${percent(damaged)} of its answers are damaged and nobody else's: most likely two devices have unit id ${unitId}; unplug it and see whether the other one answers`, deviceId)
    else if (!offline.includes(deviceId) && share(timeouts, requests) > 0.05) say('BUS_SLOW_DEVICE', `${deviceId}: ${percent(share(timeouts, requests))} of its requests time out (half of its answers take ${counters.turnaroundP50} ms, one in twenty ${counters.turnaroundP95} ms or more): raise its "timeout" or "pauseBetweenRequests", or check its stub`, deviceId)
  }
  const damagedAll = share((line.crcErrors ?? 0) + (line.framingErrors ?? 0), line.requests)
  if (serial && answered && damagedAll > 0.01 && !out.some(({ code }) => code === 'BUS_DUPLICATE_ADDRESS')) {
    say('BUS_NOISE', `connection ${id}: ${percent(damagedAll)} of the answers are damaged, from several devices: check the 120 Ω termination at both ends, the bias resistors, the common ground, and that the cable is a shielded twisted pair away from mains`)
  }
  if (share(line.foreignFrames, line.requests) > 0.01) say('BUS_OTHER_MASTER', `connection ${id}: ${line.foreignFrames} frames of somebody else came in: another master is on the line; a serial line has one`)
  if ((line.loadPercent ?? 0) > 90) {
    const bus = serial ? forecast(config) : null
    say('BUS_OVERLOADED', `connection ${id}: the line is ${line.loadPercent} % busy and ${line.skippedPolls ?? 0} polls were skipped: too many points${serial ? ` for ${settings.baudRate} baud` : ''}${bus ? ` (a full scan takes ${(bus.scanMs / 1_000).toFixed(1)} s)` : ''}; poll more slowly or leave out points`)
  }
  return out
}
