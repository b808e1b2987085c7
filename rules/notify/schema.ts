import { z } from 'zod'
import { duration, filePath, identifier, label, secretRef } from '../../gateway/kit/schema.ts'
import { unknownPlaceholders } from './placeholders.ts'

/** What every channel has. */
const common = {
  id: identifier,
  name: label.optional(),
  language: z.enum(['zh', 'en', 'both']).default('zh'),
  /** Only what is as grave as this, or graver; 1 is the gravest. A message that is no alert always goes. */
  minSeverity: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]).default(4),
  /** What could not be delivered for so long is not delivered any more, and the alert's timeline says so. */
  maxAge: duration.default(3_600_000).refine((ms) => ms >= 60_000 && ms <= 604_800_000, 'from 1m to 168h'),
  /** For one attempt. */
  timeout: duration.default(10_000).refine((ms) => ms >= 100 && ms <= 120_000, 'from 100ms to 2m'),
}
/** Sent in any 60 s; what is more waits, and goes as one message. */
const perMinute = z.int().min(1).max(600)
/** Robots are cut off at 20 a minute, for ten minutes: leave some room. */
const robotRate = { perMinute: perMinute.default(18) }
const anyRate = { perMinute: perMinute.default(60) }

/** An origin, perhaps with a path; secrets have keys of their own. */
const baseUrl = z.string().regex(/^https?:\/\/[^\s@?#]+$/, 'write https://host, without user, password or query')
/** Who signed the server's certificate (PEM), where the system does not know. */
const ca = { ca: filePath.optional() }

const robot = {
  ...common, ...robotRate, ...ca,
  /** The token alone, or the whole address as the chat shows it. Whoever has it can write into the group. */
  token: secretRef,
  /** Default: the vendor's; another one for a proxy or a private installation. */
  baseUrl: baseUrl.optional(),
}

const dingtalk = z.strictObject({ kind: z.literal('dingtalk'), ...robot, /** 加签, begins with SEC. */ secret: secretRef.optional() })
const feishu = z.strictObject({ kind: z.literal('feishu'), ...robot, /** 签名校验. */ secret: secretRef.optional() })
const wecom = z.strictObject({ kind: z.literal('wecom'), ...robot })

const webhook = z.strictObject({
  kind: z.literal('webhook'), ...common, ...anyRate, ...ca,
  /** Or a secret reference, where the address itself is the pass. */
  url: z.union([z.string().regex(/^https?:\/\/[^\s@]+$/, 'write https://host/path; user and password go into headers, as a secret'), secretRef]),
  method: z.enum(['POST', 'PUT', 'PATCH']).default('POST'),
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'a header name is of A-Z, a-z, 0-9 and -'), z.union([z.string().max(1_000), secretRef])).default({}),
  format: z.enum(['json', 'form', 'text']).default('json'),
  /** With {title}, {text}, {severity} … as placeholders; by default an object of all of them. */
  body: z.string().min(1).max(10_000).optional(),
  /** HMAC-SHA256 over `timestamp.body`, in the header as `sha256=<hex>`; the timestamp goes beside it. */
  signature: z.strictObject({ secret: secretRef, header: z.string().regex(/^[A-Za-z0-9-]{1,64}$/).default('X-Linli-Signature') }).optional(),
}).superRefine(({ body, format }, context) => {
  if (body === undefined) return
  for (const message of unknownPlaceholders(body)) context.addIssue({ code: 'custom', path: ['body'], message })
  if (format === 'json' && !isJson(body.replaceAll(/\{[a-zA-Z]+\}/g, '1'))) context.addIssue({ code: 'custom', path: ['body'], message: 'is not JSON once its placeholders are filled in; put texts in quotes: {"text":"{text}"}' })
})

const address = z.string().regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, 'write an address as name@host')
const email = z.strictObject({
  kind: z.literal('email'), ...common, ...anyRate, ...ca,
  host: z.string().min(1),
  /** Default: 465 with tls, 587 with starttls, 25 without. */
  port: z.int().min(1).max(65_535).optional(),
  /** `starttls`: a server that does not offer it gets nothing. `none`: in clear, for a relay on the box. */
  security: z.enum(['tls', 'starttls', 'none']).default('starttls'),
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
  from: address,
  to: z.array(address).min(1).max(50),
}).superRefine(({ username, password, security }, context) => {
  if ((username === undefined) !== (password === undefined)) context.addIssue({ code: 'custom', path: [username === undefined ? 'password' : 'username'], message: 'username and password go together' })
  if (password !== undefined && security === 'none') context.addIssue({ code: 'custom', path: ['security'], message: 'a password is not sent in clear; set security to starttls or tls' })
})

const mqtt = z.strictObject({
  kind: z.literal('mqtt'), ...common, ...anyRate,
  /** Id of an MQTT connection of this site: the building's own broker. */
  connection: identifier,
  topic: z.string().regex(/^[^\s#+$/][^\s#+]{0,199}$/, 'no wildcards, no spaces').default('linli/notify'),
})

const command = z.strictObject({
  kind: z.literal('command'), ...common, ...anyRate,
  /** A program by its full path, then its arguments; no shell. {title}, {text} … are filled in, the text stands on standard input too. */
  command: z.array(z.string().max(2_000)).min(1).max(50).refine(([program]) => program!.startsWith('/'), 'give the program with its full path, such as /usr/local/bin/call'),
}).superRefine(({ command: [program, ...words] }, context) => {
  if (/\{[a-zA-Z]+\}/.test(program!)) context.addIssue({ code: 'custom', path: ['command', 0], message: 'the program itself takes no placeholder' })
  for (const [index, word] of words.entries()) for (const message of unknownPlaceholders(word)) context.addIssue({ code: 'custom', path: ['command', index + 1], message })
})

/** The `channels` section of the site file: one entry, one named reader of the journal's alerts. */
export const channelSchema = z.discriminatedUnion('kind', [dingtalk, feishu, wecom, webhook, email, mqtt, command])
export type ChannelConfig = z.output<typeof channelSchema>
export type ChannelOf<Kind extends ChannelConfig['kind']> = Extract<ChannelConfig, { kind: Kind }>

function isJson(text: string): boolean {
  try { JSON.parse(text); return true } catch { return false }
}
