import { createHash, createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { DataError } from '../../gateway/kit/index.ts'

const labels = z.strictObject({ zh: z.string(), en: z.string() })
const value = z.union([z.boolean(), z.number(), z.string(), z.null()])
const ms = z.number()

/** How one point did. Times are epoch ms. */
export const checkResult = z.strictObject({
  point: z.string(), device: labels, name: labels, unit: z.string().optional(),
  outcome: z.enum(['passed', 'failed', 'skipped']),
  /** When whoever did it said that he does. */
  stimulusAt: ms.optional(),
  /** When the device says it changed, and when the gateway knew. */
  seenAt: ms.optional(), receivedAt: ms.optional(),
  before: value.optional(), after: value.optional(),
  /** The point that answered in its place. */
  swappedWith: z.string().optional(),
  /** Of the record that told the city, once it had said so; null: it did not within the time, or there is no city. */
  receipt: z.strictObject({ uplink: z.string(), stream: z.string(), epoch: z.string(), seq: z.number(), afterMs: ms }).nullable().optional(),
  reason: z.string().optional(),
})
export type CheckResult = z.output<typeof checkResult>

export const commissioning = z.strictObject({
  format: z.literal(1), gateway: z.string(), site: labels, region: z.string(), version: z.string(), by: z.string(),
  beganAt: ms, endedAt: ms, timeQuality: z.string(),
  /** SHA-256 of the site file. */
  siteFile: z.string(),
  results: z.array(checkResult).max(20_000),
})
export type Commissioning = z.output<typeof commissioning>

const signed = z.strictObject({ commissioning, signature: z.strictObject({ algorithm: z.literal('Ed25519'), keyId: z.string().regex(/^[0-9a-f]{16}$/), publicKey: z.string(), value: z.string() }) })
export type SignedCommissioning = z.output<typeof signed>

/** What is signed: a name for what it is, so that the signature fits nothing else, and the JSON as it stands in the file. */
const textOf = (report: Commissioning): string => `linli commissioning 1\n${JSON.stringify(report)}`

export function signCommissioning(report: Commissioning, signer: { readonly keyId: string; readonly publicKey: string; sign(text: string): string }): SignedCommissioning {
  const plain = commissioning.parse(report)
  return { commissioning: plain, signature: { algorithm: 'Ed25519', keyId: signer.keyId, publicKey: signer.publicKey, value: signer.sign(textOf(plain)) } }
}

/** Throws DataError COMMISSION_UNREADABLE, COMMISSION_FORGED. Whose key it is, the city platform knows by its id: it is the one of the checkpoints. */
export function readCommissioning(text: string, name: string): SignedCommissioning {
  let parsed: unknown
  try { parsed = JSON.parse(text) } catch { parsed = null }
  const result = signed.safeParse(parsed)
  if (!result.success) throw new DataError('COMMISSION_UNREADABLE', `${name} is no commissioning report of linli; give the .json that stands beside the printed one`, { cause: result.error })
  const { commissioning: report, signature } = result.data
  if (!holds(textOf(report), signature)) throw new DataError('COMMISSION_FORGED', `${name} was changed after it was signed; take the report from the gateway again`)
  return result.data
}

function holds(text: string, { publicKey, keyId, value: bytes }: SignedCommissioning['signature']): boolean {
  try {
    const der = Buffer.from(publicKey, 'base64')
    return createHash('sha256').update(der).digest('hex').startsWith(keyId) && verify(null, Buffer.from(text), createPublicKey({ key: der, format: 'der', type: 'spki' }), Buffer.from(bytes, 'base64'))
  } catch { return false }
}

export interface Difference { readonly point: string; readonly was: CheckResult['outcome'] | null; readonly now: CheckResult['outcome'] | null }

/** Points whose outcome is another one than before; null: not on that list. */
export function differences(before: Commissioning, after: Commissioning): readonly Difference[] {
  const [old, fresh] = [before, after].map(({ results }) => new Map(results.map(({ point, outcome }) => [point, outcome]))) as [Map<string, CheckResult['outcome']>, Map<string, CheckResult['outcome']>]
  return [...new Set([...old.keys(), ...fresh.keys()])].map((point) => ({ point, was: old.get(point) ?? null, now: fresh.get(point) ?? null })).filter(({ was, now }) => was !== now)
}

export const counted = ({ results }: Pick<Commissioning, 'results'>): Readonly<Record<CheckResult['outcome'], number>> => ({
  passed: results.filter(({ outcome }) => outcome === 'passed').length, failed: results.filter(({ outcome }) => outcome === 'failed').length, skipped: results.filter(({ outcome }) => outcome === 'skipped').length,
})
