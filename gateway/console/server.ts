import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { codeOf, ConfigError, describe } from '../kit/index.ts'
import { problemOf } from './answers.ts'
import { roles, type Role } from './api/common.ts'
import type { RouteName } from './api/index.ts'
import { routes, type Route } from './api/routes.ts'
import { buildingHandlers, type Call } from './handlers.ts'
import { DrainPace } from './link.ts'
import { LiveStream } from './live-stream.ts'
import { Metrics } from './metrics.ts'
import { openApi } from './openapi.ts'
import { servePages } from './pages.ts'
import type { ConsoleParts } from './parts.ts'
import { openPeople, type People } from './people.ts'
import { RateLimit } from './rate.ts'
import { addressOf, checkHost, checkOrigin, isLocal, isReading, rawHeaders, refuse, setHeaders } from './security.ts'
import type { Session } from './sessions.ts'
import { TlsKeeper } from './tls/keeper.ts'
import { serveTls } from './tls/serve.ts'
import { Views } from './views.ts'

const maxBodyBytes = 16_384
const maxConnections = 512
const requestMs = 30_000
/** Requests a second and in a burst. The box's own browser shares its address with scripts on the box. */
const paces = { local: [2_000, 4_000], remote: [50, 300] } as const

export interface Console extends AsyncDisposable {
  /** Where it listens, as a browser on the box writes it. */
  readonly url: string
  /** A one-time address for a browser on the box: whoever opens it first is in. */
  openUrl(): string
  /** It was not used yet. */
  isFresh(url: string): boolean
  /** Null in plain HTTP. */
  readonly tls: TlsKeeper | null
}

