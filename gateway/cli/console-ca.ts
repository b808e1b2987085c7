import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { readSiteCa, makeSiteCa, type SiteCa } from '../console/tls/site-ca.ts'
import { namesWanted, ownNetworks } from '../console/tls/names.ts'
import { ConfigError, systemClock } from '../kit/index.ts'
import { consoleAddress } from './console-address.ts'
import { print, printJson } from './output.ts'
import { readSite } from './rooms.ts'

interface Options { readonly renew?: boolean; readonly out?: string; readonly json?: boolean }

/** `linli console-ca SITE`: the authority of the console's certificate, for comparing by eye; `--renew` makes a new one, and a running gateway takes it up within a minute. */
export async function consoleCa(file: string, { renew = false, out, json = false }: Options): Promise<void> {
  const { store, site, console: page } = await readSite(file)
  if (page.tls !== 'site-ca') throw new ConfigError('CONSOLE_TLS', `${file} gives the console no authority of its own; write console.tls: site-ca`)
  const folder = path.join(store.path, 'console')
  const kept = await readSiteCa(folder)
  if (!kept && !renew) throw new ConfigError('CONSOLE_TLS', 'there is no authority yet: the gateway makes it at its first start; start it, or make it now with --renew')
  const ca = renew ? await makeSiteCa(folder, site.id, namesWanted(page, ownNetworks()), systemClock.now()) : kept!
  if (out !== undefined) await writeFile(out, ca.pem)
  if (json) return printJson({ title: ca.title, until: new Date(ca.until).toISOString(), ...ca.fingerprints, allowed: ca.allowed, pem: ca.pem })
  print(`${describeCa(ca)}\n\nHow a device comes to trust it: ${consoleAddress(page)}/install`)
  if (renew) print(kept ? 'The authority before it is of no use any more: every device installs this one. A running gateway takes it up within a minute.' : 'A running gateway takes it up within a minute.')
}

/** What a person compares, pair by pair, with what a phone or computer shows. */
export const describeCa = ({ title, until, fingerprints: { sha256, sha1 }, allowed: { hosts, networks } }: SiteCa): string => [
  `${title}, until ${new Date(until).toISOString().slice(0, 10)}; it can sign for ${[...hosts, ...networks.map(({ address, prefix }) => (prefix >= 32 ? address : `${address}/${prefix}`))].join(', ')} only`,
  `指纹 SHA-256 fingerprint (phones, Firefox)\n  ${halves(sha256)}`, `指纹 SHA-1 (Windows: Thumbprint)\n  ${sha1}`,
].join('\n')
const halves = (hex: string): string => `${hex.slice(0, 48)}\n  ${hex.slice(48)}`
