import { z } from 'zod'
import { duration, identifier, label } from '../gateway/kit/schema.ts'
import { conditionSchema, pointName, severity } from './conditions/schema.ts'
import { librarySchema } from './library/schema.ts'

/** A value beyond a limit for a while raises an alert; back within the limit by the hysteresis clears it. */
export const thresholdSchema = z.strictObject({
  id: identifier,
  kind: z.literal('threshold'),
  point: pointName,
  above: z.number().optional(),
  below: z.number().optional(),
  equals: z.union([z.boolean(), z.number(), z.string()]).optional(),
  /** In the point's unit; with `above` or `below`. */
  hysteresis: z.number().min(0).default(0),
  /** How long the condition must hold. */
  for: duration.default(0),
  severity,
  title: label,
}).superRefine((rule, context) => {
  const given = (['above', 'below', 'equals'] as const).filter((name) => rule[name] !== undefined)
  if (given.length !== 1) context.addIssue({ code: 'custom', message: `give exactly one of above, below, equals${given.length > 1 ? `; here are ${given.join(' and ')}` : ''}` })
  if (rule.equals !== undefined && rule.hysteresis > 0) context.addIssue({ code: 'custom', path: ['hysteresis'], message: 'hysteresis goes with above or below, not with equals' })
})
export type ThresholdConfig = z.output<typeof thresholdSchema>

/** The `rules` section of the site file: one entry. */
export const ruleSchema = z.discriminatedUnion('kind', [thresholdSchema, conditionSchema, librarySchema])
export type RuleConfig = z.output<typeof ruleSchema>
