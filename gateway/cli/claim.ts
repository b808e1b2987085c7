import path from 'node:path'
import { claimFile, claimMs, newClaim } from '../console/claim.ts'
import { readSiteCa } from '../console/tls/site-ca.ts'
import { systemClock } from '../kit/index.ts'
import { consoleAddress } from './console-address.ts'
import { describeCa } from './console-ca.ts'
import { paint, print, printJson } from './output.ts'
import { readSite } from './rooms.ts'

/** `linli claim SITE`: a code for the first login, or for who has forgotten a password. Whoever can run this owns the box. */
export async function claim(file: string, options: { readonly json?: boolean }): Promise<void> {
  const { store, console: page } = await readSite(file)
  const code = await newClaim(claimFile(store.path), systemClock.now())
  const address = consoleAddress(page)
  const ca = page.tls === 'site-ca' ? await readSiteCa(path.join(store.path, 'console')) : null
  if (options.json) return printJson({ code, expiresInMs: claimMs, url: claimUrl(address, code), ...(ca ? ca.fingerprints : {}) })
  const { textOf } = await import('../residents/sheet.ts')
  print(textOf(claimUrl(address, code)))
  print(`\n认领码 claim code   ${paint('bold', code)}\n\nGood for one hour and one use: it makes an admin. Scan it, or open ${address} and type it there.${page.enabled ? '' : '\nThe console is off: set console.enabled to true in the site file.'}`)
  if (page.tls === 'site-ca') print(ca ? `\nThe browser warns until the device trusts this site's authority: ${address}/install. Compare there:\n${describeCa(ca)}` : "\nThis site's authority is made at the gateway's first start; linli console-ca shows it then.")
}

/** Behind `#`: it reaches no log and no proxy. */
const claimUrl = (address: string, code: string): string => `${address}/#claim=${code}`
