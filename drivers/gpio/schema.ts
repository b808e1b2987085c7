import { z } from 'zod'
import type { ConnectionConfig, DriverSchemas } from '../../gateway/contract/index.ts'
import { duration } from '../../gateway/kit/schema.ts'

const connection = z.strictObject({
  /** Linux sysfs, through onoff. */
  backend: z.literal('sysfs').default('sysfs'),
  /** The chip's label, as `gpioinfo` shows it; its base is found under sysfs. Without it `line` is the global number. */
  chip: z.string().min(1).optional(),
})
const device = z.strictObject({})
const point = z.strictObject({
  line: z.int().min(0).max(4_095),
  direction: z.enum(['in', 'out']).default('in'),
  /** Which change of an input wakes the gateway. */
  edge: z.enum(['rising', 'falling', 'both']).default('both'),
  /** A contact must hold this long to be believed. */
  debounce: duration.default(50),
  activeLow: z.boolean().default(false),
  /** What an output is set to when the gateway stops; left as it is when absent. */
  safe: z.boolean().optional(),
})

export type GpioConnection = z.output<typeof connection>
export type GpioAddress = z.output<typeof point>
export type GpioConfig = ConnectionConfig<GpioConnection, object, GpioAddress>

export const gpioSchemas: DriverSchemas = {
  connection, device, point,
  review(config) {
    const lines = new Map<number, string>()
    return (config as GpioConfig).devices.flatMap((item) => item.points.flatMap(({ id, address, type, writable }) => {
      const path = ['points', id.slice(item.id.length + 1)]
      const other = lines.get(address.line)
      lines.set(address.line, id)
      if (other) return [{ deviceId: item.id, path: [...path, 'line'], message: `line ${address.line} is already point "${other}"` }]
      if (type !== 'boolean') return [{ deviceId: item.id, path: [...path, 'type'], message: 'a GPIO line is a boolean; set type: boolean' }]
      if (writable && address.direction === 'in') return [{ deviceId: item.id, path: [...path, 'writable'], message: 'an input cannot be written; set direction: out' }]
      return []
    }))
  },
}
