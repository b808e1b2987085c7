import type { DriverSchemas, Forecast } from '../../gateway/contract/index.ts'
import { debounceOf, maxOnOf, pointsOf } from './points.ts'
import { connection, device, point, type GpioConfig, type GpioPoint } from './settings.ts'

export const gpioSchemas: DriverSchemas = {
  connection, device, point,
  review: (config) => review(config as GpioConfig),
  foresee: (config) => foresee(config as GpioConfig),
}

function review(config: GpioConfig) {
  const lines = new Map<string, string>()
  return pointsOf(config).flatMap((item) => {
    const problem = (key: string, message: string) => [{ deviceId: item.deviceId, path: ['points', item.id.slice(item.deviceId.length + 1), key], message }]
    const key = String(item.address.line)
    const other = lines.get(key)
    lines.set(key, item.id)
    if (other) return problem('line', `line ${key} is already point "${other}"`)
    const wrong = wrongFor(item, config.settings.backend)
    return wrong ? problem(wrong[0], wrong[1]) : []
  })
}

type Wrong = readonly [key: string, message: string] | null

function wrongFor(item: GpioPoint, backend: GpioConfig['settings']['backend']): Wrong {
  const { address } = item
  if (backend === 'sysfs' && typeof address.line === 'string') return ['line', 'sysfs knows lines by number only; give the offset on the chip, or set backend: chardev']
  if (backend === 'sysfs' && address.pull) return ['pull', 'sysfs cannot set a pull resistor; leave it out and fit one outside, or set backend: chardev']
  return address.direction === 'in' ? wrongInput(item) : wrongOutput(item)
}

function wrongInput({ address, type, writable }: GpioPoint): Wrong {
  if (writable) return ['writable', 'an input cannot be written; set direction: out']
  for (const key of ['safe', 'pulse', 'maxOn'] as const) if (address[key] !== undefined) return [key, `${key} belongs to an output; set direction: out, or leave it out`]
  if (address.count && type !== 'number') return ['type', 'a count is a number; set type: number, with unit and scale of the meter']
  if (!address.count && type !== 'boolean') return ['type', 'a GPIO line is a boolean; set type: boolean, or count: rising for a pulse meter']
  if (!address.count && address.initial !== undefined) return ['initial', 'initial is the start of a count; add count: rising, or leave it out']
  return null
}

function wrongOutput({ address, type }: GpioPoint): Wrong {
  for (const key of ['count', 'initial', 'debounce', 'pull'] as const) if (address[key] !== undefined) return [key, `${key} belongs to an input; set direction: in, or leave it out`]
  if (type !== 'boolean') return ['type', 'an output is a boolean; set type: boolean']
  const limit = maxOnOf(address)
  if (address.safe && limit !== undefined) return ['safe', 'this output drops by itself, so its safe state can only be off; leave safe out']
  if (address.pulse !== undefined && limit! < address.pulse) return ['maxOn', `maxOn (${limit} ms) is shorter than the pulse (${address.pulse} ms); raise it, or shorten the pulse`]
  return null
}

function foresee(config: GpioConfig): readonly Forecast[] {
  const { backend } = config.settings
  return pointsOf(config).flatMap((item): Forecast[] => {
    const { address, deviceId, id } = item
    const says = (message: string): Forecast => ({ deviceId, message: `${id}: ${message}` })
    return [
      ...(address.count && backend === 'sysfs' ? [says('sysfs joins pulses that follow each other faster than the gateway looks (some milliseconds), and counts none while it restarts; use backend: chardev for a meter')] : []),
      ...(backend === 'auto' && (address.pull || typeof address.line === 'string') ? [says(`${address.pull ? 'a pull resistor' : 'a line name'} needs the character device; a box that has only sysfs will refuse the connection`)] : []),
      ...(address.count && debounceOf(address) >= 50 ? [says(`a debounce of ${debounceOf(address)} ms loses pulses shorter than that; S0 meters pulse for 30 ms`)] : []),
      ...(address.direction === 'out' && !item.writable ? [says('an output that nobody can write; add writable: true')] : []),
    ]
  })
}
