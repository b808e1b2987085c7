import { ownNetworks } from '../console/tls/names.ts'
import type { Site } from './rooms.ts'

/** As a browser on the building's network writes it: the first name of the site file, or this box's own address. */
export function consoleAddress(page: Site['console']): string {
  const { listen: { host, port }, hosts, tls } = page
  const [anywhere, secure] = [host === '0.0.0.0' || host === '::', tls !== undefined]
  const name = hosts[0] ?? (anywhere ? ownNetworks()[0]?.address ?? 'localhost' : host)
  const usual = secure ? 443 : 80
  return `${secure ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}${port === usual ? '' : `:${port}`}`
}
