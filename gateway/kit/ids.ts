import { createHmac, randomBytes } from 'node:crypto'

/** `bytes` random bytes as lower-case hex. */
export const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

/** HMAC-SHA256 cut to 128 bits, hex: for identities that must not leave the box in clear. */
export function keyedHash(key: Uint8Array, value: string): string {
  return createHmac('sha256', key).update(value.normalize('NFKC')).digest('hex').slice(0, 32)
}