/** Throws ConfigError CONSOLE_LISTEN or CONSOLE_TLS, StoreError CONSOLE_FILE; nothing stays open then. */
export async function serveConsole(parts: ConsoleParts): Promise<Console> {
  const { config, clock, log } = parts
  await using stack = new AsyncDisposableStack()
  const { tls } = config
  const secure = tls !== undefined
  const keeper = tls === undefined ? null : stack.use(await TlsKeeper.open({ config: { ...config, tls }, folder: parts.folder, site: parts.site.id, clock, log }))
  const people = await openPeople(parts, secure)
  const app = fastify({
    bodyLimit: maxBodyBytes, requestTimeout: requestMs, forceCloseConnections: true, trustProxy: false, exposeHeadRoutes: false, return503OnClosing: false, routerOptions: { maxParamLength: 100 },
    ...(keeper ? { https: keeper.context } : {}),
  } as Record<string, unknown>) as unknown as FastifyInstance
  app.server.maxConnections = maxConnections
  stack.defer(async () => { await app.close() })
  if (keeper) stack.use(serveTls(app, keeper, parts))
  const views = new Views(parts)
  const stream = stack.use(new LiveStream(parts, views))
  const metrics = stack.use(new Metrics())
  const pace = new DrainPace(clock)
  let cancel = clock.after(1_000, function sample() { pace.sample(parts.status().uplinks); cancel = clock.after(1_000, sample) })
  stack.defer(() => cancel())

  guard(app, parts, secure)
  const handlers = { ...buildingHandlers(parts, views, pace, () => people.accountIds), ...people.handlers } as unknown as Readonly<Record<RouteName, (call: Call<any>) => unknown>>
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) serveRoute(app, people, name, route, handlers[name])
  serveStream(app, people, stream)
  servePhotos(app, people, parts)
  serveBundle(app, people, parts)
  serveCommissioning(app, people, parts)
  const document = openApi(parts.version)
  app.get('/api/openapi.json', () => document)
  app.get('/healthz', (_, reply) => reply.type('text/plain').send('ok\n'))
  app.get('/readyz', (_, reply) => { const waits = parts.unready(); return reply.code(waits.length > 0 ? 503 : 200).send({ ready: waits.length === 0, waits }) })
  app.get('/metrics', (request, reply) => {
    if (config.metrics !== 'open' && !isLocal(request.socket.remoteAddress)) ask(people.sessionOf(request), 'viewer')
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(metrics.text(parts.status(), parts.alerts.desk.summary(clock.now()), parts.live.readings(), stream.clients))
  })
  await servePages(app, parts.pages)

  const { host, port } = config.listen
  // For `localhost` fastify opens a second server, which no new certificate would reach.
  await app.listen({ host: secure && host === 'localhost' ? '127.0.0.1' : host, port }).catch((cause: unknown) => { throw new ConfigError('CONSOLE_LISTEN', `the console cannot listen on ${host}:${port} (${codeOf(cause)}); set console.listen to a free port`, { cause }) })
  const bound = app.server.address() as { readonly port: number }
  const anywhere = host === '0.0.0.0' || host === '::'
  const url = `${secure ? 'https' : 'http'}://${anywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${bound.port}`
  log.info({ url }, 'console open')
  if (!secure && !isLocal(host) && host !== 'localhost') log.warn({ url }, 'the console speaks plain HTTP on the network (console.plainHttp): passwords and everything shown can be read on the way; give it console.tls')
  const owned = stack.move()
  return {
    url, tls: keeper,
    openUrl: () => `${url}/#open=${people.links.create('demo', 'admin')}`,
    isFresh: (address) => people.links.isOpen(address.split('#open=')[1] ?? ''),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** What holds for every request, before any route. */
function guard(app: FastifyInstance, { config, clock, log }: ConsoleParts, secure: boolean): void {
  const rate = new RateLimit(clock)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_, text, next) => {
    try { next(null, text === '' ? undefined : JSON.parse(text as string)) } catch { next(refuse('CONSOLE_REQUEST', 'the order is not JSON')) }
  })
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(reply)
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
    const [perSecond, burst] = paces[isLocal(request.socket.remoteAddress) ? 'local' : 'remote']
    if (!rate.takes(addressOf(request), perSecond, burst)) throw new ConfigError('CONSOLE_RATE', 'too many requests from this address', { values: { retryAfterMs: 1_000 } })
    checkHost(request, config)
    if (request.url.startsWith('/api/') || !isReading(request)) checkOrigin(request, secure)
  })
  app.setErrorHandler((error, request, reply) => {
    const { status, problem } = problemOf(error)
    if (status === 500) log.error({ err: error, url: request.url.split('?')[0] }, `a request failed: ${describe(error)}`)
    if (problem.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(problem.retryAfterMs / 1_000))
    return reply.code(status).send(problem)
  })
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ code: 'CONSOLE_UNKNOWN', message: 'there is nothing at this address; /api/openapi.json lists what there is' }))
}

function serveRoute(app: FastifyInstance, people: People, name: RouteName, route: Route, handle: (call: Call<any>) => unknown): void {
  const take = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const session = people.sessionOf(request)
    if (route.role !== 'public') ask(session, roles[0])
    const [address, local] = [addressOf(request), isLocal(request.socket.remoteAddress)]
    const params = parse(route.params, request.params)
    const [query, body] = [parse(route.query, request.query), parse(route.body, request.body)]
    const actor = session?.person?.id ?? session?.user ?? ''
    const call = { params, query, body, session: session!, actor, address, local, request, reply } as Call<any>
    const answer = (): unknown => { if (route.role !== 'public') ask(session, route.role); return handle(call) }
    if (isReading(request)) return answer()
    const named = (body ?? {}) as { readonly id?: unknown; readonly person?: unknown; readonly act?: unknown }
    const target = [(params as { readonly id?: string } | undefined)?.id ?? (typeof named.id === 'string' && name !== 'act' ? named.id : named.person), named.act].filter((word) => typeof word === 'string').join(' ')
    const told = { by: actor === '' ? '-' : actor, action: name, ...(target === '' ? {} : { target }), address: local ? 'local' : address }
    try {
      const done = await answer()
      // Who signs in is known only by the answer, and may be another than who sat here before.
      const signedIn = route.role === 'public' ? (done as { readonly user?: { readonly id: string } } | undefined)?.user?.id : undefined
      await people.audit.record({ ...told, by: signedIn ?? told.by, outcome: 'done' })
      return done
    } catch (error) {
      // A flood of what waits anyhow must not push out what happened.
      if (codeOf(error) !== 'CONSOLE_WAIT' && codeOf(error) !== 'CONSOLE_BUSY') await people.audit.record({ ...told, outcome: codeOf(error) })
      throw error
    }
  }
  app.route({ method: route.method, url: route.path, handler: take, ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }) })
}

