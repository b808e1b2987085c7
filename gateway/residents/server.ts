import { readFile } from 'node:fs/promises'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { AlertDesk, Clock, Label, Occurrence } from '../contract/index.ts'
import { hostName } from '../console/security.ts'
import { codeOf, ConfigError, describe, GatewayError, type Logger } from '../kit/index.ts'
import type { PhotoStore } from '../photos/index.ts'
import { ResidentCodes } from './codes.ts'
import { addressKey, ResidentLimits } from './limits.ts'
import { noticeHtml, residentsHtml } from './page.ts'
import { repairsAt } from './repairs.ts'
import { intoOccurrence, parseRating, parseReport, takePhoto } from './saying.ts'
import { targetsOf, type Target, type TargetParts } from './targets.ts'

export interface ResidentsConfig {
  readonly listen: { readonly host: string; readonly port: number }
  readonly url?: string | undefined
  readonly categories: readonly { readonly id: string; readonly name: Label }[]
  readonly repairs: boolean
}

/** What the composition root lends to the page: least of all. */
export interface ResidentsParts extends TargetParts {
  readonly config: ResidentsConfig
  readonly folder: string
  readonly site: Label
  readonly clock: Clock
  readonly log: Logger
  readonly desk: Pick<AlertDesk, 'open' | 'closed'>
  readonly photos: Pick<PhotoStore, 'add'>
  /** Resolves when it is on disk. Throws StoreError or ConfigError RESIDENTS_BUSY. */
  accept(occurrence: Occurrence): Promise<void>
}

const maxRatingBytes = 4_096
/** A photo of 1 MB as base64, and the words. */
const maxReportBytes = 1_450_000
/** Longer, and there is a photo in it. */
const photoBytes = 8_192
const maxConnections = 128
const requestMs = 60_000
const headers = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin', 'cache-control': 'no-store',
  'permissions-policy': 'microphone=(), geolocation=()',
} as const

/** Throws ConfigError RESIDENTS_LISTEN, StoreError RESIDENTS_FILE; nothing stays open then. */
export async function serveResidents(parts: ResidentsParts): Promise<AsyncDisposable> {
  const { config: { listen: { host, port } }, folder, clock, log } = parts
  const codes = await ResidentCodes.open(folder, targetsOf(parts))
  const app = fastify({ bodyLimit: maxRatingBytes, requestTimeout: requestMs, forceCloseConnections: true, trustProxy: false, exposeHeadRoutes: false, return503OnClosing: false, routerOptions: { maxParamLength: 40 } } as Record<string, unknown>) as unknown as FastifyInstance
  app.server.maxConnections = maxConnections
  const limits = new ResidentLimits(clock)
  guard(app, parts, limits)
  await serveFiles(app)
  serveCodes(app, parts, codes, limits)
  await app.listen({ host, port }).catch((cause: unknown) => { throw new ConfigError('RESIDENTS_LISTEN', `the residents' page cannot listen on ${host}:${port} (${codeOf(cause)}); set residents.page.listen to a free port and an address of this box`, { cause }) })
  log.info({ host, port }, "residents' page open")
  return { async [Symbol.asyncDispose]() { await app.close() } }
}

/** What holds for every request. Plain HTTP: nothing secret goes over it, and a telephone knows no authority of the house. */
function guard(app: FastifyInstance, { config, log }: ResidentsParts, limits: ResidentLimits): void {
  const own = config.url === undefined ? null : new URL(config.url).hostname
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_, text, next) => {
    try { next(null, JSON.parse(text as string)) } catch { next(refuse('RESIDENTS_REQUEST', 'what was sent is not JSON')) }
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers)
    limits.take('anything', whoIs(request))
    const name = hostName(request.headers.host)
    const local = (request.socket.localAddress ?? '').replace(/^::ffff:/, '')
    if (name === null || (name !== own && name !== local && name !== 'localhost')) throw refuse('RESIDENTS_HOST', "this page is not known by that name; residents.page.url says how it is reached")
    if (request.method !== 'GET') checkOrigin(request)
  })
  app.setErrorHandler((error, request, reply) => {
    // Of fastify's own: a body that is too long or of another type.
    const unread = error instanceof Error && !(error instanceof GatewayError) && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500 ? error.statusCode : null
    const code = error instanceof GatewayError ? codeOf(error) : unread === null ? 'INTERNAL' : 'RESIDENTS_REQUEST'
    const status = unread ?? statuses[code] ?? (error instanceof GatewayError ? 503 : 500)
    if (status >= 500 && code !== 'PHOTO_BUSY') log.error({ err: error }, `a resident's request failed: ${describe(error)}`)
    const after = error instanceof GatewayError && typeof error.values.retryAfterMs === 'number' ? Math.ceil(error.values.retryAfterMs / 1_000) : undefined
    if (after !== undefined) reply.header('retry-after', after)
    reply.code(status)
    if (request.method === 'GET') return html(reply, code === 'RESIDENTS_RATE' ? noticeHtml('slow') : code === 'RESIDENTS_CODE' ? noticeHtml('gone', 'goneMore') : noticeHtml('failed'))
    return reply.send({ code, message: error instanceof GatewayError ? describe(error) : unread === null ? 'the gateway failed at this; its log says more' : 'the request cannot be read' })
  })
  app.setNotFoundHandler((_, reply) => html(reply.code(404), noticeHtml('scan')))
}

