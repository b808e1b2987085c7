import { z } from 'zod'
import { identifier } from '../../gateway/kit/schema.ts'
import { hoursSchema } from '../hours-schema.ts'

const pointId = z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point')

/** The `report` section: what the facility's monthly figures are about. */
export const reportSchema = z.strictObject({
  /** The figures go up as an event once a month. */
  monthly: z.boolean().default(true),
  /** When the building serves people, for the indoor climate; left out: always. */
  hours: hoursSchema.optional(),
  /** What people feel, and within which limits they should. */
  climate: z.array(z.strictObject({ id: identifier.optional(), point: pointId, min: z.number().optional(), max: z.number().optional() })
    .refine(({ min, max }) => (min !== undefined || max !== undefined) && (min ?? -Infinity) <= (max ?? Infinity), 'give min, max or both, min not above max')).max(50).default([]),
  /** Counters in kW.h; left out: every such point. */
  energy: z.array(pointId).max(100).optional(),
}).prefault({})
export type ReportConfig = z.output<typeof reportSchema>
