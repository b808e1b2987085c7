import type { Server as TlsServer } from 'node:https'
import type { FastifyInstance } from 'fastify'
import type { GatewayConditions } from '../../contract/index.ts'
import type { ConsoleParts } from '../parts.ts'
import { isKnownHost, rawHeaders } from '../security.ts'
import { installFile } from './install.ts'
import type { TlsFinding, TlsKeeper } from './keeper.ts'
import { answerPlain, secured } from './plain.ts'

const needsAttention = { key: 'console/certificate', severity: 3, title: { zh: '值守页面的证书需要处理', en: "the console's certificate needs somebody" } } as const
/** An alert while there is something to do; it is told again only when that changes. */
function teller(conditions: GatewayConditions): (findings: readonly TlsFinding[]) => void {
  let told: string | undefined
  return (findings) => {
    const text = findings.map((finding) => finding.text).join('; ')
    if (text === told) return
    told = text
    if (findings.length > 0) conditions.raise({ ...needsAttention, data: { code: findings[0]!.code, text } })
    else conditions.clear(needsAttention.key)
  }
}

/** New certificates without a restart, a word for who comes in plain HTTP, and how a device comes to trust the site's authority. */
export function serveTls(app: FastifyInstance, keeper: TlsKeeper, parts: Pick<ConsoleParts, 'clock' | 'conditions' | 'config' | 'site'>): Disposable {
  const server = app.server as unknown as TlsServer
  keeper.watch((context) => server.setSecureContext(context), teller(parts.conditions))
  const file = (url: string, origin: string) => (keeper.authority ? installFile(keeper.authority, parts.site.name, url, origin) : null)
  for (const path of ['/install', '/install.css', '/site-ca.crt']) {
    app.get(path, (request, reply) => {
      const found = file(request.url, `https://${request.headers.host}`)
      return found ? reply.type(found.type).header('cache-control', 'no-cache').send(found.body) : reply.callNotFound()
    })
  }
  return answerPlain(server, parts.clock, (request, response) => {
    const to = secured(request)
    const known = isKnownHost(request.headers.host, request.socket.localAddress, parts.config.hosts)
    const found = known && to && request.method === 'GET' ? file(request.url!, `https://${request.headers.host}`) : null
    const base = { ...rawHeaders, 'cache-control': 'no-store', connection: 'close' }
    if (found) response.writeHead(200, { ...base, 'content-type': found.type }).end(found.body)
    else if (known && to) response.writeHead(307, { ...base, location: to, 'content-type': 'text/plain; charset=utf-8' }).end(`请用 https 打开 / use https: ${to}\n`)
    else response.writeHead(421, { ...base, 'content-type': 'text/plain; charset=utf-8' }).end('请用 https:// 打开 / use https://\n')
  })
}
