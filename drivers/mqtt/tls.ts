import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, describe, DriverError } from '../../gateway/kit/index.ts'

export interface TlsFiles { readonly cert?: string | undefined; readonly key?: string | undefined; readonly ca?: string | undefined }

const lookAgainMs = 10_000

/** TLS 1.2 and up. Throws DriverError MQTT_TLS that names the file which is missing, no PEM, or does not belong to the others. */
export async function readTlsFiles({ cert, key, ca }: TlsFiles): Promise<SecureContextOptions> {
  const [certPem, keyPem, caPem] = [await read(cert), await read(key), await read(ca)]
  const certificate = certPem ? parse(cert!, 'a certificate', () => new X509Certificate(certPem)) : null
  const privateKey = keyPem ? parse(key!, 'a private key without a passphrase', () => createPrivateKey(keyPem)) : null
  if (caPem) parse(ca!, 'a certificate', () => new X509Certificate(caPem))
  if (certificate && privateKey && !certificate.checkPrivateKey(privateKey)) throw new DriverError('MQTT_TLS', `${key} is not the key of ${cert}; give the pair that belongs together`, { retriable: true })
  const context = { minVersion: 'TLSv1.2' as const, ...(certPem ? { cert: certPem } : {}), ...(keyPem ? { key: keyPem } : {}), ...(caPem ? { ca: caPem } : {}) }
  parse(cert ?? ca ?? '', 'usable with OpenSSL', () => createSecureContext(context))
  return context
}

async function read(file: string | undefined): Promise<string | null> {
  if (file === undefined) return null
  return readFile(file, 'utf8').catch((cause: unknown) => { throw new DriverError('MQTT_TLS', `${file} cannot be read (${codeOf(cause)}); check its path, and that the gateway's user may read it`, { cause, retriable: true }) })
}

function parse<T>(file: string, what: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new DriverError('MQTT_TLS', `${file} is not ${what} in PEM form (${describe(cause)})`, { cause, retriable: true })
  }
}

/** Calls `changed` when one of the files is another; a look every 10 s. Returns what ends it. */
export function watchTlsFiles({ cert, key, ca }: TlsFiles, clock: Clock, changed: () => void): () => void {
  const files = [cert, key, ca].filter((file) => file !== undefined)
  const look = async (): Promise<string> => (await Promise.all(files.map((file) => stat(file).then(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`, () => 'gone')))).join()
  let seen: string | null = null
  let cancel = (): void => {}
  let ended = false
  const check = async (): Promise<void> => {
    const now = await look()
    if (ended) return
    if (seen !== null && now !== seen) changed()
    seen = now
    cancel = clock.after(lookAgainMs, () => void check())
  }
  void check()
  return () => { ended = true; cancel() }
}
