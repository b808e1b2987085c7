import { z } from 'zod'
import { duration, identifier, label, secretRef } from '../../gateway/kit/schema.ts'
import { dateOf, weeklyPattern } from '../schedule/hours.ts'

/** One entry of the key `people`. The name stays on the box; events carry the id. */
export const personSchema = z.strictObject({
  id: identifier,
  name: label,
  /** 社区, 网格员, 物业 …: any word that escalation steps use. */
  role: identifier.optional(),
  /** Where the number is kept; it is read only by channels that call or mention. */
  phone: secretRef.optional(),
  /** Channels that reach this person, besides those of the step. */
  channels: z.array(identifier).max(20).default([]),
})
export type PersonConfig = z.output<typeof personSchema>

const weekly = z.string().regex(weeklyPattern, 'write days and hours as "mon-fri 08:00-20:00", "mon-sun 20:00-08:00" or "mon-sun 00:00-24:00"')
const date = z.string().refine((text) => dateOf(text) !== null, 'write a date as 2026-01-05')

const planSchema = z.strictObject({
  /** In the site's time zone; a span over midnight belongs to the day on which it begins. */
  when: z.array(weekly).min(1).max(50),
  people: z.array(identifier).min(1).max(50),
  /** One of `people` at a time, taking turns every so many days from `since` on; absent: all of them. */
  rotate: z.strictObject({ days: z.int().min(1).max(366), since: date }).optional(),
})

/** One entry of the key `shifts`: who is on duty when. */
export const shiftSchema = z.strictObject({ id: identifier, name: label.optional(), plan: z.array(planSchema).min(1).max(50) })
export type ShiftConfig = z.output<typeof shiftSchema>

const target = z.union([z.strictObject({ duty: identifier }), z.strictObject({ role: identifier }), z.strictObject({ person: identifier })])

const stepSchema = z.strictObject({
  /** Since it waits for somebody. `0s`: as it is raised. */
  after: duration.default(0),
  /** Who is named, and reached by channels of his own. */
  to: z.array(target).max(20).default([]),
  channels: z.array(identifier).max(20).default([]),
  /** What makes it needless. */
  until: z.enum(['acknowledged', 'resolved']).default('acknowledged'),
}).refine(({ to, channels }) => to.length + channels.length > 0, 'say who is told: to, channels, or both')

const severity = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)])

/** One entry of the key `escalation`. The first that fits an alert counts. */
export const escalationSchema = z.strictObject({
  id: identifier,
  severities: z.array(severity).min(1).optional(),
  rules: z.array(identifier).min(1).optional(),
  places: z.array(z.string().min(1)).min(1).optional(),
  steps: z.array(stepSchema).min(1).max(20).refine((steps) => steps.every(({ after }, index) => after >= (steps[index - 1]?.after ?? 0)), 'write the steps in order of time'),
})
export type EscalationConfig = z.output<typeof escalationSchema>
