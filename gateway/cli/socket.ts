import path from 'node:path'

export interface SocketOptions { readonly site?: string; readonly socket?: string }

/** Where the running gateway listens: --socket, or what the site file says, or ./data/linli.sock. */
export async function socketPath({ site, socket }: SocketOptions): Promise<string> {
  if (socket) return path.resolve(socket)
  if (!site) return path.resolve('data/linli.sock')
  const { readSite } = await import('./rooms.ts')
  return (await readSite(site)).control.socket
}
