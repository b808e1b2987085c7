import { request as plainRequest, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { readFile } from 'node:fs/promises'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { NotifyError } from './notify-error.ts'

export interface Ask {
  /** For sentences: `channel "duty" (oapi.dingtalk.com)`. Never the address itself, which may be the pass. */
  readonly who: string
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** From the first byte to the last. */
  readonly timeoutMs: number
  /** PEM, for a server whose authority the system does not know. */
  readonly ca?: string | undefined
}
export interface Reply {
  readonly status: number
  /** May be anything; at most {@link maxReplyBytes}. */
  readonly body: Buffer
  /** The peer's clock; NaN when it does not say. */
  readonly date: number
  readonly retryAfterMs: number
}

const maxReplyBytes = 64 << 10
const longestRetryAfterMs = 600_000

/**
 * One request over a connection of its own. By node:http, which the gateway has loaded anyway: the global `fetch` takes no authority of one's
 * own, keeps a pool, and follows redirects and reads without limit unless told. Nothing is followed, certificates are checked, the answer is bounded in bytes and time.
 * Throws NotifyError NOTIFY_UNREACHABLE, NOTIFY_TLS, NOTIFY_TIMEOUT, NOTIFY_ANSWER; all may work later.
 */
export function ask({ who, url, method, headers, body, timeoutMs, ca }: Ask, clock: Clock, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body)
    const options = { method, agent: false as const, headers: { 'user-agent': 'linli', ...headers, 'content-length': `${bytes.length}` }, ...(ca === undefined ? {} : { ca }) }
    const asked = url.protocol === 'https:' ? tlsRequest(url, options) : plainRequest(url, options)
    const end = (finish: () => void): void => { cancel(); signal.removeEventListener('abort', aborted); asked.destroy(); finish() }
    const fail = (error: NotifyError): void => end(() => reject(error))
    const aborted = (): void => fail(new NotifyError('NOTIFY_TIMEOUT', `${who}: called off because the gateway stops`, { retriable: true }))
    const cancel = clock.after(timeoutMs, () => fail(new NotifyError('NOTIFY_TIMEOUT', `${who}: no whole answer within ${timeoutMs} ms; is the network slow, or a firewall silent? It is tried again`, { retriable: true })))
    signal.addEventListener('abort', aborted, { once: true })
    asked.on('error', (error) => fail(connectionError(who, error)))
    asked.on('response', (response) => {
      collect(response).then(
        (content) => end(() => resolve({ status: response.statusCode ?? 0, body: content, date: Date.parse(response.headers.date ?? ''), retryAfterMs: retryAfter(response) })),
        (error: unknown) => fail(error instanceof NotifyError ? error : connectionError(who, error)),
      )
    })
    if (signal.aborted) aborted()
    else asked.end(bytes)
  })

  async function collect(response: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if ((size += chunk.length) > maxReplyBytes) throw new NotifyError('NOTIFY_ANSWER', `${who}: the answer is larger than ${maxReplyBytes} bytes, so this is not the service it should be; check the address`, { retriable: true })
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }
}

/** The cause is left out on purpose: Node's own errors may repeat an address. */
export function connectionError(who: string, error: unknown): NotifyError {
  const code = codeOf(error)
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_|INVALID_CA|EPROTO)/.test(code)) {
    return new NotifyError('NOTIFY_TLS', `${who}: the server's certificate is not accepted (${code}); check the gateway's clock, the host name, and ca where the authority is your own`, { retriable: true, values: { cause: code } })
  }
  return new NotifyError('NOTIFY_UNREACHABLE', `${who}: no connection (${code}); check network, name resolution and firewall. It is tried again`, { retriable: true, values: { cause: code } })
}

/** What HTTP alone says, before the body is looked at. 2xx passes. */
export function checkStatus(who: string, { status, retryAfterMs }: Reply): void {
  if (status >= 200 && status < 300) return
  if (status === 429) throw new NotifyError('NOTIFY_RATE_LIMITED', `${who}: too many messages (HTTP 429); what waits goes later, as one`, { retriable: true, retryAfterMs: retryAfterMs || 60_000 })
  if (status === 408 || status >= 500) throw new NotifyError('NOTIFY_BUSY', `${who}: the service is not ready (HTTP ${status}); it is tried again`, { retriable: true, retryAfterMs })
  if (status >= 300 && status < 400) throw new NotifyError('NOTIFY_REDIRECT', `${who}: the service sends us elsewhere (HTTP ${status}), which is not followed; set the new address in the site file`)
  if (status === 401 || status === 403) throw new NotifyError('NOTIFY_LOGIN', `${who}: not allowed (HTTP ${status}); check token, password or headers`)
  // 404 and 410: the address; 400, 413, 422 and the like may be this message alone.
  throw new NotifyError('NOTIFY_REFUSED', `${who}: refused (HTTP ${status}); check address, method and body`, { content: status !== 404 && status !== 405 && status !== 410, values: { status } })
}

/** Throws NotifyError NOTIFY_ANSWER for bytes that are not a JSON object in UTF-8. */
export function jsonOf(who: string, { body }: Reply): { readonly [key: string]: unknown } {
  let value: unknown
  try { value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) } catch { value = null }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as { readonly [key: string]: unknown }
  throw new NotifyError('NOTIFY_ANSWER', `${who}: the answer is not what this service answers; something else stands at this address (a login page, a proxy?)`, { retriable: true })
}

/** Throws NotifyError NOTIFY_TLS when the file cannot be read. */
export async function readAuthority(who: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  return readFile(file, 'utf8').catch((error: unknown) => { throw new NotifyError('NOTIFY_TLS', `${who}: cannot read ca ${file} (${codeOf(error)})`, { retriable: true }) })
}

/** Seconds only: a date would need clocks that agree. */
function retryAfter({ headers }: IncomingMessage): number {
  const seconds = Number(headers['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, longestRetryAfterMs) : 0
}
