import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, describe, UplinkError } from '../../gateway/kit/index.ts'
import { makeFolder, replaceFile } from '../../gateway/kit/durable-file.ts'

/** Where an uplink's credentials lie. `ca: null`: the authority is not kept. */
export interface CredentialFiles { readonly cert: string; readonly key: string; readonly ca: string | null }

/** A key that waits for its certificate: kept until that is here, so that a crash or an answer a week later finds it. */
const waiting = (files: CredentialFiles): string => `${files.key}.new`

export interface BoxKey { readonly pem: string; readonly key: KeyObject }

/** The key to ask a certificate for: the one that waits, or a new one (ECDSA P-256, PKCS#8, 0600). Throws UplinkError ENROL_FILES. */
export async function waitingKey(files: CredentialFiles): Promise<BoxKey> {
  const found = await readBoxKey(waiting(files))
  if (found) return found
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string
  await put(waiting(files), pem, 0o600)
  return { pem, key }
}

/** The key in use, or that waits: whichever the certificate at hand may belong to. */
export async function boxKeys(files: CredentialFiles): Promise<readonly BoxKey[]> {
  const keys = await Promise.all([readBoxKey(waiting(files)), readBoxKey(files.key)])
  return keys.filter((key) => key !== null)
}

export async function readBoxKey(file: string): Promise<BoxKey | null> {
  const pem = await readText(file)
  if (pem === null) return null
  try { return { pem, key: createPrivateKey(pem) } } catch (cause) {
    throw new UplinkError('ENROL_FILES', `${file} is no private key in PEM; move it away and enrol again`, { cause })
  }
}

/** null where there is none. */
export async function readText(file: string): Promise<string | null> {
  try { return await readFile(file, 'utf8') } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw new UplinkError('ENROL_FILES', `cannot read ${file} (${codeOf(cause)}); check its owner`, { cause })
  }
}

/**
 * Puts a checked certificate, its key and the authority in place, each file whole or not at all; the certificate last, because that is
 * what a running uplink looks for. The authority is written only where there is none: it may be the broker's own.
 */
export async function install(files: CredentialFiles, { cert, key, ca }: { readonly cert: string; readonly key: BoxKey; readonly ca: string | null }): Promise<void> {
  if (ca !== null && files.ca !== null && await readText(files.ca) === null) await put(files.ca, ca, 0o644)
  if ((await readBoxKey(waiting(files)))?.pem === key.pem) await guard(files.key, () => rename(waiting(files), files.key))
  await put(files.cert, cert, 0o644)
}

/** Durably, through a file beside it. */
export async function put(file: string, text: string | Uint8Array, mode: number): Promise<void> {
  await guard(file, async () => {
    await makeFolder(path.dirname(file))
    await replaceFile(file, text, mode)
  })
}

async function guard(file: string, work: () => Promise<void>): Promise<void> {
  try { await work() } catch (cause) {
    throw new UplinkError('ENROL_FILES', `cannot write ${file}: ${describe(cause)}; check the space and the folder's owner`, { cause })
  }
}
