import { text } from 'node:stream/consumers'
import { openCredentialKeys } from '../credential-keys.ts'
import { ConfigError, systemClock } from '../kit/index.ts'
import { print, printJson } from './output.ts'
import { readSite } from './rooms.ts'

const maxLength = 256

/** `linli credential`: what a card number is called in what was recorded. It comes on standard input, so that it is in no list of processes. */
export async function credential(file: string, { json }: { readonly json?: boolean }): Promise<void> {
  const { store, decisions } = await readSite(file)
  const number = (await text(process.stdin)).trim()
  if (number === '' || number.length > maxLength) throw new ConfigError('CREDENTIAL_USAGE', `write the number to standard input, as in: echo 0008591234 | linli credential ${file}`)
  const hashes = (await openCredentialKeys(store.path, decisions.access.keepDays, systemClock.now())).candidates(number)
  if (json) return printJson(hashes)
  print(hashes.join('\n'))
}
