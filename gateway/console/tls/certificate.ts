import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import type { EpochMs } from '../../contract/index.ts'
import { bits, boolean, explicit, implicit, integer, octets, oid, sequence, set, time, utf8 } from './der.ts'
import { bytesOf, type Names } from './names.ts'

/** PEM, both. */
export interface Pair { readonly cert: string; readonly key: string }
interface Validity { readonly from: EpochMs; readonly to: EpochMs }

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))
const serverAuth = sequence(oid('1.3.6.1.5.5.7.3.1'))
const dns = (host: string): Buffer => implicit(2, Buffer.from(host, 'ascii'))
const ip = (bytes: Uint8Array): Buffer => implicit(7, bytes)

const extension = (id: string, critical: boolean, value: Uint8Array): Buffer => sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value))
const name = (text: string): Buffer => sequence(set(sequence(oid('2.5.4.10'), utf8('Linli'))), set(sequence(oid('2.5.4.3'), utf8(text))))
const freshKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string
const publicBytes = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' })
/** SHA-1 of the point without its header, 26 bytes for P-256 [RFC 5280 §4.2.1.2]. */
const keyId = (key: KeyObject): Buffer => createHash('sha1').update(publicBytes(key).subarray(26)).digest()

/** Sixteen bytes, positive, never with a leading zero [RFC 5280 §4.1.2.2]. */
function serial(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes
}

function signed(subject: { readonly key: KeyObject; readonly name: string }, issuer: { readonly key: KeyObject; readonly name: string }, { from, to }: Validity, extensions: readonly Buffer[]): string {
  const body = sequence(
    explicit(0, integer(2)), integer(serial()), ecdsaWithSha256, name(issuer.name), sequence(time(from), time(to)), name(subject.name), publicBytes(subject.key),
    explicit(3, sequence(...extensions)),
  )
  return new X509Certificate(sequence(body, ecdsaWithSha256, bits(sign('sha256', body, issuer.key)))).toString()
}

/**
 * Whom the authority may sign for [RFC 5280 §4.2.1.10]. A kind of name that is not listed at all would be free: so of addresses there is always an
 * entry, and IPv6 is shut where none is wanted. DNS always has `localhost`.
 */
function nameConstraints({ hosts, networks }: Names): Buffer {
  const subtree = (base: Buffer): Buffer => sequence(base)
  const range = ({ address, prefix }: Names['networks'][number]): Buffer => ip(Buffer.concat([masked(bytesOf(address), prefix), masked(Buffer.alloc(bytesOf(address).length, 0xff), prefix)]))
  const shut = ([4, 6] as const).filter((family) => !networks.some(({ address }) => isIP(address) === family))
  return sequence(
    implicit(0, Buffer.concat([...hosts.map(dns), ...networks.map(range)].map(subtree)), true),
    ...(shut.length === 0 ? [] : [implicit(1, Buffer.concat(shut.map((family) => subtree(ip(Buffer.alloc(family === 4 ? 8 : 32))))), true)]),
  )
}
const masked = (bytes: Uint8Array, prefix: number): Buffer => Buffer.from(bytes.map((byte, index) => byte & (0xff << Math.max(0, 8 - Math.max(0, prefix - index * 8)))))

/** A root that signs servers of `names` and nothing else: no authority below it, no e-mail, no programs. */
export function makeAuthority(title: string, names: Names, validity: Validity): Pair {
  const key = freshKey()
  const self = { key, name: title }
  return {
    key: pemOf(key),
    cert: signed(self, self, validity, [
      extension('2.5.29.19', true, sequence(boolean(true), integer(0))),
      // keyCertSign, cRLSign
      extension('2.5.29.15', true, bits(Buffer.from([0x06]), 1)),
      extension('2.5.29.37', false, serverAuth),
      extension('2.5.29.30', true, nameConstraints(names)),
      extension('2.5.29.14', false, octets(keyId(key))),
    ]),
  }
}

/** Of a server with these names and addresses. `title`: the authority's, as it was made. */
export function makeServer(authority: Pair & { readonly title: string }, names: readonly string[], validity: Validity): Pair {
  const [key, issuer] = [freshKey(), createPrivateKey(authority.key)]
  return {
    key: pemOf(key),
    cert: signed({ key, name: names.find((each) => each.length <= 64) ?? 'linli' }, { key: issuer, name: authority.title }, validity, [
      extension('2.5.29.19', true, sequence()),
      // digitalSignature
      extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)),
      extension('2.5.29.37', false, serverAuth),
      extension('2.5.29.17', false, sequence(...names.map((each) => (isIP(each) === 0 ? dns(each) : ip(bytesOf(each)))))),
      extension('2.5.29.14', false, octets(keyId(key))),
      extension('2.5.29.35', false, sequence(implicit(0, keyId(issuer)))),
    ]),
  }
}
