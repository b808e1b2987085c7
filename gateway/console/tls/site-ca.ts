import { createHash, X509Certificate } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import type { EpochMs } from '../../contract/index.ts'
import { randomHex } from '../../kit/index.ts'
import { readJson, writeJson } from '../files.ts'
import { makeAuthority, makeServer } from './certificate.ts'
import { namesAllowed, split, type Names } from './names.ts'

const network = z.strictObject({ address: z.string(), prefix: z.int() })
/** One file with key and certificate: they cannot come apart. */
const caFile = z.strictObject({ title: z.string(), key: z.string(), cert: z.string(), allowed: z.strictObject({ hosts: z.array(z.string()), networks: z.array(network) }) })
type CaFile = z.output<typeof caFile>
const serverFile = z.strictObject({ key: z.string(), cert: z.string(), names: z.array(z.string()), signedBy: z.string() })
export type ServerPair = z.output<typeof serverFile>

const dayMs = 86_400_000
const caDays = 3_653
/** Browsers refuse more than 398 days; some of it lies in the past, for clocks that lag. */
const serverDays = 396
const backdateMs = 2 * dayMs
const renewBeforeMs = 60 * dayMs
/** A box without a clock wakes in 1970; a certificate of then is of no use to anybody. */
const earliest = Date.UTC(2026, 0, 1)

/** Below `<store>/console`. Goes into a backup: who has installed it need not do so again. */
const caPath = (folder: string): string => path.join(folder, 'tls', 'site-ca.json')
const serverPath = (folder: string): string => path.join(folder, 'tls', 'server.json')

/** As people compare them: phones and Firefox show SHA-256, Windows calls SHA-1 the thumbprint. */
export interface Fingerprints { readonly sha256: string; readonly sha1: string }

/** The authority of one site: it signs the console's certificate, and by its own constraints nobody else's. */
export class SiteCa {
  readonly #file: CaFile
  readonly certificate: X509Certificate
  constructor(file: CaFile) { this.#file = file; this.certificate = new X509Certificate(file.cert) }

  get title(): string { return this.#file.title }
  get pem(): string { return this.#file.cert }
  get der(): Buffer { return this.certificate.raw }
  get allowed(): Names { return this.#file.allowed }
  get until(): EpochMs { return Date.parse(this.certificate.validTo) }
  get fingerprints(): Fingerprints {
    const hex = (name: string): string => createHash(name).update(this.der).digest('hex').toUpperCase().match(/../g)!.join(':')
    return { sha256: hex('sha256'), sha1: hex('sha1') }
  }

  /** A server certificate for what it may sign of `wanted`. */
  sign(wanted: Names, now: EpochMs): ServerPair {
    const { within } = split(wanted, this.allowed)
    const from = Math.max(now, earliest) - backdateMs
    return { ...makeServer(this.#file, within, { from, to: Math.min(from + serverDays * dayMs, this.until) }), names: [...within], signedBy: this.fingerprints.sha256 }
  }
}

/** Null where none was made. Throws StoreError CONSOLE_FILE. */
export async function readSiteCa(folder: string): Promise<SiteCa | null> {
  const file = await readJson(caPath(folder), caFile)
  return file && new SiteCa(file)
}

/** A new one, in place of any before it: every device has to install it. Throws StoreError CONSOLE_FILE. */
export async function makeSiteCa(folder: string, site: string, wanted: Names, now: EpochMs): Promise<SiteCa> {
  const title = `Linli ${site} ${randomHex(3)}`
  const allowed = namesAllowed(wanted)
  const from = Math.max(now, earliest)
  const pair = makeAuthority(title, allowed, { from: earliest, to: from + caDays * dayMs })
  const file = { title, ...pair, allowed: { hosts: [...allowed.hosts], networks: [...allowed.networks] } }
  await writeJson(caPath(folder), file)
  return new SiteCa(file)
}

/** The one on disk while it does: same authority, same names, and long enough to go. Otherwise a new one. Throws StoreError CONSOLE_FILE. */
export async function serverPair(folder: string, ca: SiteCa, wanted: Names, now: EpochMs): Promise<ServerPair> {
  const kept = await readJson(serverPath(folder), serverFile)
  if (kept && isGood(kept, ca, wanted, now)) return kept
  const made = ca.sign(wanted, now)
  await writeJson(serverPath(folder), made)
  return made
}

export function isGood(pair: ServerPair, ca: SiteCa, wanted: Names, now: EpochMs): boolean {
  const at = Math.max(now, earliest)
  const { validFrom, validTo } = new X509Certificate(pair.cert)
  const lasts = Date.parse(validTo)
  return pair.signedBy === ca.fingerprints.sha256 && pair.names.join() === split(wanted, ca.allowed).within.join() && Date.parse(validFrom) <= at && (lasts - at > renewBeforeMs || (lasts >= ca.until && lasts > at))
}
