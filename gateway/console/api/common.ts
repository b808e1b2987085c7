import { z } from 'zod'

/** Milliseconds since 1970. The page shows the site's time zone, never its own. */
export const time = z.int().meta({ description: 'milliseconds since 1970-01-01T00:00Z' })
export const label = z.strictObject({ zh: z.string(), en: z.string() })
export const value = z.union([z.boolean(), z.number(), z.string()])
export const severity = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)])
export const quality = z.enum(['good', 'uncertain', 'bad'])
export const name = z.string().regex(/^[a-z0-9-]{1,48}$/)
export const pointId = z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/)
export const text = z.string().trim().min(1).max(500)

/** Each may all that those before it may. */
export const roles = ['viewer', 'staff', 'installer', 'admin'] as const
export const role = z.enum(roles)
export type Role = z.output<typeof role>

/** Every answer that is not 2xx. `code`: docs/errors.md. */
export const problem = z.strictObject({ code: z.string(), message: z.string(), retryAfterMs: z.int().optional() })
export type Problem = z.output<typeof problem>
export const done = z.strictObject({})
