import type { X509Certificate } from 'node:crypto'
import type { EpochMs } from '../../gateway/contract/index.ts'
import { UplinkError } from '../../gateway/kit/index.ts'
import { checkIssued, isSelfSigned, parseCertificates, type Issued } from './chain.ts'
import { authorities, enrol, type EstServer } from './est.ts'
import { boxKeys, install, readBoxKey, readText, waitingKey, type BoxKey, type CredentialFiles } from './files.ts'
import { makeRequest } from './x509.ts'

export type { CredentialFiles } from './files.ts'

export interface EnrolOptions {
  readonly gateway: string
  readonly region: string
  readonly files: CredentialFiles
  readonly now: EpochMs
  /** Told as each part is done, for who watches. */
  done?(step: EnrolStep): void
}

/** The authority answered; the key is on the disk; the request was answered; certificate and key are checked and in place. */
export type EnrolStep = 'authority' | 'key' | 'answer' | 'certificate'

export interface Enrolled { readonly subject: string; readonly issuer: string; readonly serial: string; readonly notAfter: EpochMs }

/** Key on the box, request to the authority, answer checked and put in place. Throws UplinkError ENROL_*. `force`: also where a certificate is valid. */
export async function enrolOnline(options: EnrolOptions & { readonly server: EstServer; readonly force?: boolean }, signal: AbortSignal): Promise<Enrolled> {
  const { files, now, server, force } = options
  const current = force ? null : await currentCertificate(files)
  if (current && current.validToDate.getTime() > now) throw new UplinkError('ENROL_EXISTS', `this gateway has a certificate until ${current.validTo} (${files.cert}); renew it with --renew, or begin anew with --force`)
  const roots = (await authorities(server, signal)).filter(isSelfSigned)
  options.done?.('authority')
  const key = await waitingKey(files)
  options.done?.('key')
  const answer = await enrol(server, await makeRequest(key.pem, options), signal)
  options.done?.('answer')
  return finish(options, answer, roots, [key])
}

/** The same key, a new certificate; the old one is the pass. */
export async function renewOnline(options: EnrolOptions & { readonly server: EstServer }, signal: AbortSignal): Promise<Enrolled> {
  const { files, server, now } = options
  const [cert, key] = await Promise.all([readText(files.cert), readBoxKey(files.key)])
  if (cert === null || key === null) throw new UplinkError('ENROL_MISSING', `there is no certificate to renew at ${files.cert}; enrol first, with a token`)
  const [current] = parseCertificates(cert)
  if (current!.validToDate.getTime() <= now) throw new UplinkError('ENROL_LAPSED', `the certificate ended on ${current!.validTo} and can no longer vouch for its successor; enrol with a new token and --force`)
  // Shown for both calls: some authorities let nobody in without.
  const known: EstServer = { ...server, client: { cert, key: key.pem } }
  const roots = (await authorities(known, signal)).filter(isSelfSigned)
  const answer = await enrol(known, await makeRequest(key.pem, options), signal)
  return finish(options, answer, roots, [key])
}

/** The file-based way, first half: the request as PEM. The key waits on the box. */
export async function requestFile(options: EnrolOptions): Promise<string> {
  const key = await waitingKey(options.files)
  const base64 = (await makeRequest(key.pem, options)).toString('base64').replace(/.{1,64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}-----END CERTIFICATE REQUEST-----\n`
}

/** Second half: what the authority sent back, leaf and chain in any order. `ca`: its root, where the file does not hold it. */
export async function importFile(options: EnrolOptions, pem: string, ca: string | null): Promise<Enrolled> {
  const keys = await boxKeys(options.files)
  if (keys.length === 0) throw new UplinkError('ENROL_MISSING', `no key of this gateway waits for a certificate at ${options.files.key}.new; make the request first, with --csr`)
  return finish(options, parseCertificates(pem), ca === null ? [] : parseCertificates(ca), keys)
}

/** null where there is none. Throws UplinkError ENROL_CERTIFICATE for one that cannot be read. */
export async function currentCertificate(files: CredentialFiles): Promise<X509Certificate | null> {
  const text = await readText(files.cert)
  return text === null ? null : parseCertificates(text)[0]!
}

async function finish({ gateway, files, now, done }: EnrolOptions, certificates: readonly X509Certificate[], roots: readonly X509Certificate[], keys: readonly BoxKey[]): Promise<Enrolled> {
  const { issued: { leaf, intermediates }, key } = match(certificates, roots, keys, now, gateway)
  const anchors = roots.length > 0 ? roots : certificates.filter(isSelfSigned)
  await install(files, { cert: [leaf, ...intermediates].map(String).join(''), key, ca: anchors.length > 0 ? anchors.map(String).join('') : null })
  done?.('certificate')
  return { subject: leaf.subject, issuer: leaf.issuer.replaceAll('\n', ', '), serial: leaf.serialNumber, notAfter: leaf.validToDate.getTime() }
}

/** The key may be the one that waits or the one in use; the reason of the last is told when neither fits. */
function match(certificates: readonly X509Certificate[], roots: readonly X509Certificate[], keys: readonly BoxKey[], now: EpochMs, gateway: string): { readonly issued: Issued; readonly key: BoxKey } {
  let failure: unknown
  for (const key of keys) {
    try { return { issued: checkIssued(certificates, roots, key.key, now, gateway), key } } catch (error) { failure ??= error }
  }
  throw failure
}

