import { randomInt } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import type { EpochMs } from '../contract/index.ts'
import { inTurn, readJson, writeJson } from './files.ts'
import { digest } from './password.ts'

const fileSchema = z.strictObject({ code: z.string(), expiresAt: z.number(), used: z.boolean().optional() })
/** Without 0 O 1 I L U: read aloud and typed on a telephone. */
const letters = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
const count = 12
export const claimMs = 3_600_000

export const claimFile = (storePath: string): string => path.join(storePath, 'console', 'claim.json')
const plain = (code: string): string => code.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')

/** 58 random bits, as `XXXX-XXXX-XXXX`; kept as a hash, good for an hour and one use. A new one replaces the one before. */
export async function newClaim(file: string, now: EpochMs): Promise<string> {
  const code = Array.from({ length: count }, () => letters[randomInt(letters.length)]).join('')
  await writeJson(file, { code: digest(code), expiresAt: now + claimMs })
  return code.match(/.{4}/g)!.join('-')
}

const turn = inTurn()

/** `wrong` also where none was printed. Only who has the whole code hears that it was used or is too old. */
export type Claimed = 'taken' | 'wrong' | 'used' | 'expired'

/** `taken` once: that it is used is on disk before it is said. */
export const takeClaim = (file: string, code: string, now: EpochMs): Promise<Claimed> => turn(async () => {
  const kept = await readJson(file, fileSchema)
  if (!kept || kept.code !== digest(plain(code))) return 'wrong'
  if (kept.used) return 'used'
  if (kept.expiresAt <= now || kept.expiresAt - now > claimMs) return 'expired'
  await writeJson(file, { ...kept, used: true })
  return 'taken'
})
