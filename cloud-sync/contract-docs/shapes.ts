import { z } from 'zod'

/** Pieces that many messages share. Imported by documentation and tests only: the gateway itself never loads this folder. */
export const gateway = z.string().regex(/^[a-z0-9-]{1,48}$/)
export const stream = z.string().regex(/^[a-z0-9-]{1,48}$/).meta({ description: 'alert, event, ledger, telemetry, or a selection that the site file names' })
export const epoch = z.string().regex(/^\d{8}-[0-9a-f]{8}$/).meta({ description: '{counter}-{random}, one for each start of the gateway; sorts by age' })
export const seq = z.int().min(1)
export const count = z.int().min(0)
/** Milliseconds since 1970, UTC. */
export const at = z.int().meta({ description: 'milliseconds since 1970, UTC' })
export const hash = z.string().regex(/^[0-9a-f]{64}$/)
export const hashOrNone = z.string().regex(/^([0-9a-f]{64})?$/)
export const pointId = z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/).meta({ description: 'device.point' })
export const deviceId = z.string().regex(/^[a-z0-9-]{1,48}$/)
export const scalar = z.union([z.boolean(), z.number(), z.string()])
export const valueOrNone = z.union([z.boolean(), z.number(), z.string(), z.null()])
export const quality = z.enum(['good', 'uncertain', 'bad'])
export const timeQuality = z.enum(['synced', 'holdover', 'unsynced']).meta({ description: 'how far the gateway trusts its clock' })
export const label = z.object({ zh: z.string().min(1), en: z.string().min(1) })
export const code = z.string().regex(/^[A-Z][A-Z0-9_]+$/).meta({ description: 'a code of docs/errors.md, or of the operating system (ECONNREFUSED)' })
export const severity = z.int().min(1).max(4).meta({ description: '1 特急, 2 紧急, 3 重要, 4 一般' })
/** Where a stream stands; seq 0 and hash '' before its first record. */
export const head = z.object({ epoch: z.string().regex(/^(\d{8}-[0-9a-f]{8})?$/), seq: count, hash: hashOrNone })
export const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/)
