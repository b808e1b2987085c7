import { z } from 'zod'
import type { Facility, Review } from '../gateway/contract/index.ts'
import { didYouMean } from '../gateway/kit/suggest.ts'
import { reviewChannels } from './notify/review.ts'
import { channelSchema } from './notify/schema.ts'
import { reviewDoors } from './doors/review.ts'
import { accessSchema, doorSchema } from './doors/schema.ts'
import { ruleSchema, watches } from './schema.ts'

/** The rules room's top-level keys of the site file. */
export const decisionSchemas = {
  rules: z.array(ruleSchema).default([]),
  doors: z.array(doorSchema).default([]),
  access: accessSchema,
  channels: z.array(channelSchema).default([]),
}

type Schemas = typeof decisionSchemas
export type Decisions = { readonly [K in keyof Schemas]: z.output<Schemas[K]> }
/** Before it is known to be whole: what could not be read is null, in its place. */
export type OpenDecisions = { readonly [K in keyof Schemas]: (z.output<Schemas[K]> extends readonly (infer Entry)[] ? readonly (Entry | null)[] : z.output<Schemas[K]>) | null }

/** Everything that only shows once the devices are known. */
export function reviewDecisions(decisions: OpenDecisions, facility: Facility): readonly Review[] {
  return [
    ...(decisions.rules ?? []).flatMap((rule, index) => (rule ? watches(rule).flatMap((point) => {
      if (facility.points.has(point)) return []
      return [{ path: ['rules', index, 'point'], message: `no point "${point}"${didYouMean(point, facility.points.keys())}` }]
    }) : [])),
    ...reviewDoors(decisions.doors ?? [], decisions.access, facility, []),
    ...reviewChannels(decisions.channels, facility),
  ]
}
