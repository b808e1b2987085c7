import { argon2, createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { ConfigError } from '../kit/index.ts'

/** argon2id, RFC 9106, with what OWASP asks at least: 19 MiB, two passes. The figures are kept with each, so that they may grow. */
export const secretHash = z.strictObject({ memory: z.int(), passes: z.int(), salt: z.string(), tag: z.string() })
export type SecretHash = z.output<typeof secretHash>

const memory = 19_456
const passes = 2
const tagBytes = 32
/** 19 MiB each: a flood of logins must not take the box's memory. */
const maxWaiting = 8

let [waiting, last]: [number, Promise<unknown>] = [0, Promise.resolve()]

/** One at a time. Throws ConfigError CONSOLE_BUSY when many wait already. */
async function derive(text: string, salt: Buffer, figures: { readonly memory: number; readonly passes: number }): Promise<Buffer> {
  if (waiting >= maxWaiting) throw new ConfigError('CONSOLE_BUSY', 'many log in at once; try again in a few seconds', { retriable: true })
  waiting++
  const mine = last.then(() => new Promise<Buffer>((resolve, reject) => {
    argon2('argon2id', { message: Buffer.from(text.normalize('NFKC')), nonce: salt, parallelism: 1, tagLength: tagBytes, ...figures }, (error, tag) => (error ? reject(error) : resolve(tag)))
  }))
  last = mine.catch(() => {})
  try { return await mine } finally { waiting-- }
}

export async function hashSecret(text: string): Promise<SecretHash> {
  const salt = randomBytes(16)
  return { memory, passes, salt: salt.toString('base64'), tag: (await derive(text, salt, { memory, passes })).toString('base64') }
}

const nobody: SecretHash = { memory, passes, salt: Buffer.alloc(16).toString('base64'), tag: Buffer.alloc(tagBytes).toString('base64') }

/** Takes as long for an account that does not exist (`undefined`). */
export async function isSecret(text: string, kept: SecretHash | undefined): Promise<boolean> {
  const { salt, tag, ...figures } = kept ?? nobody
  const derived = await derive(text, Buffer.from(salt, 'base64'), figures)
  return timingSafeEqual(derived, Buffer.from(tag, 'base64')) && kept !== undefined
}

/** Of what is random enough to need no slow hash: tokens and codes. */
export const digest = (token: string): string => createHash('sha256').update(token).digest('base64')
export const newToken = (): string => randomBytes(32).toString('base64url')
