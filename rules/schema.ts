import { z } from 'zod'
import type { PointId } from '../gateway/contract/index.ts'
import { duration, identifier, label } from '../gateway/kit/schema.ts'

/** A value beyond a limit for a while raises an alert; back within the limit by the hysteresis clears it. */
const threshold = z.strictObject({
  id: identifier,
  kind: z.literal('threshold'),
  point: z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point'),
  above: z.number().optional(),
  below: z.number().optional(),
  equals: z.union([z.boolean(), z.number(), z.string()]).optional(),
  /** In the point's unit; with `above` or `below`. */
  hysteresis: z.number().min(0).default(0),
  /** How long the condition must hold. */
  for: duration.default(0),
  severity: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  title: label,
}).superRefine((rule, context) => {
  const given = (['above', 'below', 'equals'] as const).filter((name) => rule[name] !== undefined)
  if (given.length !== 1) context.addIssue({ code: 'custom', message: `give exactly one of above, below, equals${given.length > 1 ? `; here are ${given.join(' and ')}` : ''}` })
  if (rule.equals !== undefined && rule.hysteresis > 0) context.addIssue({ code: 'custom', path: ['hysteresis'], message: 'hysteresis goes with above or below, not with equals' })
})

/** The `rules` section of the site file: one entry. */
export const ruleSchema = z.discriminatedUnion('kind', [threshold])
export type RuleConfig = z.output<typeof ruleSchema>

/** The points a rule reads, so that a dangling one is found before anything starts. */
export const watches = (rule: RuleConfig): readonly PointId[] => [rule.point]
