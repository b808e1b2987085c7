import type { Clock, PointConfig, Sample, Value } from '../../gateway/contract/index.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import type { MqttIntake } from './intake.ts'
import type { MqttAddress, MqttCommand, MqttDeviceConfig } from './settings.ts'
import { fillIn } from './topics.ts'

export interface Command { readonly topic: string; readonly payload: string }

/** What goes out for a raw value; 0 and false are values like others. Throws DriverError POINT_NOT_WRITABLE, POINT_VALUE. */
export function encodeCommand({ id, address }: PointConfig<MqttAddress>, device: MqttDeviceConfig, raw: Value): Command {
  const { command } = address
  if (!command) throw new DriverError('POINT_NOT_WRITABLE', `${id} has no command: { topic, payload } in its profile or the site file`)
  const word = wordFor(id, command, address.map, raw)
  const text = String(word)
  const json = /^\s*[{[]/.test(command.payload)
  const payload = command.payload.replaceAll(/\{(value|json)\}/g, (_, name: string) => (name === 'json' ? JSON.stringify(word) : json ? JSON.stringify(text).slice(1, -1) : text))
  return { topic: fillIn(command.topic, device), payload }
}

function wordFor(id: string, { map }: MqttCommand, read: MqttAddress['map'], raw: Value): Value {
  const key = String(raw)
  const words = map ? Object.entries(map) : Object.entries(read ?? {}).map(([word, value]) => [String(value), word] as const)
  if (words.length === 0) return raw
  const found = words.find(([value]) => value === key)
  if (!found) throw new DriverError('POINT_VALUE', `${JSON.stringify(raw)} cannot be written to ${id}: its command knows ${words.map(([value]) => value).join(', ')}`)
  return found[1]
}

export interface WriteParts {
  readonly point: PointConfig<MqttAddress>
  readonly device: MqttDeviceConfig
  readonly raw: Value
  readonly clock: Clock
  readonly intake: MqttIntake
  /** QoS 0 and never retained: a door must not open an hour later, when its controller is back. */
  publish(command: Command): Promise<void>
}

/** Publishes once and waits for the state topic to say so. Throws DriverError POINT_VALUE, WRITE_TIMEOUT, WRITE_NOT_CONFIRMED, WRITE_EXPIRED, DEVICE_OFFLINE. */
export async function writeAndConfirm({ point, device, raw, clock, intake, publish }: WriteParts, signal: AbortSignal): Promise<void> {
  const command = encodeCommand(point, device, raw)
  const { confirm, within } = point.address.command!
  if (!confirm) return publish(command)
  const before = intake.last(point.id)
  let other: Sample | null = null
  let stopWatching = (): void => {}
  const confirmed = new Promise<'confirmed'>((resolve) => {
    stopWatching = intake.watch(point.id, (sample) => { if (same(sample.raw, raw)) resolve('confirmed'); else other = sample })
  })
  const ended = new AbortController()
  try {
    await publish(command)
    const outcome = await Promise.race([confirmed, clock.sleep(within, AbortSignal.any([signal, ended.signal])).then(() => 'late' as const)])
    if (outcome === 'confirmed') return
  } catch (error) {
    if (signal.aborted) throw new DriverError('WRITE_EXPIRED', `${point.id}: the write was given up before it was confirmed (${describe(signal.reason)}); read the point before writing again`, { cause: error })
    throw error
  } finally {
    stopWatching()
    ended.abort()
  }
  const told = other as Sample | null
  if (told) throw new DriverError('WRITE_NOT_CONFIRMED', `${point.id}: ${JSON.stringify(raw)} was written and the device says ${told.raw === null ? `nothing good (${told.reason})` : JSON.stringify(told.raw)}; a local switch, an interlock or a wrong map?`)
  // A device that tells changes only has nothing to say when it was so already.
  if (before?.quality === 'good' && same(before.raw, raw)) return
  throw new DriverError('WRITE_TIMEOUT', `${point.id}: no word on its state within ${within} ms after the command on ${command.topic}; see that the device subscribes to it, and read the point before writing again`)
}

function same(read: Value | null, written: Value): boolean {
  if (typeof written === 'number' && typeof read === 'number') return Math.abs(read - written) <= 1e-9 * Math.max(1, Math.abs(written))
  if (typeof written === 'boolean' && typeof read === 'number') return read === Number(written)
  return read === written
}
