import { z } from 'zod'

/** Pieces of the site file that every room's section uses. Imported by schema files only: zod is not free to load. */
const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const durationPattern = /^(\d+)(ms|s|m|h)$/

/** `500ms`, `5s`, `10m`, `2h`; parsed to milliseconds. */
export const duration = z.string().regex(durationPattern, 'write a duration as 500ms, 5s, 10m or 2h').transform((text) => {
  const [, count, unit] = durationPattern.exec(text)!
  return Number(count) * unitsMs[unit as keyof typeof unitsMs]
})

/** Relative to the site file; absolute once the site is read. It is known by its identity: wrap it, never refine it. */
export const filePath = z.string().min(1)

/** Where a secret is kept; the secret itself is never in a site file. */
export const secretRef = z.union([z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: filePath })])

const unitsBytes = { kB: 1_000, MB: 1_000_000, GB: 1_000_000_000 } as const

/** A number of bytes, or `256MB`. */
export const size = z.union([z.int().min(0), z.string().regex(/^\d+(kB|MB|GB)$/, 'write a size in bytes, or as 256MB or 4GB').transform((text) => Number.parseInt(text, 10) * unitsBytes[text.slice(-2) as keyof typeof unitsBytes])])

export const label = z.strictObject({ zh: z.string().min(1), en: z.string().min(1) })

export const identifier = z.string().regex(/^[a-z0-9-]{1,48}$/, 'use 1 to 48 of a-z, 0-9 and -')
