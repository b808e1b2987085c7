import { z } from 'zod'
import { duration } from '../../gateway/kit/schema.ts'
import { readPublicKey } from '../ledger/checkpoint.ts'

/** Lines are signed: what stands in one has no line break in it. */
const line = (longest: number) => z.string().regex(new RegExp(`^[^\\p{Cc}\\u2028\\u2029]{1,${longest}}$`, 'u'), `1 to ${longest} characters, no line break or other control character`)
export const actorLine = line(128)
export const reasonLine = line(200)

const keySchema = z.strictObject({
  /** Under which name its configurations stand in the box's history. */
  actor: actorLine,
  /** Ed25519 (SPKI, DER, base64), as `linli desired key` prints it. */
  publicKey: z.string().refine((text) => readPublicKey(text) !== null, 'an Ed25519 public key (SPKI, DER, base64); linli desired key FILE makes a pair and prints it'),
})

/** The uplink's key `configuration`. Without it nothing is subscribed, no key is made, and nothing of it is loaded. */
export const configurationSchema = z.strictObject({
  /** Who may wish for another configuration. Whoever holds one of these keys decides what the box does: keep it where such keys are kept. */
  keys: z.array(keySchema).min(1).max(8).refine((keys) => new Set(keys.map(({ actor }) => actor)).size === keys.length, 'each actor has one key; for a second key give it a name of its own'),
  /** So long a new configuration is on trial before it stays by itself. */
  window: duration.default(300_000).refine((ms) => ms >= 1_000 && ms <= 86_400_000, 'between 1s and 24h'),
})
export type ConfigurationConfig = z.output<typeof configurationSchema>
