import { rotateSigningKey } from '../../cloud-sync/signing.ts'
import { print, printJson } from './output.ts'
import { readSite } from './rooms.ts'

/** `linli rotate-key`: a new key for the checkpoints, announced with the old one's signature. */
export async function rotateKey(file: string, { json }: { readonly json?: boolean }): Promise<void> {
  const { store, site } = await readSite(file)
  const { from, to } = await rotateSigningKey(store.path, site.id)
  if (json) return printJson({ from, to })
  print(`signing key ${from} hands over to ${to}; a running gateway takes it at its next start`)
}
