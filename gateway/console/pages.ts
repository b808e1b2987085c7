import { existsSync } from 'node:fs'
import path from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'

const yearS = 31_536_000
const missing = `<!doctype html><html lang="zh"><meta charset="utf-8"><title>邻里 Linli</title>
<h1>页面尚未构建 / the page is not built</h1>
<p>网关在正常工作。请在程序目录运行 <code>node scripts/console.mjs</code>，然后刷新本页。</p>
<p>The gateway works. Run <code>node scripts/console.mjs</code> in its folder, then reload this page.</p></html>`

/** The page's files. Those under assets/ carry a hash in their names and are kept for ever; the page itself is asked for each time. */
export async function servePages(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: folder, serve: false, wildcard: false, index: false, cacheControl: false, dotfiles: 'ignore',
  })
  const send = async (reply: FastifyReply, file: string): Promise<unknown> => {
    if (!existsSync(path.join(folder, 'index.html'))) return reply.code(503).header('cache-control', 'no-store').header('retry-after', '5').type('text/html; charset=utf-8').send(missing)
    if (!existsSync(path.join(folder, path.normalize(`/${file}`)))) { reply.callNotFound(); return reply }
    reply.header('cache-control', file.startsWith('assets/') ? `public, max-age=${yearS}, immutable` : 'no-cache')
    return reply.sendFile(file)
  }
  app.get('/', (_, reply) => send(reply, 'index.html'))
  app.get('/*', (request, reply) => {
    const file = (request.params as { '*': string })['*']
    return file.startsWith('api/') ? reply.callNotFound() : send(reply, file)
  })
}
