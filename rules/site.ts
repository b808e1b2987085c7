import { z } from 'zod'
import type { Facility, Review } from '../gateway/contract/index.ts'
import { alertsSchema } from './alerts/schema.ts'
import { reviewChannels } from './notify/review.ts'
import { channelSchema } from './notify/schema.ts'
import { reviewPeople } from './people/review.ts'
import { escalationSchema, personSchema, shiftSchema } from './people/schema.ts'
import { reviewHeartbeat } from './heartbeat/review.ts'
import { heartbeatSchema } from './heartbeat/schema.ts'
import { reviewReport } from './report/review.ts'
import { reportSchema } from './report/schema.ts'
import { reviewSounders } from './sounder/review.ts'
import { sounderSchema } from './sounder/schema.ts'
import { reviewDoors } from './doors/review.ts'
import { accessSchema, doorSchema } from './doors/schema.ts'
import { reviewKiosks } from './kiosks/review.ts'
import { kioskSchema, residentsSchema, servicesSchema } from './kiosks/schema.ts'
import { reviewRules } from './review.ts'
import { sceneSchema } from './scenes/schema.ts'
import { calendarSchema, scheduleSchema } from './schedule/schema.ts'
import { ruleSchema } from './schema.ts'

/** The rules room's top-level keys of the site file. */
export const decisionSchemas = {
  rules: z.array(ruleSchema).default([]),
  schedules: z.array(scheduleSchema).default([]),
  calendar: calendarSchema.prefault({}),
  scenes: z.array(sceneSchema).default([]),
  doors: z.array(doorSchema).default([]),
  access: accessSchema,
  kiosks: z.array(kioskSchema).default([]),
  services: servicesSchema,
  residents: residentsSchema,
  channels: z.array(channelSchema).default([]),
  alerts: alertsSchema,
  people: z.array(personSchema).default([]),
  shifts: z.array(shiftSchema).default([]),
  escalation: z.array(escalationSchema).default([]),
  sounders: z.array(sounderSchema).default([]),
  heartbeat: heartbeatSchema,
  report: reportSchema,
}

type Schemas = typeof decisionSchemas
export type Decisions = { readonly [K in keyof Schemas]: z.output<Schemas[K]> }
/** Before it is known to be whole: what could not be read is null, in its place. */
export type OpenDecisions = { readonly [K in keyof Schemas]: (z.output<Schemas[K]> extends readonly (infer Entry)[] ? readonly (Entry | null)[] : z.output<Schemas[K]>) | null }

/** Everything that only shows once the devices are known. */
export function reviewDecisions(decisions: OpenDecisions, facility: Facility): readonly Review[] {
  return [
    ...reviewRules(decisions, facility),
    ...reviewDoors(decisions, facility),
    ...reviewKiosks(decisions, facility),
    ...reviewChannels(decisions.channels, facility),
    ...reviewPeople(decisions),
    ...reviewSounders(decisions.sounders, facility),
    ...reviewHeartbeat(decisions, facility),
    ...reviewReport(decisions, facility),
  ]
}
