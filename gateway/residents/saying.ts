import { z } from 'zod'
import type { JsonObject, Occurrence } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { residentLimits, type PhotoStore } from '../photos/index.ts'
import type { Repair } from './repairs.ts'
import type { Target } from './targets.ts'

const maxText = 200
/** Made by the page: what is sent twice, because its answer was lost, is said once. */
const id = z.string().regex(/^[0-9a-f]{16}$/)
const text = z.string().max(2_000).transform(plainText).optional()
const rating = z.strictObject({ id, score: z.int().min(1).max(5), text, repair: id.optional() })
const report = z.strictObject({ id, category: z.string().max(48), text, photo: z.base64().min(1).optional() })

/** One line without what a terminal, a log or the direction of writing would obey; at most 200 characters. */
export function plainText(text: string): string {
  const line = text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replaceAll(/[\p{Cf}\p{Co}\p{Cn}]/gu, '').replaceAll(/\s+/g, ' ').trim()
  let cut = ''
  for (const sign of line) { if (cut.length + sign.length > maxText) break; cut += sign }
  return cut
}

/** Throws ConfigError RESIDENTS_REQUEST. `repairs`: what may be rated by this code. */
export function parseRating(body: unknown, repairs: readonly Repair[]): z.output<typeof rating> {
  const said = parse(rating, body)
  if (said.repair !== undefined && !repairs.some((each) => each.id === said.repair)) throw refuse('this repair cannot be rated here, or somebody has rated it already')
  return said
}
/** Throws ConfigError RESIDENTS_REQUEST. */
export function parseReport(body: unknown, categories: readonly { readonly id: string }[]): z.output<typeof report> {
  const said = parse(report, body)
  if (!categories.some((each) => each.id === said.category)) throw refuse('there is no such category; load the page again')
  return said
}
/** Throws DataError PHOTO_…, StoreError PHOTO_STORE. */
export const takePhoto = (photos: Pick<PhotoStore, 'add'>, base64: string): Promise<string> => photos.add(Buffer.from(base64, 'base64'), residentLimits)

/** As a device would have told it: rules, journal and city take it the same way. */
export function intoOccurrence(type: 'evaluation' | 'request', { device, place, key }: Target, id: string, at: number, data: JsonObject): Occurrence {
  return { deviceId: device, type, at, sourceId: `page-${id}`, data: { via: 'page', ...(key.startsWith('place/') && place !== undefined ? { place } : {}), ...data } }
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw refuse(`${issue!.path.join('.') || 'what was sent'}: ${issue!.message}`)
}
const refuse = (message: string): ConfigError => new ConfigError('RESIDENTS_REQUEST', message)
