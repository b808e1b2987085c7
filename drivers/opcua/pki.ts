import { createHash, X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { OPCUACertificateManager } from 'node-opcua-certificate-manager'
import type { Clock, DriverKit } from '../../gateway/contract/index.ts'
import { belongToFolder, makeFolder } from '../../gateway/kit/durable-file.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'

/** Our own certificate and those we trust, in the folders OPC UA people know: own, trusted, rejected, issuers. */
export interface Pki {
  readonly manager: OPCUACertificateManager
  readonly applicationUri: string
  readonly certificateFile: string
  /** When our own certificate ends. */
  readonly ownUntil: number
  /** Lets go of it; the library keeps a list of those that were not. */
  close(): Promise<void>
}

/** One key generation a folder, whoever asks first. */
const opening = new Map<string, Promise<Pki>>()

/** Opens the store, with a key and a self-signed certificate of ten years made on first use. Throws DriverError OPCUA_PKI. */
export async function openPki(folder: string, { clock, log }: Pick<DriverKit, 'clock' | 'log'>): Promise<Pki> {
  const at = path.resolve(folder)
  const before = opening.get(at)
  const work = (before ? before.catch(() => {}) : Promise.resolve()).then(() => open(at, clock, log))
  opening.set(at, work)
  try {
    return await work
  } catch (cause) {
    throw new DriverError('OPCUA_PKI', `the certificate folder ${at} cannot be used (${describe(cause)}); make it writable for the gateway's user, or set "pki"`, { cause })
  } finally {
    if (opening.get(at) === work) opening.delete(at)
  }
}

async function open(folder: string, clock: Clock, log: DriverKit['log']): Promise<Pki> {
  await makeFolder(folder)
  const manager = new OPCUACertificateManager({ rootFolder: folder, disableFileWatchers: true, automaticallyAcceptUnknownCertificate: false })
  const certificateFile = path.join(folder, 'own/certs/client_certificate.pem')
  const fresh = await readFile(certificateFile).catch(() => null) === null
  if (fresh) log.info({ folder }, 'making a key and a certificate for OPC UA; this takes some seconds, once')
  await manager.initialize()
  if (fresh) {
    await manager.createSelfSignedCertificate({
      applicationUri: `urn:${hostname()}:linli`, dns: [hostname()], outputFile: certificateFile, subject: `/CN=Linli@${hostname()}/O=Linli`,
      startDate: new Date(clock.now() - 24 * 3_600_000), validity: 3_650,
    })
  }
  const own = new X509Certificate(await readFile(certificateFile))
  // A host may be renamed after its certificate was made; the server compares what we say with the certificate.
  const applicationUri = /URI:([^,\s]+)/.exec(own.subjectAltName ?? '')?.[1] ?? `urn:${hostname()}:linli`
  const close = async (): Promise<void> => {
    // Each client counts itself in and, when its connecting failed, not out.
    manager.referenceCounter = 0
    await manager.dispose().catch(() => {})
    // `sudo linli probe opcua … trust`: the gateway reads it later.
    await belongToFolder(folder).catch(() => {})
  }
  return { manager, applicationUri, certificateFile, ownUntil: own.validToDate.getTime(), close }
}

/** SHA-1 of the DER bytes, as OPC UA names certificates; hex. */
export const thumbprintOf = (certificate: Uint8Array): string => createHash('sha1').update(certificate).digest('hex')

/** The first certificate of a chain in DER. */
export function leafOf(chain: Uint8Array): Buffer {
  return new X509Certificate(chain).raw
}

export interface TrustQuestion { readonly endpoint: string; readonly certificate: Buffer; readonly trust: 'listed' | 'first-use'; readonly connectionId: string }

/**
 * Throws DriverError OPCUA_SERVER_UNTRUSTED for a certificate nobody has trusted: it is kept in `rejected`, and the error names the file
 * and what to do. With `first-use` the first certificate of an endpoint is trusted and remembered;
 * another one later is not, nor the same one when somebody took it out of `trusted`.
 */
export async function checkServer({ manager }: Pki, { endpoint, certificate, trust, connectionId }: TrustQuestion, log: DriverKit['log']): Promise<void> {
  const status = (await manager.checkCertificate(certificate)).name
  if (status === 'Good') return
  const leaf = leafOf(certificate)
  const thumbprint = thumbprintOf(leaf)
  const seenFile = path.join(manager.rootDir, 'first-use', createHash('sha256').update(endpoint).digest('hex').slice(0, 16))
  const seen = await readFile(seenFile, 'utf8').catch(() => null)
  if (status === 'BadCertificateUntrusted' && trust === 'first-use' && seen === null) {
    await manager.trustCertificate(leaf)
    await mkdir(path.dirname(seenFile), { recursive: true })
    await writeFile(seenFile, thumbprint)
    log.warn({ code: 'OPCUA_TRUSTED_FIRST_USE', thumbprint }, `connection ${connectionId}: the certificate of ${endpoint} is trusted because it is the first one seen; compare its thumbprint with the server's`)
    return
  }
  const changed = seen !== null && seen !== thumbprint ? ' It is another one than at first use.' : ''
  const { subject, validTo } = new X509Certificate(leaf)
  const next = status === 'BadCertificateUntrusted'
    ? `compare the thumbprint with the server's, then run: linli probe opcua ${endpoint} trust --pki ${manager.rootDir}`
    : 'have a valid certificate installed on the server, or put its issuer and revocation list into the folder issuers'
  throw new DriverError('OPCUA_SERVER_UNTRUSTED',
    `connection ${connectionId}: the certificate of ${endpoint} is not trusted (${status}; ${subject.replaceAll('\n', ', ')}; valid to ${validTo}; thumbprint ${thumbprint}).${changed} It is kept in ${manager.rejectedFolder}; ${next}`,
    { retriable: true, values: { status, thumbprint, rejected: manager.rejectedFolder } })
}