function serveStream(app: FastifyInstance, people: People, stream: LiveStream): void {
  app.get('/api/stream', (request, reply) => {
    const session = people.sessionOf(request)
    ask(session, 'viewer')
    reply.hijack()
    const added = stream.add({ response: reply.raw, address: addressOf(request), local: isLocal(request.socket.remoteAddress), isOpen: () => people.isOpen(session) }, rawHeaders)
    if (!added) reply.raw.writeHead(503, { ...rawHeaders, 'content-type': 'application/json', 'retry-after': '5' }).end(JSON.stringify({ code: 'CONSOLE_BUSY', message: 'too many open pages; close some' }))
  })
}

/** JPEG, as it was encoded here. */
function servePhotos(app: FastifyInstance, people: People, { photos }: ConsoleParts): void {
  app.get('/api/photos/:id', async (request, reply) => {
    ask(people.sessionOf(request), 'viewer')
    const bytes = await photos.read((request.params as { readonly id: string }).id)
    return reply.type('image/jpeg').header('content-disposition', 'inline').header('cache-control', 'private, max-age=86400').send(bytes)
  })
}

/** What leaves the box is noted, though it is only read. */
function serveBundle(app: FastifyInstance, people: People, { support }: ConsoleParts): void {
  app.get('/api/support-bundle/file', async (request, reply) => {
    const session = people.sessionOf(request)
    ask(session, 'installer')
    const { name, bytes } = support.bundles.take()
    await people.audit.record({ by: session.person?.id ?? session.user, action: 'downloadSupportBundle', target: name, outcome: 'done', address: isLocal(request.socket.remoteAddress) ? 'local' : addressOf(request) })
    return reply.type('application/gzip').header('content-disposition', `attachment; filename="${name}"`).send(Buffer.from(bytes))
  })
}

/** The signed reports: a page that needs nothing else, for the printer, and its twin. The page has a style and no script of its own, and gets no more than that. */
function serveCommissioning(app: FastifyInstance, people: People, { commissioning }: ConsoleParts): void {
  for (const kind of ['html', 'json'] as const) {
    app.get(`/api/commissioning/reports/:id/${kind}`, async (request, reply) => {
      const session = people.sessionOf(request)
      ask(session, 'installer')
      const { name, text } = await commissioning.file((request.params as { readonly id: string }).id, kind)
      await people.audit.record({ by: session.person?.id ?? session.user, action: 'downloadCommissioning', target: name, outcome: 'done', address: isLocal(request.socket.remoteAddress) ? 'local' : addressOf(request) })
      if (kind === 'html') reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-modals")
      return reply.type(kind === 'html' ? 'text/html; charset=utf-8' : 'application/json').header('content-disposition', `${kind === 'html' ? 'inline' : 'attachment'}; filename="${name}"`).send(text)
    })
  }
}

/** Throws CONSOLE_LOGIN or CONSOLE_ROLE. */
function ask(session: Session | undefined, least: Role): asserts session is Session {
  if (!session) throw refuse('CONSOLE_LOGIN', 'log in first')
  if (roles.indexOf(session.role) < roles.indexOf(least)) throw refuse('CONSOLE_ROLE', `this needs the role ${least}; you are ${session.role}`)
}

function parse(schema: z.ZodType | undefined, input: unknown): unknown {
  if (!schema) return undefined
  const result = schema.safeParse(input ?? {})
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw refuse('CONSOLE_REQUEST', `${issue!.path.join('.') || 'the request'}: ${issue!.message}`)
}
