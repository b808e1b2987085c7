import type { Forecast } from '../../gateway/contract/index.ts'
import { limitsOf, planReads } from './plan.ts'
import { isBitTable } from './registers.ts'
import type { ModbusConfig } from './settings.ts'
import { readMs, wireOf } from './wire.ts'

export interface BusForecast {
  readonly devices: number
  readonly requests: number
  /** Every read of every device once, one after the other. */
  readonly scanMs: number
  /** The shortest interval asked for. */
  readonly askedMs: number
  /** Share of the time the line would be busy; above 1 it cannot keep up. */
  readonly load: number
}

/** What a serial line will be able to do: wire time, silences and each device's turnaround. Null for TCP, where nothing is known. */
export function forecast({ settings, devices }: ModbusConfig): BusForecast | null {
  if (settings.transport === 'tcp') return null
  const wire = wireOf(settings)
  let requests = 0
  let scanMs = 0
  let load = 0
  let askedMs = Infinity
  for (const device of devices) {
    const pauseMs = device.settings.pauseBetweenRequests ?? settings.pauseBetweenRequests
    for (const read of planReads(device.points, limitsOf(settings, device.settings))) {
      const ms = readMs(wire, isBitTable(read.table), read.count) + device.settings.turnaround + pauseMs
      requests++
      scanMs += ms
      load += ms / Math.max(1, read.pollMs)
      askedMs = Math.min(askedMs, read.pollMs)
    }
  }
  return requests === 0 ? null : { devices: devices.length, requests, scanMs, askedMs, load }
}

const unstableName = /^\/dev\/tty(USB|ACM)\d+$/
const seconds = (ms: number): string => `${ms < 10_000 ? (ms / 1_000).toFixed(1) : Math.round(ms / 1_000)} s`

/** For `linli check`: what will not please on this line. */
export function foresee(config: ModbusConfig): readonly Forecast[] {
  const { id, settings } = config
  const out: Forecast[] = []
  if (settings.path && unstableName.test(settings.path)) out.push({ message: `connection ${id}: ${settings.path} may be another adapter after the next restart; name it by /dev/serial/by-id or /dev/serial/by-path` })
  const bus = forecast(config)
  if (bus && bus.load > 0.9) out.push({ message: `connection ${id}: ${bus.devices} devices at ${settings.baudRate}: a full scan takes ${seconds(bus.scanMs)}, asked for ${seconds(bus.askedMs)}; ${advice(bus, settings.baudRate)}` })
  return out
}

function advice({ load, requests }: BusForecast, baudRate: number): string {
  const slower = `poll ${Math.ceil(load / 0.8)} times as slowly`
  const faster = baudRate < 115_200 ? `raise the baud rate of all its devices` : 'split the line'
  return `${requests} requests keep it ${Math.round(load * 100)} % busy: ${slower}, ${faster}, or leave out points nobody needs`
}
