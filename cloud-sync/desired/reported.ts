import { z } from 'zod'
import type { ChangeView, DesiredRecord, EpochMs } from '../../gateway/contract/index.ts'
import { DataError } from '../../gateway/kit/index.ts'
import { isSignedBy, keyIdOf } from '../ledger/checkpoint.ts'
import type { Signer } from '../ledger/signing.ts'

/** `waiting`: for the end of another trial. `replaced`: people here have put another one into force since; the gateway does not fight them. */
export const desiredStates = ['waiting', 'refused', 'trial', 'confirmed', 'rolled-back', 'replaced'] as const

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const at = z.int()
const code = z.string().regex(/^[A-Z][A-Z0-9_]+$/)
const detail = z.string().max(400)

/** What the gateway publishes, retained, on `config/reported`. Readers ignore what later versions add. */
export const reportedSchema = z.object({
  reported: z.literal(1),
  gateway: z.string().regex(/^[a-z0-9-]{1,48}$/),
  at: at.meta({ description: 'milliseconds since 1970, UTC' }),
  desired: z.object({
    version: z.int().min(1), actor: z.string(), state: z.enum(desiredStates),
    number: z.int().optional().meta({ description: "the box's own number of it, as in the configuration-… events" }),
    code: code.optional().meta({ description: 'why it was refused, taken back, or waits' }), detail: detail.optional(),
  }).nullable().meta({ description: 'the newest genuine one; null before the first' }),
  ignored: z.object({ at, code, detail }).nullable().meta({ description: 'the last message that was none: forged, too old, unreadable. Since the start of the gateway' }),
  current: z.object({
    number: z.int(), hash: hash.meta({ description: 'SHA-256 of the text: what a further one may name as its base' }), origin: z.enum(['file', 'cli', 'console', 'city']), by: z.string(), at,
    trial: z.boolean().meta({ description: 'it is on trial' }), edited: z.boolean().meta({ description: 'somebody changed the file by hand since: a new one is refused until that is in force' }),
  }).nullable(),
  floor: z.int().min(0).meta({ description: 'no version below this is tried any more; 0: none came yet' }),
  recipient: z.string().regex(/^age1[0-9a-z]{58}$/).meta({ description: 'seal for this one (age)' }),
  keyid: z.string().regex(/^[0-9a-f]{16}$/),
  key: z.string().meta({ description: 'Ed25519, SPKI, DER: the key that signs the checkpoints' }),
  signature: z.string(),
})
export type Reported = z.output<typeof reportedSchema>
export type ReportedBody = Omit<Reported, 'reported' | 'keyid' | 'key' | 'signature'>

/**
 * The signed bytes, line by line, each ended by a line feed; `-` for what is absent:
 * ```
 * linli-reported-1
 * <gateway>
 * <at>
 * <recipient>
 * <floor>
 * <version> <state> <number or -> <code or ->    of desired, or -
 * <actor of desired, or ->
 * <detail of desired, or ->
 * <at> <code>                                    of ignored, or -
 * <detail of ignored, or ->
 * <number> <hash> <origin> <at> <trial> <edited> of current (true or false), or -
 * <by of current, or ->
 * <key id>
 * ```
 */
export function reportedText({ gateway, at: when, recipient, floor, desired, ignored, current }: ReportedBody, keyid: string): string {
  return [
    'linli-reported-1', gateway, when, recipient, floor,
    desired ? `${desired.version} ${desired.state} ${desired.number ?? '-'} ${desired.code ?? '-'}` : '-', desired?.actor ?? '-', desired?.detail ?? '-',
    ignored ? `${ignored.at} ${ignored.code}` : '-', ignored?.detail ?? '-',
    current ? `${current.number} ${current.hash} ${current.origin} ${current.at} ${current.trial} ${current.edited}` : '-', current?.by ?? '-', keyid, '',
  ].join('\n')
}

export const signReported = (body: ReportedBody, signer: Pick<Signer, 'keyId' | 'publicKey' | 'sign'>): Reported =>
  ({ reported: 1, ...body, keyid: signer.keyId, key: signer.publicKey, signature: signer.sign(reportedText(body, signer.keyId)) })

/** `key`: of the box, as it was noted at enrolment; without it only that the message fits the key it names. Throws DataError DESIRED_REPORTED. */
export function readReported(text: string, key?: string): Reported {
  const refused = (why: string, cause?: unknown): DataError => new DataError('DESIRED_REPORTED', `what the box reports cannot be used: ${why}`, { cause })
  let json: unknown
  try { json = JSON.parse(text) } catch (cause) { throw refused('it is not JSON', cause) }
  const parsed = reportedSchema.safeParse(json)
  if (!parsed.success) throw refused(`${parsed.error.issues[0]!.path.join('.') || 'the message'}: ${parsed.error.issues[0]!.message}`)
  const reported = parsed.data
  if (key !== undefined && reported.key !== key) throw refused(`it is signed by the key ${keyIdOf(reported.key)}, not by ${keyIdOf(key)}, which is the one of this box`)
  if (reported.keyid !== keyIdOf(reported.key) || !isSignedBy(reported.key, reportedText(reported, reported.keyid), reported.signature)) throw refused('its signature does not fit; it was altered on the way')
  return reported
}

/** One line, for whoever signs lines. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, 400)

/** What became of the newest wish, as the book has it now. */
export function fateOf(record: DesiredRecord, { inForce, trial, configurations }: Pick<ChangeView, 'inForce' | 'trial' | 'configurations'>): NonNullable<Reported['desired']> {
  const { version, actor, number, outcome, code: why, detail: words } = record
  const told = { ...(number === undefined ? {} : { number }), ...(why === undefined ? {} : { code: why }), ...(words === undefined ? {} : { detail: oneLine(words) }) }
  // What is on trial has replaced nothing yet.
  const hashOf = (wanted: number): string | undefined => configurations.find((each) => each.number === wanted)?.hash
  const settled = hashOf(trial ? trial.previous : inForce)
  const stands = number !== undefined && settled !== undefined && hashOf(number) === settled
  const state = number === undefined ? 'refused' : outcome === undefined ? 'trial' : outcome === 'rolled-back' ? 'rolled-back' : stands ? 'confirmed' : 'replaced'
  return { version, actor, state, ...told }
}

export function currentOf({ inForce, trial, edited, configurations }: ChangeView): Reported['current'] {
  const entry = configurations.find(({ number }) => number === inForce)
  return entry ? { number: entry.number, hash: entry.hash, origin: entry.origin, by: oneLine(entry.by), at: entry.at as EpochMs, trial: trial !== null, edited } : null
}
