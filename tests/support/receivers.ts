import { createServer as createPlain, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Received { readonly method: string; readonly path: string; readonly query: URLSearchParams; readonly headers: IncomingHttpHeaders; readonly body: string }
export type Answer = { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Buffer } | ((response: ServerResponse, request: IncomingMessage) => void)

export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** For every request from now on. */
  answer: (received: Received) => Answer
  stop(): Promise<void>
}

/** A web service on loopback that keeps what it was sent and answers as told. */
export async function receiver(answer: Receiver['answer'] = () => ({}), { tls, port = 0 }: { readonly tls?: { readonly cert: string; readonly key: string }; readonly port?: number } = {}): Promise<Receiver> {
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url!, 'http://x')
      const received: Received = { method: request.method!, path: url.pathname, query: url.searchParams, headers: request.headers, body: Buffer.concat(chunks).toString() }
      self.received.push(received)
      const told = self.answer(received)
      if (typeof told === 'function') told(response, request)
      else response.writeHead(told.status ?? 200, told.headers).end(told.body ?? '')
    })
  }
  const server = tls ? createTls(tls, handle) : createPlain(handle)
  await new Promise<void>((resolve, reject) => { server.once('error', reject); server.listen(port, '127.0.0.1', resolve) })
  const bound = (server.address() as AddressInfo).port
  const self: Receiver = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${bound}`, port: bound, received: [], answer,
    stop: () => { server.closeAllConnections(); return new Promise((resolve) => server.close(() => resolve())) },
  }
  onTestFinished(() => self.stop())
  return self
}

export const json = (value: unknown): { readonly headers: Readonly<Record<string, string>>; readonly body: string } => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) })
