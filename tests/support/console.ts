import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { readSite } from '../../gateway/cli/rooms.ts'
import { claimFile, newClaim } from '../../gateway/console/claim.ts'
import type { Order } from '../../gateway/console/api/index.ts'
import type { Clock } from '../../gateway/contract/index.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { startGateway, type Gateway } from '../../gateway/main.ts'
import { devicePassword, kioskDevice, siteFile } from './gateways.ts'
import { freePort, tempFolder } from './resources.ts'

export interface Reply { readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>>; readonly text: string; readonly body: any }
export interface AskOptions { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown; readonly raw?: string; readonly type?: string }

/** A browser's worth of HTTP: keeps its cookie, sends what it is told. */
export class Caller {
  readonly url: string
  cookie: string | undefined
  constructor(url: string) { this.url = url }
  ask(target: string, { method = 'GET', headers = {}, body, raw, type = 'application/json' }: AskOptions = {}): Promise<Reply> {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const send = this.url.startsWith('https') ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const sent = send(`${this.url}${target}`, { method, rejectUnauthorized: false, headers: { ...(this.cookie ? { cookie: this.cookie } : {}), ...(content === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(content) }), ...headers } }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const [cookie] = answer.headers['set-cookie'] ?? []
          if (cookie) this.cookie = cookie.split(';')[0]!
          resolve({ status: answer.statusCode!, headers: answer.headers, text, body: answer.headers['content-type']?.includes('json') ? JSON.parse(text) : undefined })
        })
      })
      sent.on('error', reject)
      sent.end(content)
    })
  }
  post(target: string, body: unknown = {}, headers: Readonly<Record<string, string>> = {}): Promise<Reply> { return this.ask(target, { method: 'POST', body, headers }) }
}

export interface Served { readonly gateway: Gateway; readonly folder: string; readonly file: string; readonly brokerPort: number; readonly url: string; caller(): Caller; code(): Promise<string>; stop(): Promise<void> }

export const adminPassword = 'correct horse 1'
export const admin: Order<'claim'> = { code: '', id: 'wang', password: adminPassword }

/** A gateway in this process, with a broker, a terminal, a relay-less door and its console on a free port of loopback. */
export async function serveConsole(options: { readonly folder?: string; readonly console?: string; readonly more?: readonly string[]; readonly clock?: Clock } = {}): Promise<Served> {
  const folder = options.folder ?? await tempFolder()
  process.env.LINLI_TEST_PASSWORD = devicePassword
  const brokerPort = await freePort()
  const file = await siteFile(folder, [
    `console: ${options.console ?? '{ enabled: true, listen: { port: 0 } }'}`,
    'places: { hall: { zh: 办事大厅, en: service hall } }',
    'connections:', `  - { id: broker, driver: mqtt, listen: { port: ${brokerPort} } }`,
    'devices:', kioskDevice('kiosk').replace('profile:', 'place: hall, profile:'),
    'people:', '  - { id: zhang, name: { zh: 张三, en: Zhang San }, role: grid }', '  - { id: li, name: { zh: 李四, en: Li Si }, role: grid }',
    'kiosks:', '  - { id: hall-1, name: { zh: 自助终端, en: terminal }, place: hall, device: kiosk }',
    ...options.more ?? [],
  ])
  const gateway = await startGateway({ site: await readSite(file), log: silentLog(), clock: options.clock ?? systemClock })
  let stopped = false
  const stop = async (): Promise<void> => { if (!stopped) { stopped = true; await gateway[Symbol.asyncDispose]() } }
  onTestFinished(stop)
  const url = gateway.console?.url ?? ''
  return { gateway, folder, file, brokerPort, url, stop, caller: () => new Caller(url), code: () => newClaim(claimFile(path.join(folder, 'data')), systemClock.now()) }
}

/** The first admin, logged in. */
export async function claimed(served: Served): Promise<Caller> {
  const caller = served.caller()
  const reply = await caller.post('/api/claim', { ...admin, code: await served.code() })
  if (reply.status !== 200) throw new Error(`claim: ${reply.status} ${reply.text}`)
  return caller
}

/** An account of that role, logged in. */
export async function loggedIn(served: Served, by: Caller, role: 'viewer' | 'staff' | 'installer', id: string = role): Promise<Caller> {
  await by.post('/api/users', { id, role, password: `password of ${id}` })
  const caller = served.caller()
  const reply = await caller.post('/api/session/login', { id, password: `password of ${id}` })
  if (reply.status !== 200) throw new Error(`login: ${reply.status} ${reply.text}`)
  return caller
}
