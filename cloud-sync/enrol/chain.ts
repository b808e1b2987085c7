import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { EpochMs } from '../../gateway/contract/index.ts'
import { UplinkError } from '../../gateway/kit/index.ts'

export interface Issued {
  /** The gateway's own certificate. */
  readonly leaf: X509Certificate
  /** From the leaf's issuer upwards, roots left out: what a TLS client sends along. */
  readonly intermediates: readonly X509Certificate[]
}

const clientAuth = '1.3.6.1.5.5.7.3.2'

/**
 * Which of the certificates is ours, checked: it has our key, is valid now, may be used by a client, and leads to one of the roots over
 * certificates that may sign. `roots` empty: the chain ends where the given certificates end. Throws UplinkError ENROL_CERTIFICATE.
 */
export function checkIssued(certificates: readonly X509Certificate[], roots: readonly X509Certificate[], key: KeyObject, now: EpochMs, gateway: string): Issued {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const leaf = certificates.find(({ publicKey }) => publicKey.export({ type: 'spki', format: 'der' }).equals(spki))
  if (!leaf) return wrong('none of the certificates has the key of this box; the authority answered another request')
  const name = commonName(leaf)
  if (name !== gateway) return wrong(`the certificate is for "${name}" and this gateway is "${gateway}"; tell the authority`)
  inTime(leaf, now)
  if (leaf.keyUsage && !leaf.keyUsage.includes(clientAuth)) return wrong('the certificate may not be used by a TLS client (extended key usage); tell the authority')
  const intermediates = climb(leaf, certificates, roots, now)
  return { leaf, intermediates }
}

function climb(leaf: X509Certificate, certificates: readonly X509Certificate[], roots: readonly X509Certificate[], now: EpochMs): X509Certificate[] {
  const chain: X509Certificate[] = []
  let current = leaf
  for (let steps = 0; steps < 8; steps++) {
    const root = roots.find((one) => issued(one, current))
    if (root) { inTime(root, now); return chain }
    const next = certificates.find((one) => one !== current && !isSelfSigned(one) && issued(one, current))
    if (!next) break
    inTime(next, now)
    chain.push(next)
    current = next
  }
  const end = certificates.find((one) => isSelfSigned(one) && issued(one, current))
  if (roots.length === 0 && end) return chain
  return wrong(`the chain ends at "${current.issuer.replaceAll('\n', ', ')}", which is no authority we were told to trust; give its certificate`)
}

const issued = (issuer: X509Certificate, subject: X509Certificate): boolean => issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
export const isSelfSigned = (one: X509Certificate): boolean => one.subject === one.issuer && one.verify(one.publicKey)
export const commonName = ({ subject }: X509Certificate): string => /^CN=(.*)$/m.exec(subject)?.[1] ?? ''

function inTime(one: X509Certificate, now: EpochMs): void {
  if (now >= one.validFromDate.getTime() && now <= one.validToDate.getTime()) return
  wrong(`"${commonName(one)}" is valid from ${one.validFrom} to ${one.validTo} and the clock of this box says ${new Date(now).toISOString()}; check the clock first`)
}

function wrong(why: string): never { throw new UplinkError('ENROL_CERTIFICATE', `the certificate is of no use: ${why}`) }

/** Every certificate of a PEM text. Throws UplinkError ENROL_CERTIFICATE. */
export function parseCertificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) return wrong('there is no certificate in the file; PEM with BEGIN CERTIFICATE is wanted')
  return blocks.map(parseCertificate)
}

export function parseCertificate(content: string | Buffer): X509Certificate {
  try { return new X509Certificate(content) } catch (cause) { throw new UplinkError('ENROL_CERTIFICATE', 'a certificate cannot be read; it is damaged or no certificate', { cause }) }
}
