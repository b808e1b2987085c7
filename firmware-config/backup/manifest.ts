import path from 'node:path'
import { z } from 'zod'
import { DataError } from '../../gateway/kit/index.ts'

export const manifestName = 'backup.json'
/** The folders of an archive. */
export const roots = { site: 'site', outside: 'outside', store: 'store', journal: 'journal' } as const

const format = 1
/** A relative path that stays below where it begins. */
const inside = z.string().min(1).max(4_096).refine((text) => !path.isAbsolute(text) && !path.normalize(text).startsWith('..'))

const schema = z.strictObject({
  format: z.literal(format),
  linli: z.string(),
  gateway: z.string(),
  /** Epoch ms. */
  at: z.number(),
  /** Name of the site file. */
  site: inside.refine((text) => !text.includes('/')),
  /** Relative to the site file's folder where it lies below it, else absolute. */
  store: z.string().min(1).max(4_096).refine((text) => path.isAbsolute(text) || inside.safeParse(text).success),
  /** Files the site file names that lie elsewhere, without the leading slash. */
  outside: z.array(inside).max(1_000),
  records: z.boolean(),
  history: z.boolean(),
})
export type Manifest = z.output<typeof schema>
export const newManifest = (facts: Omit<Manifest, 'format'>): Manifest => ({ format, ...facts })

/** Throws DataError BACKUP_NEWER, BACKUP_UNREADABLE. */
export function parseManifest(bytes: Buffer): Manifest {
  let value: unknown
  try { value = JSON.parse(bytes.toString()) } catch { value = null }
  const told = (value as { format?: unknown } | null)?.format
  if (typeof told === 'number' && told > format) throw new DataError('BACKUP_NEWER', `this backup was made by a newer version (format ${told}, this one reads ${format}); restore it with that version`)
  const result = schema.safeParse(value)
  if (!result.success) throw new DataError('BACKUP_UNREADABLE', 'the manifest of the archive is none; it was not made by "linli backup"', { cause: result.error })
  return result.data
}
