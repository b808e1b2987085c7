import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import type { PublicKeyType } from '@peculiar/x509'
import { open } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs } from '../../gateway/contract/index.ts'
import { belongWithFolder } from '../../gateway/kit/durable-file.ts'
import { ConfigError, DataError, describe, randomHex } from '../../gateway/kit/index.ts'
import { commonName } from './chain.ts'
import { put, readText } from './files.ts'
import { algorithm, keysOf, loadX509, names } from './x509.ts'


const dayMs = 24 * 3_600_000
/** Clocks of boxes that have just started lag. */
const backdateMs = 3_600_000
const idPattern = /^[a-z0-9-]{1,48}$/
const sanOid = '2.5.29.17'
const urnPattern = /^urn:linli:(\d{6}):([a-z0-9-]{1,48})$/

/** The pilot authority: one root in a folder, for tests and first sites. A city has its own and does not need this. */
export class PilotCa {
  readonly pem: string
  readonly #folder: string
  readonly #keyPem: string
  private constructor(folder: string, pem: string, keyPem: string) { this.#folder = folder; this.pem = pem; this.#keyPem = keyPem }

  /** Throws ConfigError CA_EXISTS. */
  static async init(folder: string, { name, days, now }: { readonly name: string; readonly days: number; readonly now: EpochMs }): Promise<PilotCa> {
    if (await readText(path.join(folder, 'ca.key')) !== null) throw new ConfigError('CA_EXISTS', `${folder} holds an authority already; choose another folder, or move it away: every certificate it issued would be worthless`)
    const keyPem = freshKey()
    const x509 = await loadX509()
    const keys = await keysOf(x509, keyPem)
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      name: [{ CN: [name] }], keys, signingAlgorithm: algorithm, serialNumber: serial(), notBefore: new Date(now - backdateMs), notAfter: new Date(now + days * dayMs),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    await put(path.join(folder, 'ca.key'), keyPem, 0o600)
    const pem = `${root.toString('pem')}\n`
    await put(path.join(folder, 'ca.pem'), pem, 0o644)
    return new PilotCa(folder, pem, keyPem)
  }

  /** Throws ConfigError CA_MISSING. */
  static async open(folder: string): Promise<PilotCa> {
    const [keyPem, pem] = await Promise.all([readText(path.join(folder, 'ca.key')), readText(path.join(folder, 'ca.pem'))])
    if (keyPem === null || pem === null) throw new ConfigError('CA_MISSING', `${folder} holds no authority; make one with: linli ca init ${folder}`)
    return new PilotCa(folder, pem, keyPem)
  }

  /** A gateway's certificate. Of the request only key, CN and region count; what else it asks for is not looked at. Throws DataError CA_REQUEST. */
  async issue(csr: Uint8Array | string, { days, now }: { readonly days: number; readonly now: EpochMs }): Promise<X509Certificate> {
    const { gateway, region, publicKey } = await readWish(csr)
    const x509 = await loadX509()
    const usage = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])
    return this.#sign(publicKey, gateway, [usage, new x509.SubjectAlternativeNameExtension(names(gateway, region))], days, now)
  }

  /** A broker's or this authority's own server certificate, with its key: for pilots whose broker has none. */
  async server(hosts: readonly string[], { days, now }: { readonly days: number; readonly now: EpochMs }): Promise<{ readonly cert: string; readonly key: string }> {
    const x509 = await loadX509()
    const key = freshKey()
    const { publicKey } = await keysOf(x509, key)
    const san = new x509.SubjectAlternativeNameExtension(hosts.map((host) => ({ type: /^[\d.]+$|:/.test(host) ? 'ip' as const : 'dns' as const, value: host })))
    const cert = await this.#sign(publicKey, hosts[0]!, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]), san], days, now)
    return { cert: cert.toString(), key }
  }

  async #sign(publicKey: PublicKeyType, name: string, extensions: readonly object[], days: number, now: EpochMs): Promise<X509Certificate> {
    const x509 = await loadX509()
    const { privateKey, publicKey: own } = await keysOf(x509, this.#keyPem)
    const root = new x509.X509Certificate(this.pem)
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: serial(), issuer: root.subject, subject: [{ CN: [name] }], publicKey, signingKey: privateKey, signingAlgorithm: algorithm,
      notBefore: new Date(now - backdateMs), notAfter: new Date(Math.min(now + days * dayMs, root.notAfter.getTime())),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(publicKey), await x509.AuthorityKeyIdentifierExtension.create(own),
        ...extensions as InstanceType<typeof x509.Extension>[],
      ],
    })
    const certificate = new X509Certificate(Buffer.from(issued.rawData))
    const { serialNumber, validTo } = certificate
    await using list = await open(path.join(this.#folder, 'issued.jsonl'), 'a', 0o600)
    await belongWithFolder(list, path.join(this.#folder, 'issued.jsonl'))
    await list.appendFile(`${JSON.stringify({ at: new Date(now).toISOString(), subject: commonName(certificate), serial: serialNumber, validTo })}\n`)
    return certificate
  }
}

/** Positive, 15 bytes [RFC 5280 §4.1.2.2]. */
const serial = (): string => `4${randomHex(15).slice(1)}`
const freshKey = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

/** PEM or DER. The signature proves that the asker holds the key. Throws DataError CA_REQUEST. */
export async function readWish(csr: Uint8Array | string) {
  const x509 = await loadX509()
  const bad = (why: string, cause?: unknown): DataError => new DataError('CA_REQUEST', `the certificate request is not issued: ${why}`, { cause })
  let request: InstanceType<typeof x509.Pkcs10CertificateRequest>
  let sound: boolean
  try {
    request = new x509.Pkcs10CertificateRequest(typeof csr === 'string' ? csr : Buffer.from(csr))
    sound = await request.verify()
  } catch (cause) { throw bad(`it cannot be read (${describe(cause).slice(0, 80)})`, cause) }
  if (!sound) throw bad('its signature is wrong')
  const { publicKey } = request
  const { name, namedCurve } = publicKey.algorithm as { readonly name: string; readonly namedCurve?: string }
  if (name !== 'ECDSA' || (namedCurve !== 'P-256' && namedCurve !== 'P-384')) throw bad(`its key is ${name} ${namedCurve ?? ''}; this authority takes ECDSA P-256 or P-384`)
  const [gateway, ...more] = request.subjectName.getField('CN')
  if (gateway === undefined || more.length > 0 || !idPattern.test(gateway)) throw bad('its CN is not a gateway id')
  const san = request.getExtension(sanOid)
  const urn = san instanceof x509.SubjectAlternativeNameExtension ? san.names.items.map(({ value }) => urnPattern.exec(String(value))).find((match) => match?.[2] === gateway) : null
  if (!urn) throw bad(`it names no region: a SAN of urn:linli:<region>:${gateway} is wanted`)
  return { gateway, region: urn[1]!, publicKey }
}
