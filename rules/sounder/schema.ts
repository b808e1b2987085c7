import { z } from 'zod'
import { duration, identifier } from '../../gateway/kit/schema.ts'

const point = z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point')
const beat = duration.refine((ms) => ms === 0 || (ms >= 100 && ms <= 600_000), 'from 100ms to 10m: a relay is no loudspeaker')

/** How a severity sounds: on, off, on …; `off: 0s` is on all the time. */
const pattern = z.strictObject({
  on: beat.refine((ms) => ms > 0, 'longer than 0s'),
  off: beat.default(0),
  /** Quiet after so long, until the next one; absent: until somebody acts. */
  for: duration.optional(),
})

/** One entry of the key `sounders`: relays, buzzers or lamps that tell an alert without internet, console or disk. */
export const sounderSchema = z.strictObject({
  id: identifier,
  points: z.array(point).min(1).max(20),
  /** By severity; one that is left out makes no sound here. */
  patterns: z.strictObject({ 1: pattern.optional(), 2: pattern.optional(), 3: pattern.optional(), 4: pattern.optional() })
    .default({ 1: { on: 500, off: 500 }, 2: { on: 1_000, off: 4_000 } }),
  /** Only alerts of these places. */
  places: z.array(z.string().min(1)).min(1).optional(),
  /** How long silence lasts at most; the next new alert ends it too. */
  silence: duration.default(600_000).refine((ms) => ms >= 1_000 && ms <= 86_400_000, 'from 1s to 24h'),
})
export type SounderConfig = z.output<typeof sounderSchema>
