import { createHmac } from 'node:crypto'
import { ask, checkStatus, readAuthority } from './http.ts'
import { fieldsOf, render } from './message.ts'
import { NotifyError } from './notify-error.ts'
import { fill, type Fields } from './placeholders.ts'
import { whoIs } from './robot.ts'
import type { ChannelOf } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

const maxBytes = 16_000
const types = { json: 'application/json; charset=utf-8', form: 'application/x-www-form-urlencoded', text: 'text/plain; charset=utf-8' } as const
const inJson = (value: string): string => JSON.stringify(value).slice(1, -1)
const escapes: Readonly<Record<ChannelOf<'webhook'>['format'], (value: string) => string>> = { json: inJson, form: encodeURIComponent, text: (value) => value }

/** HMAC-SHA256 of `timestamp.body`, timestamp in s, as `sha256=<hex>`. */
export const webhookSign = (secret: string, timestamp: number, body: string): string => `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`

export function createWebhook(config: ChannelOf<'webhook'>, { clock, around, readSecret }: SenderPorts): Sender {
  return {
    async send(message, signal) {
      const address = typeof config.url === 'string' ? config.url : (await readSecret(config.url)).trim()
      const url = URL.parse(address)
      // A secret address is not even shown by its host.
      const who = whoIs(config.id, typeof config.url === 'string' && url ? url.host : 'webhook')
      if (!url || !/^https?:$/.test(url.protocol)) throw new NotifyError('NOTIFY_LOGIN', `${who}: the secret is no http or https address`)
      const fields = fieldsOf(message, around, config.language, maxBytes)
      const body = config.body === undefined ? standard(config.format, fields, render(message, around, config.language, maxBytes).text) : fill(config.body, fields, escapes[config.format])
      const headers: Record<string, string> = { 'content-type': types[config.format] }
      for (const [name, value] of Object.entries(config.headers)) headers[name.toLowerCase()] = typeof value === 'string' ? value : (await readSecret(value)).trim()
      if (config.signature) {
        const timestamp = Math.floor(clock.now() / 1_000)
        headers[config.signature.header.toLowerCase()] = webhookSign(await readSecret(config.signature.secret), timestamp, body)
        headers['x-linli-timestamp'] = `${timestamp}`
      }
      checkHeaders(who, headers)
      checkStatus(who, await ask({ who, url, method: config.method, headers, body, timeoutMs: config.timeout, ca: await readAuthority(who, config.ca) }, clock, signal))
    },
  }
}

function standard(format: ChannelOf<'webhook'>['format'], fields: Fields, text: string): string {
  if (format === 'text') return text
  return format === 'form' ? new URLSearchParams(fields).toString() : JSON.stringify({ ...fields, severity: fields.severity === '' ? null : Number(fields.severity), count: Number(fields.count), more: Number(fields.more), test: fields.test === 'true' })
}

/** Node would throw in words of its own, and a line break in a secret would be a header of its own. */
function checkHeaders(who: string, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) if (/[^\t\u0020-\u007e]/.test(value)) throw new NotifyError('NOTIFY_LOGIN', `${who}: the value of header ${name} has characters that a header cannot hold; look for line breaks in the secret`)
}
