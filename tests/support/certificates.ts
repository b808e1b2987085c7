import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as x509 from '@peculiar/x509'
import { tempFolder } from './resources.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000

interface Validity { readonly fromDays?: number; readonly days?: number }
export interface Authority {
  readonly folder: string
  readonly ca: string
  /** Writes `<file>.pem` and `<file>.key`, also over older ones, and returns the certificate's path. */
  issue(file: string, name: string, validity?: Validity): Promise<{ readonly cert: string; readonly key: string }>
}

/** A certificate authority of the test's own, with files that mosquitto may read. Validity counts from now, in days. */
export async function authority({ fromDays = -1, days = 3_650 }: Validity = {}): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto)
  const folder = await tempFolder()
  await chmod(folder, 0o755)
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const dates = (validity: Validity) => ({ notBefore: new Date(Date.now() + (validity.fromDays ?? -1) * dayMs), notAfter: new Date(Date.now() + (validity.days ?? 365) * dayMs) })
  const root = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=test authority', keys, signingAlgorithm: algorithm, ...dates({ fromDays, days }), extensions: [new x509.BasicConstraintsExtension(true, 1, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)] })
  const ca = path.join(folder, 'ca.pem')
  await writeFile(ca, root.toString('pem'), { mode: 0o644 })
  let serial = 1
  return {
    folder, ca,
    async issue(file, name, validity = {}) {
      const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: (serial++).toString(16).padStart(2, '0'), subject: `CN=${name}`, issuer: root.subject, publicKey: own.publicKey, signingKey: keys.privateKey, signingAlgorithm: algorithm, ...dates(validity),
        extensions: [new x509.SubjectAlternativeNameExtension([/^[\d.]+$/.test(name) ? { type: 'ip', value: name } : { type: 'dns', value: name }])],
      })
      const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY')
      const paths = { cert: path.join(folder, `${file}.pem`), key: path.join(folder, `${file}.key`) }
      await writeFile(paths.key, key, { mode: 0o644 })
      await writeFile(paths.cert, certificate.toString('pem'), { mode: 0o644 })
      return paths
    },
  }
}
