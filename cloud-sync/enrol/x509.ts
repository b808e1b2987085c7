import { webcrypto } from 'node:crypto'

type Library = typeof import('@peculiar/x509')

/** ECDSA P-256 with SHA-256: what every broker and authority takes. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** The library is 20 MB of memory and a metadata polyfill: only enrolment and the pilot authority pay for it. */
export async function loadX509(): Promise<Library> {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

/** From PKCS#8 PEM, both halves. */
export async function keysOf(x509: Library, pem: string): Promise<webcrypto.CryptoKeyPair> {
  const privateKey = await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, true, ['sign'])
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey('jwk', privateKey)
  const publicKey = await webcrypto.subtle.importKey('jwk', { kty: kty!, crv: crv!, x: x!, y: y! }, algorithm, true, ['verify'])
  return { privateKey, publicKey }
}

/** PKCS#10: CN is the gateway's id; the SAN names it as a DNS label and with its region. Returns DER. */
export async function makeRequest(keyPem: string, { gateway, region }: { readonly gateway: string; readonly region: string }): Promise<Buffer> {
  const x509 = await loadX509()
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [gateway] }], keys: await keysOf(x509, keyPem), signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension(names(gateway, region)),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  })
  return Buffer.from(request.rawData)
}

export const names = (gateway: string, region: string): { readonly type: 'dns' | 'url'; readonly value: string }[] =>
  [{ type: 'dns', value: gateway }, { type: 'url', value: `urn:linli:${region}:${gateway}` }]

/** PKCS#7 certs-only [RFC 5652 §5, RFC 7030 §4.1.3]: the certificates in it, DER. Throws what the library throws for anything else. */
export async function readCertsOnly(der: Uint8Array): Promise<readonly Buffer[]> {
  const x509 = await loadX509()
  return [...new x509.X509Certificates(Buffer.from(der))].map(({ rawData }) => Buffer.from(rawData))
}
