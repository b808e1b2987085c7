import { z } from 'zod'
import { DataError, describe } from '../../gateway/kit/index.ts'
import { duration } from '../../gateway/kit/schema.ts'
import type { CityRequest, Wish } from './request.ts'

const actorName = z.string().min(1).max(128)
/** What an actor may do; a list of names stands for points alone. */
const policySchema = z.strictObject({
  /** Write points that have `cityWrite: true`. */
  points: z.boolean().default(true),
  /** Acknowledge, assign, shelve, resolve, rate, reopen, comment alerts. */
  alerts: z.boolean().default(false),
})

/** The uplink's key `commands`. Without it this uplink takes none. */
export const commandsSchema = z.strictObject({
  /** Who may command over this uplink, word for word. The broker's access list must keep everyone else off `cmd/req`. */
  actors: z.union([z.array(actorName).min(1), z.record(actorName, policySchema)]).transform((actors) => (
    Array.isArray(actors) ? actors.map((name) => ({ name, points: true, alerts: false })) : Object.entries(actors).map(([name, policy]) => ({ name, ...policy })))),
  /** Requests of one actor; those beyond are rejected. */
  perMinute: z.int().min(1).max(6_000).default(60),
  /** Longest time from accepting to the end of the write. */
  timeout: duration.default(30_000).refine((ms) => ms >= 100 && ms <= 600_000, 'between 100ms and 10m'),
})
export type CommandsConfig = z.output<typeof commandsSchema>

export const maxRequestBytes = 16_384
const maxValueChars = 1_024

const name = z.string().regex(/^[\x21-\x7e]{1,128}$/, '1 to 128 visible ASCII characters')
const time = z.iso.datetime({ offset: true, message: 'an RFC 3339 time such as 2026-01-05T08:00:00Z' }).transform((text) => Date.parse(text))

const common = {
  id: name,
  /** Default: the id. */
  idempotencykey: name.optional(),
  actor: z.string().regex(/^[^\p{Cc}]{1,128}$/u, '1 to 128 characters, no control characters'),
  issuedat: time,
  expiresat: time.optional(),
}
const writeSchema = z.strictObject({
  ...common,
  point: z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'device.point'),
  value: z.union([z.boolean(), z.number(), z.string().max(maxValueChars)]),
})

const alert = { ...common, alert: z.string().regex(/^[0-9a-f]{16}$/, "an alert's id, 16 hex digits") }
const text = z.string().min(1).max(1_000)
const actSchema = z.discriminatedUnion('act', [
  z.strictObject({ ...alert, act: z.literal('acknowledge') }),
  z.strictObject({ ...alert, act: z.literal('assign'), to: z.string().min(1).max(128) }),
  z.strictObject({ ...alert, act: z.literal('shelve'), until: time, reason: text }),
  z.strictObject({ ...alert, act: z.literal('unshelve') }),
  z.strictObject({ ...alert, act: z.literal('resolve'), note: text }),
  z.strictObject({ ...alert, act: z.literal('evaluate'), score: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)]), text: text.optional() }),
  z.strictObject({ ...alert, act: z.literal('reopen'), note: text }),
  z.strictObject({ ...alert, act: z.literal('comment'), text }),
])
export const requestSchema = z.union([writeSchema, actSchema])

/** Throws DataError COMMAND_TOO_LARGE, COMMAND_INVALID (`values.id`: the request's id where it could be read). */
export function parseRequest(bytes: Uint8Array): CityRequest {
  if (bytes.length > maxRequestBytes) throw new DataError('COMMAND_TOO_LARGE', `the request has ${bytes.length} bytes; at most ${maxRequestBytes} are read`)
  const json = parseJson(bytes)
  const parsed = (isAct(json) ? actSchema : writeSchema).safeParse(json)
  if (!parsed.success) throw new DataError('COMMAND_INVALID', explain(parsed.error), { values: { id: idOf(json) } })
  const { id, idempotencykey = id, actor, issuedat, expiresat, ...wish } = parsed.data
  if (expiresat !== undefined && expiresat <= issuedat) throw new DataError('COMMAND_INVALID', 'expiresat is not after issuedat', { values: { id } })
  const who = { id, idempotencyKey: idempotencykey, actor, issuedAt: issuedat, ...(expiresat === undefined ? {} : { expiresAt: expiresat }) }
  return 'act' in wish ? { ...who, wish: wish as Wish } : { ...who, ...wish }
}

const isAct = (json: unknown): boolean => typeof json === 'object' && json !== null && ('act' in json || 'alert' in json)

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new DataError('COMMAND_INVALID', `the request is not JSON in UTF-8 (${describe(cause).slice(0, 80)})`, { cause })
  }
}

function explain({ issues }: z.ZodError): string {
  return issues.slice(0, 3).map(({ path, message }) => `${path.join('.') || 'the request'}: ${message}`).join('; ').slice(0, 400)
}

function idOf(json: unknown): string | null {
  const id = typeof json === 'object' && json !== null && 'id' in json ? name.safeParse(json.id) : null
  return id?.success ? id.data : null
}
