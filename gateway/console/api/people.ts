import { z } from 'zod'
import { label, name, role, time } from './common.ts'

/** Length counts, not classes of letters. */
export const password = z.string().min(10).max(200)
export const pin = z.string().regex(/^\d{4,8}$/)

/** `claim`: there is no account yet. `out`: log in. `in`: as `user`. */
export const session = z.strictObject({
  state: z.enum(['claim', 'out', 'in']),
  /** `id` is the account. */
  user: z.strictObject({ id: z.string(), role }).optional(),
  /** Who has the shift at this desk: acts carry this id. */
  person: z.strictObject({ id: z.string(), name: label, since: time }).optional(),
  site: z.strictObject({ id: z.string(), name: label, timezone: z.string(), region: z.string() }),
  version: z.string(), now: time,
  /** Plain HTTP on a network: what is typed can be read on the way. */
  unprotected: z.boolean(),
  /** From a browser on the box itself. */
  local: z.boolean(),
  expiresAt: time.optional(),
  /** /install tells how a device comes to trust this page. */
  siteCa: z.boolean(),
  /** The first admin has not been through the first steps. */
  setup: z.boolean(),
  /** What a browser begins in where nobody has chosen. */
  language: z.enum(['zh', 'en']).optional(),
})
export type SessionAnswer = z.output<typeof session>

export const loginOrder = z.strictObject({ id: name, password: z.string().min(1).max(200) })
/** `token`: after `#open=` of a one-time address printed by `linli`. */
export const openOrder = z.strictObject({ token: z.string().min(1).max(100) })
/** First run: the code that `linli claim SITE` prints makes the first admin. */
export const claimOrder = z.strictObject({ code: z.string().min(1).max(40), id: name, password })
export const passwordOrder = z.strictObject({ old: z.string().max(200), password })

/** Everybody an act can name: the roster, and accounts that nobody of the roster has. */
export const person = z.strictObject({ id: z.string(), name: label, role: z.string().optional(), kind: z.enum(['roster', 'account']), pin: z.boolean() })
export type PersonAnswer = z.output<typeof person>

export const shift = z.strictObject({
  person: z.strictObject({ id: z.string(), name: label, since: time }).nullable(),
  /** What the one before left; until the next note. */
  handover: z.strictObject({ by: z.string(), at: time, note: z.string() }).nullable(),
})
export type ShiftAnswer = z.output<typeof shift>
export const shiftBegin = z.strictObject({ person: name, pin })
export const shiftEnd = z.strictObject({ note: z.string().trim().max(2_000) })

export const user = z.strictObject({ id: z.string(), role, createdAt: time, lastLoginAt: time.nullable(), disabled: z.boolean() })
export type UserAnswer = z.output<typeof user>
export const userOrder = z.strictObject({ id: name, role, password })
export const userChange = z.strictObject({ role: role.optional(), password: password.optional(), disabled: z.boolean().optional() })
/** `pin: null` takes it away. */
export const pinOrder = z.strictObject({ person: name, pin: pin.nullable() })

/** The first steps. `open`: they are shown to an admin who signs in. */
export const setup = z.strictObject({ open: z.boolean(), language: z.enum(['zh', 'en']).nullable(), residents: z.strictObject({ on: z.boolean(), url: z.string().optional() }) })
export const setupChange = z.strictObject({ open: z.boolean().optional(), language: z.enum(['zh', 'en']).optional() })

export const auditQuery = z.strictObject({ before: z.coerce.number().int().optional(), limit: z.coerce.number().int().min(1).max(500).default(100) })
export const auditEntry = z.strictObject({ seq: z.int(), at: time, by: z.string(), action: z.string(), target: z.string().optional(), outcome: z.string(), address: z.string().optional(), hash: z.string() })
/** The newest first. `intact`: every line that is kept names the one before. */
export const audit = z.strictObject({ entries: z.array(auditEntry), intact: z.boolean() })
export type AuditAnswer = z.output<typeof audit>
