import { z } from 'zod'
import { duration, identifier, label } from '../../gateway/kit/schema.ts'

const parameterName = z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'name a parameter with letters and digits, a small letter first')
/** A list where the rule is wanted for each of several points. */
const given = z.union([z.boolean(), z.number(), z.string().max(200), z.array(z.string().max(100)).min(1).max(200)])

/** One entry of the site file's `rules`: a rule of the library with this building's points. */
export const librarySchema = z.strictObject({
  id: identifier,
  kind: z.literal('library'),
  use: z.string().min(1).max(60),
  with: z.record(parameterName, given).default({}),
})
export type LibraryConfig = z.output<typeof librarySchema>

const about = label
const parameter = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('point'), of: z.enum(['number', 'boolean', 'string']), unit: z.string().optional(), about, optional: z.literal(true).optional() }),
  z.strictObject({ type: z.literal('number'), default: z.number().optional(), min: z.number().optional(), max: z.number().optional(), about }),
  z.strictObject({ type: z.literal('duration'), default: z.string().optional(), about }),
  z.strictObject({ type: z.literal('severity'), default: z.int().min(1).max(4), about }),
  z.strictObject({ type: z.literal('schedule'), about, optional: z.literal(true).optional() }),
])
export type Parameter = z.output<typeof parameter>

/** A file of rules/library. `$name` stands for a parameter, `$device` in a title for the device's name. */
export const templateSchema = z.strictObject({
  library: identifier,
  name: label,
  /** Why these limits: a standard, a maker's advice, or a habit of the trade. */
  reason: label,
  source: z.array(z.string().min(1)).min(1),
  parameters: z.record(parameterName, parameter),
  rules: z.array(z.strictObject({
    /** Behind the entry's id: '' or `-fault`. */
    suffix: z.string().regex(/^(-[a-z0-9-]{1,16})?$/),
    /** Only where this parameter is given. */
    needs: parameterName.optional(),
    rule: z.record(z.string(), z.json()),
  })).min(1),
})
export type Template = z.output<typeof templateSchema>

/** What a site file's durations look like, also as a parameter. */
export const isDuration = (value: unknown): value is string => typeof value === 'string' && duration.safeParse(value).success
