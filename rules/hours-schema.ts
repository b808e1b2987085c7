import { z } from 'zod'
import { identifier } from '../gateway/kit/schema.ts'
import { weeklyPattern } from './schedule/hours.ts'

const weekly = z.string().regex(weeklyPattern, 'write days and hours as "mon-fri 08:30-17:30" or "sat,sun 09:00-12:00 14:00-17:00"')

/** The id of a schedule, or the hours of a week; on holidays of the site's calendar there are none. */
export const hoursSchema = z.union([identifier, z.array(weekly).min(1).max(50)])
export type HoursConfig = z.output<typeof hoursSchema>
