import { systemClock } from '../kit/index.ts'
import { claimFile, newClaim } from '../console/claim.ts'
import { print, printJson } from './output.ts'
import { readSite } from './rooms.ts'

/** `linli claim SITE`: a code for the first login, or for who has forgotten a password. Whoever can run this owns the box. */
export async function claim(file: string, options: { readonly json?: boolean }): Promise<void> {
  const { store, console: page } = await readSite(file)
  const code = await newClaim(claimFile(store.path), systemClock.now())
  if (options.json) return printJson({ code, expiresInMs: 3_600_000 })
  const { host, port } = page.listen
  print(`${code}\n\nGood for one hour and one use: it makes an admin. Open the console (${page.tls ? 'https' : 'http'}://${host}:${port}) and type it there.${page.enabled ? '' : '\nThe console is off: set console.enabled to true in the site file.'}`)
}
