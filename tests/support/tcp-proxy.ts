import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface TcpProxy {
  readonly port: number
  readonly url: string
  readonly accepted: number
  /** Both sides stay open and nothing gets through any more: a router that lost its tables. New connections are accepted and silent too. */
  freeze(): void
  thaw(): void
  /** Cuts every connection. */
  cut(): void
}

/** Stands between a client and a server, and can stop being a good wire. `heard`: what the client says. */
export async function tcpProxy(target: number, heard: (chunk: Buffer) => void = () => {}): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let frozen = false
  let accepted = 0
  const server = createServer({ noDelay: true }, (inner) => {
    accepted++
    const outer = connect({ port: target, host: '127.0.0.1', noDelay: true })
    const pair = [inner, outer] as const
    pairs.add(pair)
    inner.on('data', heard)
    for (const [from, to] of [[inner, outer], [outer, inner]] as const) {
      from.on('data', (chunk) => { if (!frozen) to.write(chunk) })
      from.on('error', () => {})
      from.on('close', () => { pairs.delete(pair); if (!frozen) to.destroy() })
    }
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const cut = (): void => { for (const pair of pairs) for (const socket of pair) socket.destroy() }
  onTestFinished(() => { cut(); server.close() })
  const { port } = server.address() as { port: number }
  return { port, url: `mqtt://127.0.0.1:${port}`, get accepted() { return accepted }, freeze() { frozen = true }, thaw() { frozen = false }, cut }
}
