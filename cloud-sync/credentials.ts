import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { codeOf, UplinkError } from '../gateway/kit/index.ts'
import type { Expiry } from './certificates.ts'
import type { UplinkConfig } from './schema.ts'

/** PEM, as the files held it when the connection was opened. */
export interface Credentials { readonly ca?: Buffer | undefined; readonly cert?: Buffer | undefined; readonly key?: Buffer | undefined }

type Files = Pick<UplinkConfig, 'id' | 'ca' | 'cert' | 'key' | 'password'>

/** Read for each connection, so that a renewed certificate needs no restart. Throws UplinkError UPLINK_TLS. */
export async function readCredentials({ id, ...files }: Files): Promise<Credentials> {
  const read = (file: string | undefined): Promise<Buffer | undefined> => (file === undefined ? Promise.resolve(undefined) : readFile(file).catch((cause: unknown) => {
    throw new UplinkError('UPLINK_TLS', `uplink ${id}: cannot read ${file} (${codeOf(cause)}); ${codeOf(cause) === 'ENOENT' ? 'it is not there yet: run linli enrol, or correct the path' : 'check the path and its owner'}`, { cause, retriable: true })
  }))
  const [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)])
  if (cert && key && !isPair(cert, key)) throw new UplinkError('UPLINK_TLS', `uplink ${id}: ${files.cert} and ${files.key} do not belong together, or one of them is not whole PEM; put the certificate and its own key in place`, { retriable: true })
  return { ca, cert, key }
}

/** Changes whenever one of the files was replaced or written; a missing file is a state too. The password file counts. */
export async function stampOf({ ca, cert, key, password }: Files): Promise<string> {
  const files = [ca, cert, key, password && 'file' in password ? password.file : undefined]
  const stamps = await Promise.all(files.map((file) => (file === undefined ? '' : stat(file).then(({ ino, size, mtimeMs }) => `${ino}/${size}/${mtimeMs}`, codeOf))))
  return stamps.join(' ')
}

/** When the gateway's own certificate, and those sent along with it, end. Damaged PEM has no end. */
export function ownExpiries({ cert }: Credentials): readonly Expiry[] {
  const blocks = cert?.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.flatMap((pem) => {
    try {
      const { subject, validToDate } = new X509Certificate(pem)
      return [{ whose: 'gateway' as const, subject: subject.replaceAll('\n', ', '), validTo: validToDate.getTime() }]
    } catch { return [] }
  })
}

function isPair(cert: Buffer, key: Buffer): boolean {
  try { return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) } catch { return false }
}
