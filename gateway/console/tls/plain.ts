import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '../../contract/index.ts'

/** The first byte of a TLS record that carries a handshake [RFC 8446 §5.1]. */
const handshake = 22
const firstByteMs = 10_000

/** On the port of a TLS server, answers who speaks plain HTTP: a browser that was given `http://` gets a word and not an empty page. Dispose it before the server is closed. */
export function answerPlain(server: Server, clock: Clock, handler: RequestListener): Disposable {
  const plain = createServer({ headersTimeout: firstByteMs, requestTimeout: firstByteMs, keepAliveTimeout: 1_000, maxHeaderSize: 8_192 }, handler)
  const [secure] = server.listeners('connection') as ((socket: Socket) => void)[]
  const silent = new Set<Socket>()
  let over = false
  const take = (socket: Socket): void => {
    if (over) { socket.destroy(); return }
    const drop = (): void => { socket.destroy() }
    silent.add(socket)
    const cancel = clock.after(firstByteMs, drop)
    socket.once('error', drop).once('close', () => { cancel(); silent.delete(socket) })
    socket.once('data', (chunk: Buffer) => {
      silent.delete(socket)
      cancel()
      socket.off('error', drop)
      socket.pause()
      socket.unshift(chunk)
      if (chunk[0] === handshake) return secure!.call(server, socket)
      plain.emit('connection', socket)
      socket.resume()
    })
  }
  server.removeAllListeners('connection').on('connection', take)
  return { [Symbol.dispose]: () => { over = true; for (const socket of silent) socket.destroy(); plain.closeAllConnections() } }
}

/** Where a request that came in plain text should go; null without a host that is known. */
export const secured = ({ url, headers: { host } }: IncomingMessage): string | null => (host && url?.startsWith('/') ? `https://${host}${url}` : null)
