import { z } from 'zod'
import { at, count, deviceId, pointId, severity } from './shapes.ts'

const share = z.number().min(0).max(1).nullable()
const times = z.object({
  n: count, medianS: z.number().min(0).nullable().meta({ description: 'seconds; null: there was none' }), p90S: z.number().min(0).nullable().meta({ description: 'nine of ten were as fast' }),
  inTime: count.meta({ description: 'within the deadline of the severity' }),
})
const id = z.string().min(1)

/** `data` of `report`: the figures of one month, as rules/report draws them up. */
export const reportData = z.object({
  version: z.literal(1),
  month: z.string().regex(/^\d{4}-\d{2}$/).meta({ description: "in the site's time" }),
  from: at, to: at,
  complete: z.boolean().meta({ description: 'the whole month' }),
  watched: z.object({
    knownS: count, ofS: count, daysWithout: z.array(z.string()).meta({ description: 'days of which nothing is known' }), daysPartly: z.array(z.string()).meta({ description: 'days with more than ten minutes unknown' }),
  }).nullable().meta({ description: 'when the gateway saw the building; null: it keeps no history, so devices and climate are not known' }),
  terminals: z.array(z.object({
    kiosk: id, availableS: count, degradedS: count, downS: count, unknownS: count,
    availability: share.meta({ description: 'within service hours: available and limited over what is known; null: nothing is known' }), sessions: count,
  })),
  alerts: z.object({
    bySeverity: z.array(z.object({ severity, raised: count, response: times, closing: times, unanswered: count, open: count.meta({ description: "at the month's end" }) })),
    reopened: z.object({ n: count, of: count, share }),
    evaluated: z.object({ n: count, mean: z.number().nullable() }),
    uncounted: count.meta({ description: 'more than could be followed one by one' }),
  }).meta({ description: 'raised in the month; without maintenance, commissioning, tests and what another alert explains' }),
  calls: count.meta({ description: 'of residents' }),
  devices: z.object({
    count, known: count, online: share, list: z.array(z.object({ device: deviceId, knownS: count, onlineS: count, online: share })).max(100).meta({ description: 'the worst first, at most 100' }),
  }),
  climate: z.array(z.object({ point: pointId, min: z.number().optional(), max: z.number().optional(), serviceS: count, knownS: count, within: share.meta({ description: 'share of the known service time within the limits' }) })),
  energy: z.array(z.object({
    point: pointId, kWh: z.number().min(0).nullable(), from: at.nullable(), to: at.nullable(),
    resets: count.meta({ description: 'how often the counter began anew; what lies between is not counted' }), complete: z.boolean().meta({ description: 'drawn from the whole month' }),
  })),
  ratings: z.object({ n: count, mean: z.number().nullable(), poor: count }),
})
