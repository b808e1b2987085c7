import { rotateSigningKey } from '../../cloud-sync/ledger/signing.ts'
import { rotateCredentialKey } from '../credential-keys.ts'
import { systemClock } from '../kit/index.ts'
import { print, printJson } from './output.ts'
import { readSite } from './rooms.ts'

export interface RotateCommand { readonly credentials?: boolean; readonly forget?: boolean; readonly json?: boolean }

/** `linli rotate-key`: a new key for the checkpoints, announced with the old one's signature; or for the hashes of card numbers. */
export async function rotateKey(file: string, { credentials, forget, json }: RotateCommand): Promise<void> {
  const { store, site, decisions } = await readSite(file)
  if (credentials) {
    const { from, to } = await rotateCredentialKey(store.path, systemClock.now(), { forget: forget ?? false })
    if (json) return printJson({ from, to, forgotten: forget ?? false })
    return print(`card numbers are hashed as k${to}: from the gateway's next start on; ${forget ? `the key of k${from}: and all before it are gone` : `the key of k${from}: stays ${decisions.access.keepDays} days, to look up what it hashed`}`)
  }
  const { from, to } = await rotateSigningKey(store.path, site.id)
  if (json) return printJson({ from, to })
  print(`signing key ${from} hands over to ${to}; a running gateway takes it at its next start`)
}
