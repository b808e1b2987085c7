import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, ConfigError, describe, type Logger } from '../../gateway/kit/index.ts'
import { commonName } from './chain.ts'
import { readWish, type PilotCa } from './ca.ts'
import type { Tokens } from './tokens.ts'
import { loadX509 } from './x509.ts'

export interface CaServerOptions {
  readonly ca: PilotCa
  readonly tokens: Tokens
  readonly host: string
  readonly port: number
  /** Names and addresses in the server's own certificate. */
  readonly names: readonly string[]
  /** Life of an issued certificate. */
  readonly days: number
  readonly clock: Clock
  readonly log: Logger
}

export interface CaServer extends AsyncDisposable { readonly url: string }

const maxRequestBytes = 16_384
const serverDays = 365
/** Wrong tokens a minute, of all askers: guessing 192 bits is hopeless, filling the log is not. */
const maxFailuresPerMinute = 60

/** EST [RFC 7030] as far as a gateway needs it: cacerts, simpleenroll with a one-time token, simplereenroll with the certificate itself. */
export async function serveCa(options: CaServerOptions): Promise<CaServer> {
  const { ca, host, port, names, clock } = options
  const own = await ca.server(names, { days: serverDays, now: clock.now() })
  const desk = new EstDesk(options)
  const server = createServer({ ...own, ca: ca.pem, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2', requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }, (request, response) => { void desk.answer(request, response) })
  server.maxConnections = 100
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new ConfigError('CA_LISTEN', `cannot listen on ${host}:${port}: ${describe(cause)}; choose another --listen`, { cause }))).listen(port, host, resolve)
  })
  const { port: bound } = server.address() as { readonly port: number }
  return { url: `https://${names[0]!.includes(':') ? `[${names[0]!}]` : names[0]!}:${bound}`, [Symbol.asyncDispose]: () => close(server) }
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => { server.close(() => resolve()); server.closeAllConnections() })
}

class EstDesk {
  readonly #options: CaServerOptions
  #failures = 0
  #minute = 0
  constructor(options: CaServerOptions) { this.#options = options }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const operation = /^\/\.well-known\/est\/(?:[\w-]+\/)?(cacerts|simpleenroll|simplereenroll)$/.exec(request.url ?? '')?.[1]
      const wanted = operation === 'cacerts' ? 'GET' : 'POST'
      if (!operation) return refuse(response, 404, 'no such operation')
      if (request.method !== wanted) return refuse(response, 405, `${wanted} is wanted`)
      if (operation === 'cacerts') return await certsOnly(response, [new X509Certificate(this.#options.ca.pem)])
      const csr = await readBody(request)
      if (!csr) return refuse(response, 413, 'a certificate request is smaller')
      await (operation === 'simpleenroll' ? this.#enrol(request, response, csr) : this.#renew(request, response, csr))
    } catch (error) {
      this.#options.log.error({ code: codeOf(error) }, describe(error))
      if (!response.headersSent) refuse(response, codeOf(error) === 'CA_REQUEST' ? 400 : 500, codeOf(error) === 'CA_REQUEST' ? describe(error) : 'the authority has a fault of its own')
    }
  }

  async #enrol(request: IncomingMessage, response: ServerResponse, csr: Buffer): Promise<void> {
    const { ca, tokens, clock, days, log } = this.#options
    if (this.#tooManyFailures()) return refuse(response, 503, 'too many wrong tokens; try again in a minute')
    const { gateway } = await readWish(csr)
    const [, basic] = /^Basic ([A-Za-z0-9+/=]{1,1024})$/.exec(request.headers.authorization ?? '') ?? []
    const [user, token] = split(Buffer.from(basic ?? '', 'base64').toString('utf8'))
    if (user !== gateway || !token || !await tokens.use(gateway, token, clock.now())) {
      this.#failures++
      log.warn({ code: 'CA_TOKEN', gateway, from: request.socket.remoteAddress }, 'a request with no valid token')
      response.setHeader('www-authenticate', 'Basic realm="linli"')
      return refuse(response, 401, 'the token is wrong, used, lapsed or of another gateway')
    }
    await certsOnly(response, [await ca.issue(csr, { days, now: clock.now() })])
    log.info({ gateway }, 'certificate issued')
  }

  /** [RFC 7030 §4.2.2]: the subject stays what it was. */
  async #renew(request: IncomingMessage, response: ServerResponse, csr: Buffer): Promise<void> {
    const { ca, clock, days, log } = this.#options
    const socket = request.socket as TLSSocket
    const peer = socket.authorized ? socket.getPeerX509Certificate() : undefined
    if (!peer) return refuse(response, 401, 'a valid certificate of this authority is wanted')
    const { gateway } = await readWish(csr)
    if (commonName(peer) !== gateway) return refuse(response, 403, 'the certificate is of another gateway')
    await certsOnly(response, [await ca.issue(csr, { days, now: clock.now() })])
    log.info({ gateway }, 'certificate renewed')
  }

  #tooManyFailures(): boolean {
    const minute = Math.floor(this.#options.clock.monotonic() / 60_000)
    if (minute !== this.#minute) { this.#minute = minute; this.#failures = 0 }
    return this.#failures >= maxFailuresPerMinute
  }
}

function split(text: string): readonly [string, string] {
  const at = text.indexOf(':')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Base64 or plain DER. null when it is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxRequestBytes) return null
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  return body[0] === 0x30 && body[1] === 0x82 ? body : Buffer.from(body.toString('latin1').replace(/\s/g, ''), 'base64')
}

async function certsOnly(response: ServerResponse, certificates: readonly X509Certificate[]): Promise<void> {
  const x509 = await loadX509()
  const list = new x509.X509Certificates(certificates.map(({ raw }) => new x509.X509Certificate(raw)))
  response.writeHead(200, { 'content-type': 'application/pkcs7-mime; smime-type=certs-only', 'content-transfer-encoding': 'base64' })
  response.end(Buffer.from(list.export('raw')).toString('base64').replace(/.{64}/g, '$&\n'))
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${why}\n`)
}
