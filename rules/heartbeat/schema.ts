import { z } from 'zod'
import { duration } from '../../gateway/kit/schema.ts'

/** The `heartbeat` section: an output that stands still when the gateway stops or hangs. README.md says what relay it needs. */
export const heartbeatSchema = z.strictObject({
  point: z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point'),
  /** One beat; a watchdog relay's time is three of them at least. */
  every: duration.default(1_000).refine((ms) => ms >= 1_000 && ms <= 600_000 && ms % 1_000 === 0, 'whole seconds, from 1s to 10m'),
  /** `toggle`: on and off by turns, for a watchdog relay that waits for edges. `hold`: on, again and again, for an output that drops by itself without writes. */
  signal: z.enum(['toggle', 'hold']).default('toggle'),
}).optional()
export type HeartbeatSection = z.output<typeof heartbeatSchema>
