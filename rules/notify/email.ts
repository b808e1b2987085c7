import { codeOf } from '../../gateway/kit/index.ts'
import { connectionError, readAuthority } from './http.ts'
import { render } from './message.ts'
import { NotifyError, said } from './notify-error.ts'
import { whoIs } from './robot.ts'
import type { ChannelOf } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

const maxBytes = 64_000
const ports = { tls: 465, starttls: 587, none: 25 } as const
/** X-Priority of RFC 2076 §3.9: what mail programs mark as important. */
const priorities = { 1: 'high', 2: 'high', 3: 'normal', 4: 'low' } as const

/** By SMTP. nodemailer (8 MB) is loaded with the first message. */
export function createEmail(config: ChannelOf<'email'>, { clock, around, readSecret }: SenderPorts): Sender {
  return {
    async send(message, signal) {
      const who = whoIs(config.id, config.host)
      const { createTransport } = await import('nodemailer')
      const pass = config.password && await readSecret(config.password)
      const ca = await readAuthority(who, config.ca)
      const { title, text } = render(message, around, config.language, maxBytes)
      const transport = createTransport({
        host: config.host, port: config.port ?? ports[config.security], secure: config.security === 'tls', requireTLS: config.security === 'starttls', ignoreTLS: config.security === 'none',
        tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) }, ...(pass === undefined ? {} : { auth: { user: config.username!, pass } }),
        connectionTimeout: config.timeout, greetingTimeout: config.timeout, socketTimeout: config.timeout, disableFileAccess: true, disableUrlAccess: true,
      })
      // Its own limits are each for one silence; this one is for the whole.
      const late = Promise.withResolvers<never>()
      const stop = (why: string) => (): void => { transport.close(); late.reject(new NotifyError('NOTIFY_TIMEOUT', `${who}: ${why}`, { retriable: true })) }
      const cancel = clock.after(config.timeout, stop(`the mail was not taken within ${config.timeout} ms; it is tried again`))
      const aborted = stop('called off because the gateway stops')
      signal.addEventListener('abort', aborted, { once: true })
      const { severity } = message.notices[0]!
      try {
        await Promise.race([late.promise, transport.sendMail({ from: config.from, to: [...config.to], subject: title, text, priority: priorities[severity ?? 4] })])
      } catch (error) {
        throw error instanceof NotifyError ? error : refusal(who, error, pass === undefined ? [] : [pass, Buffer.from(pass).toString('base64')])
      } finally {
        cancel()
        signal.removeEventListener('abort', aborted)
        transport.close()
      }
    },
  }
}

/** nodemailer's codes, and the reply's first digit (RFC 5321 §4.2.1): 4 may work later, 5 will not. */
function refusal(who: string, error: unknown, secrets: readonly string[]): NotifyError {
  const code = codeOf(error)
  const { responseCode, response, originalCode } = error as { readonly responseCode?: number; readonly response?: string; readonly originalCode?: string }
  const words = responseCode ? `(${said(response, secrets) || responseCode})` : `(${code})`
  if (code === 'ETIMEDOUT') return new NotifyError('NOTIFY_TIMEOUT', `${who}: no answer in time; it is tried again`, { retriable: true })
  if (code === 'ETLS') return new NotifyError('NOTIFY_TLS', `${who}: no TLS with this server ${words}; check port, ca and clock, or set security to what the server offers`, { retriable: true })
  if (responseCode && responseCode >= 400 && responseCode < 500) return new NotifyError('NOTIFY_BUSY', `${who}: the mail server asks for patience ${words}; it is tried again`, { retriable: true })
  if (code === 'EAUTH') return new NotifyError('NOTIFY_LOGIN', `${who}: user or password is not accepted ${words}; many providers want a password made for programs`)
  if (responseCode && responseCode >= 500) return new NotifyError('NOTIFY_REFUSED', `${who}: the mail server refuses ${words}; check from, to and the mailbox`, { content: true })
  return connectionError(who, { code: originalCode ?? code })
}
