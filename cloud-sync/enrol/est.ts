import { request } from 'node:https'
import type { X509Certificate } from 'node:crypto'
import { codeOf, describe, UplinkError } from '../../gateway/kit/index.ts'
import { parseCertificate } from './chain.ts'
import { readCertsOnly } from './x509.ts'

/** Enrolment over Secure Transport, RFC 7030: the calls a gateway makes. */
export interface EstServer {
  /** `https://host[:port][/label]`; `/.well-known/est` goes between. */
  readonly url: string
  /** PEM; absent: the system's authorities. */
  readonly ca?: string | undefined
  /** A one-time token: HTTP Basic, the user is the gateway's id [RFC 7030 §3.2.3]. */
  readonly basic?: { readonly user: string; readonly token: string } | undefined
  /** The certificate that is renewed [RFC 7030 §3.3.2]. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined
  /** The server is not proven: for `cacerts` alone, whose answer a person compares [RFC 7030 §4.1.1]. */
  readonly unproven?: true
}

const maxAnswerBytes = 262_144
const timeoutMs = 30_000
const tlsCodes = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/

/** The authority's own certificates. Throws UplinkError ENROL_UNREACHABLE, ENROL_TLS, ENROL_REFUSED, ENROL_ANSWER. */
export const authorities = (server: EstServer, signal: AbortSignal): Promise<readonly X509Certificate[]> => call(server, 'cacerts', null, signal)

/** The same from a server that nothing here trusts yet: nothing of ours is told it, and a person compares the fingerprint before anything else is. */
export const unprovenAuthorities = (url: string, signal: AbortSignal): Promise<readonly X509Certificate[]> => call({ url, unproven: true }, 'cacerts', null, signal)

/** Sends a PKCS#10 (DER), returns the certificates of the answer. Throws also ENROL_PENDING when a person has to allow it first. */
export const enrol = (server: EstServer, csr: Uint8Array, signal: AbortSignal): Promise<readonly X509Certificate[]> =>
  call(server, server.client ? 'simplereenroll' : 'simpleenroll', csr, signal)

async function call(server: EstServer, operation: string, csr: Uint8Array | null, signal: AbortSignal): Promise<readonly X509Certificate[]> {
  const url = endpoint(server.url, operation)
  const { status, body, retryAfter } = await send(server, url, csr, signal)
  if (status === 202) throw new UplinkError('ENROL_PENDING', `${url.host}: a person has to allow this request first${retryAfter ? `; ask again after ${retryAfter}` : ''}; run the same command again later`, { retriable: true })
  if (status !== 200) throw refused(url, status, body, server)
  try {
    const certificates = await readCertsOnly(Buffer.from(body.toString('latin1').replace(/\s/g, ''), 'base64'))
    return certificates.map(parseCertificate)
  } catch (cause) {
    throw new UplinkError('ENROL_ANSWER', `${url.href} answered with something that is no list of certificates (PKCS#7 certs-only, RFC 7030); check that --url leads to an EST server`, { cause })
  }
}

function endpoint(base: string, operation: string): URL {
  const url = new URL(base)
  const label = url.pathname.replace(/^\/+|\/+$/g, '').replace(/^\.well-known\/est\/?/, '')
  return new URL(`/.well-known/est/${label ? `${label}/` : ''}${operation}`, url)
}

interface Answer { readonly status: number; readonly body: Buffer; readonly retryAfter?: string | undefined }

function send({ ca, basic, client, unproven }: EstServer, url: URL, csr: Uint8Array | null, signal: AbortSignal): Promise<Answer> {
  // [RFC 7030 §4.2.1, RFC 8951 §2.1]: base64, and no Content-Transfer-Encoding is needed.
  const body = csr === null ? null : Buffer.from(csr).toString('base64').replace(/.{64}/g, '$&\n')
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: body === null ? 'GET' : 'POST', ca, ...client, signal, timeout: timeoutMs, agent: false, minVersion: 'TLSv1.2', rejectUnauthorized: !(unproven && body === null && !basic),
      headers: { ...(body === null ? {} : { 'content-type': 'application/pkcs10', 'content-length': Buffer.byteLength(body) }), ...(basic ? { authorization: `Basic ${Buffer.from(`${basic.user}:${basic.token}`).toString('base64')}` } : {}) },
    }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxAnswerBytes) { outgoing.destroy(); reject(new UplinkError('ENROL_ANSWER', `${url.host} answers with more than ${maxAnswerBytes} bytes; check that --url leads to an EST server`)) } else chunks.push(chunk)
      })
      response.on('error', (error) => reject(unreachable(url, error)))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), retryAfter: response.headers['retry-after'] }))
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer for ${timeoutMs / 1_000} s`)))
    outgoing.on('error', (error) => reject(unreachable(url, error)))
    outgoing.end(body ?? undefined)
  })
}

function unreachable(url: URL, error: unknown): UplinkError {
  const code = codeOf(error)
  if (tlsCodes.test(code)) return new UplinkError('ENROL_TLS', `${url.host}: its certificate is not trusted (${code}); give its authority with --ca FILE (for a running gateway: renew.ca in the site file), or check the clock and the host name`, { cause: error })
  return new UplinkError('ENROL_UNREACHABLE', `${url.host} cannot be reached (${describe(error) || code}); check network, host and port, or take the file-based way: --csr and --import`, { cause: error, retriable: true })
}

function refused(url: URL, status: number, body: Buffer, { client }: EstServer): UplinkError {
  const said = body.toString('utf8').replace(/[^\x20-\x7e\u4e00-\u9fff]/g, ' ').trim().slice(0, 200)
  const words = said ? ` ("${said}")` : ''
  if (client && (status === 401 || status === 403)) return new UplinkError('ENROL_REFUSED', `${url.host} does not take this gateway's certificate as its pass${words}; ask its people, and enrol with a new token and --force if it was revoked`)
  if (status === 401 || status === 403) return new UplinkError('ENROL_REFUSED', `${url.host} does not let this gateway enrol${words}; the token is wrong, used or too old: ask for a new one`)
  if (status === 404) return new UplinkError('ENROL_ANSWER', `${url.host} knows no ${url.pathname}; check --url`)
  return new UplinkError('ENROL_REFUSED', `${url.host} answered ${status}${words}; tell the authority's people`, { retriable: status >= 500 })
}
