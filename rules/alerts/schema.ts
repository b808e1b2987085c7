import { z } from 'zod'
import { duration } from '../../gateway/kit/schema.ts'

const minute = 60_000
const hour = 60 * minute
const severity = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)])
const deadline = (acknowledge: number, resolve: number) => z.strictObject({ acknowledge: duration.default(acknowledge), resolve: duration.default(resolve) }).prefault({})

/** The key `alerts` of the site file: how long answers may take, and when much is too much. */
export const alertsSchema = z.strictObject({
  /** By severity: by when somebody should have acknowledged, and resolved. */
  deadlines: z.strictObject({ 1: deadline(minute, 30 * minute), 2: deadline(5 * minute, 4 * hour), 3: deadline(30 * minute, 24 * hour), 4: deadline(8 * hour, 72 * hour) }).prefault({}),
  /** Such alerts close by themselves when their cause is gone; those of the gateway itself always do. */
  autoResolve: z.array(severity).default([4]),
  /** A resolved alert that nobody rates. */
  closeAfter: duration.default(168 * hour),
  /** The same condition within this time is the same alert again. */
  reopenWithin: duration.default(15 * minute),
  /** A rating up to this reopens. */
  reopenScore: z.int().min(0).max(4).default(2),
  /** Longest time to shelve. */
  shelve: duration.default(24 * hour),
  /** What was raised so shortly before the failure that explains it belongs to it; as long after its end the rest is told. */
  adopt: duration.default(5_000),
  /** More than `raises` of one alert within the time: told once, until as long a time is quiet. */
  chattering: z.strictObject({ raises: z.int().min(2).max(100).default(5), within: duration.default(10 * minute) }).prefault({}),
  /** More than `alerts` new ones within the time: one notice for all. */
  flood: z.strictObject({ alerts: z.int().min(2).max(1_000).default(10), within: duration.default(10 * minute) }).prefault({}),
}).prefault({})

export type AlertsConfig = z.output<typeof alertsSchema>
