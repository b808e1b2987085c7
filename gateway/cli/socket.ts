import { existsSync } from 'node:fs'
import path from 'node:path'
import { installed } from '../kit/installed.ts'

export interface SocketOptions { readonly site?: string; readonly socket?: string }

const here = 'data/linli.sock'

/** The site file that is meant when none is named: the service's, unless a gateway has its data in this folder. */
export const siteMeant = ({ site, socket }: SocketOptions): string | undefined => site ?? (socket === undefined && !existsSync(here) && existsSync(installed.site) ? installed.site : undefined)

/** Where the running gateway listens: --socket, or what the site file says, or ./data/linli.sock. */
export async function socketPath(options: SocketOptions): Promise<string> {
  if (options.socket) return path.resolve(options.socket)
  const site = siteMeant(options)
  if (!site) return path.resolve(here)
  const { readSite } = await import('./rooms.ts')
  return (await readSite(site)).control.socket
}
