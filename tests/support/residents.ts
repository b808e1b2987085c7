import { request } from 'node:http'
import { qr } from '../../gateway/cli/qr.ts'
import type { GatewayEvent } from '../../gateway/contract/index.ts'
import { serveConsole, type Reply, type Served } from './console.ts'
import { freePort } from './resources.ts'

export interface Telephone { readonly headers?: Readonly<Record<string, string>>; readonly raw?: string; /** Each telephone has an address of its own; all are this box. */ readonly from?: number }

export interface Hall extends Served {
  readonly address: string
  readonly events: readonly GatewayEvent[]
  /** Path of the code, as it is printed now. */
  path(target: string, ...words: readonly string[]): Promise<string>
  open(target: string, telephone?: Telephone): Promise<Reply>
  send(target: string, order: object, telephone?: Telephone): Promise<Reply>
}

/** A gateway with the residents' page behind real codes. */
export async function serveHall(page = ''): Promise<Hall> {
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const served = await serveConsole({ more: [`residents: { page: { enabled: true, listen: { port: ${port} }, url: "${address}"${page} } }`] })
  const events: GatewayEvent[] = []
  served.gateway.feed.subscribe((item) => { if (item.kind === 'event') events.push(item.event) })
  const ask = (method: string, path: string, { headers = {}, raw, from = 1 }: Telephone): Promise<Reply> => new Promise((resolve, reject) => {
    const sent = request(`${address}${path}`, { method, localAddress: `127.0.0.${from}`, headers: { ...(raw === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(raw) }), ...headers } }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: answer.statusCode!, headers: answer.headers, text, body: answer.headers['content-type']?.includes('json') ? JSON.parse(text) : undefined })
      })
    })
    sent.on('error', reject)
    sent.end(raw)
  })
  return {
    ...served, address, events,
    path: async (target, ...words) => new URL((await printed(served.file, ...words, target))[0]!.url).pathname,
    open: (path, telephone = {}) => ask('GET', path, telephone),
    send: (path, order, telephone = {}) => ask('POST', path, { raw: JSON.stringify(order), ...telephone }),
  }
}

/** What `linli qr SITE … --json` prints. */
export async function printed(file: string, ...words: readonly string[]): Promise<readonly { readonly target: string; readonly url: string; readonly generation: number }[]> {
  const { write } = process.stdout
  const out: string[] = []
  process.stdout.write = ((text: string) => { out.push(text); return true }) as typeof write
  try { await qr(file, words, { json: true }) } finally { process.stdout.write = write }
  return JSON.parse(out.join('')) as Awaited<ReturnType<typeof printed>>
}
