import { z } from 'zod'
import type { ConnectionConfig, PointConfig } from '../../gateway/contract/index.ts'
import { duration } from '../../gateway/kit/schema.ts'
import { ceilingMs } from './ceiling.ts'

const short = (key: string) => duration.refine((ms) => ms >= 10 && ms <= ceilingMs, `${key} is 10ms to 60s; what must stay on longer is a plain output`)

export const connection = z.strictObject({
  /** `auto`: the character device where /dev/gpiochip* and the gpiod tools exist, else sysfs. */
  backend: z.enum(['auto', 'sysfs', 'chardev']).default('auto'),
  /** The chip's label, as `linli probe gpio` lists it; on the character device its name (gpiochip0) as well. */
  chip: z.string().min(1).max(64).optional(),
  /** Where gpiodetect, gpiomon, gpioset and gpioget are, when not in the system's folders. */
  tools: z.string().startsWith('/', 'write an absolute folder').optional(),
  /** Where pulses are kept from the pin to the disk, on the character device: a folder of this user's own, in memory. */
  spool: z.string().startsWith('/', 'write an absolute folder').optional(),
})

export const device = z.strictObject({})

export const point = z.strictObject({
  /** Offset on the chip, or the line's name; on sysfs without `chip` the kernel's global number. */
  line: z.union([z.int().min(0).max(65_535), z.string().regex(/^[^\s"=]{1,64}$/, 'a line name has 1 to 64 characters and no space, quote or equals sign')]),
  direction: z.enum(['in', 'out']).default('in'),
  /** On = electrically low. Levels, edges and counts below are after this. */
  activeLow: z.boolean().default(false),
  /** The chip's own resistor; left as it is when absent, off for `none`. Character device only. */
  pull: z.enum(['up', 'down', 'none']).optional(),
  /** A contact must hold this long to be believed. Default 50ms, for a counter 5ms; 0ms believes every edge. */
  debounce: duration.refine((ms) => ms <= 10_000, 'a debounce above 10s hides what happens').optional(),
  /** The point is the number of these edges since `initial`. */
  count: z.enum(['rising', 'falling']).optional(),
  /** The meter's reading when counting began, in pulses. Changing it sets the total anew. */
  initial: z.int().min(0).max(2 ** 50).optional(),
  /** What an output is at start, stop and crash of the gateway; off when absent. */
  safe: z.boolean().optional(),
  /** Writing true energises it this long and then it drops by itself; true again prolongs it, until `maxOn`. */
  pulse: short('pulse').optional(),
  /** The longest time it is on without a break, whatever is written. Default for pulses 60s, for other outputs none. */
  maxOn: short('maxOn').optional(),
})

export type GpioConnection = z.output<typeof connection>
export type GpioAddress = z.output<typeof point>
export type GpioConfig = ConnectionConfig<GpioConnection, object, GpioAddress>
export type GpioPoint = PointConfig<GpioAddress>
export type Bias = NonNullable<GpioAddress['pull']>
