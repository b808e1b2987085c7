import { request } from 'node:http'
import { createInterface } from 'node:readline'
import type { IncomingMessage } from 'node:http'
import type { FeedItem } from '../feed.ts'
import { DataError, ConfigError } from '../kit/index.ts'
import type { Reading } from '../contract/index.ts'
import type { GatewayStatus } from '../status.ts'

/** The CLI's side of the control socket. Throws ConfigError CONTROL_UNREACHABLE when no gateway runs there. */
export function controlClient(socket: string) {
  return {
    status: () => fetchJson<GatewayStatus>(socket, '/status'),
    readings: () => fetchJson<readonly Reading[]>(socket, '/readings'),
    async *tail(signal: AbortSignal): AsyncGenerator<FeedItem> {
      const response = await get(socket, '/tail', signal)
      for await (const line of createInterface({ input: response })) yield JSON.parse(line) as FeedItem
    },
  }
}

async function fetchJson<T>(socket: string, url: string): Promise<T> {
  const response = await get(socket, url)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  if (response.statusCode !== 200) throw new DataError('CONTROL_REFUSED', `the gateway answered ${response.statusCode} to ${url}; are both sides of the same version?`)
  return JSON.parse(Buffer.concat(chunks).toString()) as T
}

function get(socketPath: string, path: string, signal?: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, signal }, resolve)
      .on('error', (cause) => reject(new ConfigError('CONTROL_UNREACHABLE', `no gateway answers on ${socketPath}; start it with "linli run SITE.yaml", or name its socket with --socket`, { cause })))
      .end()
  })
}