const statuses: Readonly<Record<string, number>> = {
  RESIDENTS_RATE: 429, RESIDENTS_CODE: 404, RESIDENTS_REQUEST: 400, RESIDENTS_HOST: 421, RESIDENTS_ORIGIN: 403, RESIDENTS_BUSY: 503, PHOTO_INVALID: 400, PHOTO_TOO_LARGE: 413, PHOTO_BUSY: 503,
}

const web = new URL('web/', import.meta.url)

async function serveFiles(app: FastifyInstance): Promise<void> {
  for (const [name, type] of [['page.js', 'text/javascript; charset=utf-8'], ['style.css', 'text/css; charset=utf-8']] as const) {
    const content = await readFile(new URL(name, web))
    app.get(`/${name}`, (_, reply) => reply.type(type).header('cache-control', 'public, max-age=600').send(content))
  }
  app.get('/', (_, reply) => html(reply, noticeHtml('scan')))
}

function serveCodes(app: FastifyInstance, parts: ResidentsParts, codes: ResidentCodes, limits: ResidentLimits): void {
  const { config, desk, clock, site, photos } = parts
  /** Throws RESIDENTS_RATE and RESIDENTS_CODE. Who has guessed too often is not told any more what would have been right. */
  const targetOf = async (request: FastifyRequest): Promise<Target> => {
    limits.check('wrongCodes', whoIs(request))
    await codes.refresh()
    const target = codes.find((request.params as { readonly code: string }).code)
    if (target) return target
    limits.take('wrongCodes', whoIs(request))
    throw refuse('RESIDENTS_CODE', 'there is no such code, or it was revoked; scan the new one')
  }
  /** Before a byte of the body is read. */
  const mayTell = async (request: FastifyRequest): Promise<void> => {
    const { key } = await targetOf(request)
    const length = Number(request.headers['content-length'] ?? Number.NaN)
    if (!Number.isSafeInteger(length)) throw refuse('RESIDENTS_REQUEST', 'say how long it is (content-length)')
    limits.take('sendsOfAddress', whoIs(request))
    limits.take('sendsOfCode', key)
    if (length <= photoBytes) return
    limits.take('photosOfAddress', whoIs(request))
    limits.take('photosOfCode', key)
  }
  const repairs = (target: Target) => (config.repairs ? repairsAt(desk, target, clock.now()) : [])

  app.get('/r/:code', async (request, reply) => {
    const target = await targetOf(request)
    const { lang } = request.query as { readonly lang?: unknown }
    return html(reply, residentsHtml({ site, name: target.name, categories: config.categories, repairs: repairs(target) }, lang === 'en' ? 'en' : 'zh'))
  })
  const takeRating = async (request: FastifyRequest): Promise<object> => {
    const target = await targetOf(request)
    const said = parseRating(request.body, repairs(target))
    await parts.accept(intoOccurrence('evaluation', target, said.id, clock.now(), { score: said.score, ...(said.text ? { text: said.text } : {}), ...(said.repair ? { alert: said.repair } : {}) }))
    return {}
  }
  const takeReport = async (request: FastifyRequest): Promise<object> => {
    const target = await targetOf(request)
    const said = parseReport(request.body, config.categories)
    const photo = said.photo === undefined ? undefined : await takePhoto(photos, said.photo)
    await parts.accept(intoOccurrence('request', target, said.id, clock.now(), { reason: said.category, ...(said.text ? { text: said.text } : {}), ...(photo === undefined ? {} : { photo }) }))
    return {}
  }
  app.route({ method: 'POST', url: '/r/:code/rating', onRequest: mayTell, handler: takeRating })
  app.route({ method: 'POST', url: '/r/:code/report', onRequest: mayTell, bodyLimit: maxReportBytes, handler: takeReport })
}

const whoIs = (request: FastifyRequest): string => addressKey(request.socket.remoteAddress)
const html = (reply: FastifyReply, text: string): FastifyReply => reply.type('text/html; charset=utf-8').send(text)
const refuse = (code: string, message: string): ConfigError => new ConfigError(code, message)

/** Throws RESIDENTS_ORIGIN: another page's script asks. There is no cookie to misuse, but rates and alerts. */
function checkOrigin({ headers: { origin, host, 'sec-fetch-site': from } }: FastifyRequest): void {
  const own = origin === undefined || origin === `http://${host}` || origin === `https://${host}`
  if (!own || (from !== undefined && from !== 'same-origin')) throw refuse('RESIDENTS_ORIGIN', "only the residents' own page may ask this")
}
