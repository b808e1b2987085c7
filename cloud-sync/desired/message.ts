import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DesiredMark } from '../../gateway/contract/index.ts'
import { DataError } from '../../gateway/kit/index.ts'
import { isSignedBy } from '../ledger/checkpoint.ts'
import { actorLine, reasonLine, type ConfigurationConfig } from './schema.ts'

/**
 * Of one message. A site file of 4,000 points has 0.5 MiB, sealed and in base64 0.7 MiB; and a broker that is set up as
 * docs/platform/operations.md has it passes 1 MiB with topic and header. More is refused before a byte of it is decoded.
 */
export const maxDesiredBytes = 1_000_000

const hex = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in hexadecimal')
/** In the one form that the bytes have: a bit that base64 leaves unused would be a message that was altered and still fits. */
const base64 = z.string().refine((text) => Buffer.from(text, 'base64').toString('base64') === text, 'base64 with its padding')

/** What the city publishes, retained, on `config/desired`. */
export const desiredSchema = z.strictObject({
  desired: z.literal(1),
  /** site.id of the box it is meant for. */
  gateway: z.string().regex(/^[a-z0-9-]{1,48}$/),
  /** The platform's own count: a box never goes below the highest it has seen, and answers each once. */
  version: z.int().min(1),
  issuedAt: z.iso.datetime({ offset: true, message: 'an RFC 3339 time such as 2026-01-05T08:00:00Z' }),
  actor: actorLine,
  reason: reasonLine,
  /** SHA-256 of the configuration it was built upon; refused where another one runs. */
  base: hex.optional(),
  /** Also where something goes for good that no way back brings again. */
  acceptLoss: z.boolean().optional(),
  /** An age file (age-encryption.org/v1) for the box's recipient. */
  sealed: base64.min(4),
  /** Ed25519 over {@link desiredText} in UTF-8. */
  signature: base64.length(88),
})
export type DesiredMessage = z.output<typeof desiredSchema>
export type Unsigned = Omit<DesiredMessage, 'desired' | 'signature'>

/** One that this box may trust; still sealed. */
export interface Desired extends DesiredMark, Pick<DesiredMessage, 'reason' | 'base'> {
  readonly acceptLoss: boolean
  readonly sealed: Uint8Array
}

/**
 * The signed bytes, line by line, each ended by a line feed:
 * ```
 * linli-desired-1
 * <gateway>
 * <version>
 * <issuedAt, as it stands>
 * <actor>
 * <reason>
 * <base or ->
 * <accept-loss or ->
 * <SHA-256 of the age file, hexadecimal>
 * ```
 */
export function desiredText({ gateway, version, issuedAt, actor, reason, base, acceptLoss, sealed }: Unsigned): string {
  const content = createHash('sha256').update(Buffer.from(sealed, 'base64')).digest('hex')
  return ['linli-desired-1', gateway, version, issuedAt, actor, reason, base ?? '-', acceptLoss ? 'accept-loss' : '-', content, ''].join('\n')
}

/** Throws DataError DESIRED_TOO_LARGE, DESIRED_INVALID, DESIRED_GATEWAY, DESIRED_ACTOR, DESIRED_SIGNATURE: then nothing of it is believed. */
export function readDesired(bytes: Uint8Array, { gateway, keys }: { readonly gateway: string; readonly keys: ConfigurationConfig['keys'] }): Desired {
  if (bytes.length > maxDesiredBytes) throw new DataError('DESIRED_TOO_LARGE', `the message has ${bytes.length} bytes; at most ${maxDesiredBytes} are read`)
  const parsed = desiredSchema.safeParse(jsonOf(bytes))
  if (!parsed.success) throw new DataError('DESIRED_INVALID', explain(parsed.error))
  const message = parsed.data
  const { version, actor, reason, base, acceptLoss = false, sealed } = message
  if (message.gateway !== gateway) throw new DataError('DESIRED_GATEWAY', `the message is meant for ${message.gateway}; this is ${gateway}`)
  const key = keys.find((each) => each.actor === actor)
  if (!key) throw new DataError('DESIRED_ACTOR', `no key of "${actor}" stands under configuration.keys of this uplink`)
  const text = desiredText(message)
  if (!isSignedBy(key.publicKey, text, message.signature)) throw new DataError('DESIRED_SIGNATURE', `the signature is not of the key that the site file has for "${actor}", or the message was altered`)
  return { version, actor, reason, base, acceptLoss, hash: createHash('sha256').update(text).digest('hex'), sealed: Buffer.from(sealed, 'base64') }
}

function jsonOf(bytes: Uint8Array): unknown {
  try { return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) } catch (cause) {
    throw new DataError('DESIRED_INVALID', 'the message is not JSON in UTF-8', { cause })
  }
}

const maxSecrets = 64
/** A name is a file's: no separator, no dot in front. */
export const secretNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/
const contentSchema = z.strictObject({
  /** The site file, comments and all. */
  site: z.string().min(1),
  /** By name; the site file refers to each as `{ file: city-secrets/NAME }`. */
  secrets: z.record(z.string().regex(secretNamePattern, 'a secret is named by 1 to 64 of a-z, 0-9, "." "_" "-"'), z.string().min(1).max(16_384)).refine((all) => Object.keys(all).length <= maxSecrets, `at most ${maxSecrets} secrets`).optional(),
})
export interface DesiredContent { readonly site: string; readonly secrets: Readonly<Record<string, string>> }

/** What was sealed. Throws DataError DESIRED_CONTENT, which repeats nothing of it. */
export function readContent(bytes: Uint8Array): DesiredContent {
  let json: unknown
  // No cause: the parser quotes what it stumbles over.
  try { json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) } catch { throw new DataError('DESIRED_CONTENT', 'what was sealed is not JSON in UTF-8') }
  const parsed = contentSchema.safeParse(json)
  if (!parsed.success) throw new DataError('DESIRED_CONTENT', `what was sealed is not { site, secrets? }: ${parsed.error.issues.slice(0, 3).map(({ path, code }) => `${path.length === 0 ? 'the whole' : path[0] === 'site' ? 'site' : 'secrets'} (${code})`).join('; ')}`)
  const { site, secrets = {} } = parsed.data
  return { site: site.replace(/^\uFEFF/, ''), secrets }
}

function explain({ issues }: z.ZodError): string {
  return issues.slice(0, 3).map(({ path, message }) => `${path.join('.') || 'the message'}: ${message}`).join('; ').slice(0, 400)
}
