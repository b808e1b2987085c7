import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs } from './contract/index.ts'
import { codeOf, describe, keyedHash, StoreError } from './kit/index.ts'
import { createFile, replaceFile, syncFolder } from './kit/durable-file.ts'

/** One key a site, in versions. Hashes are made with the newest alone; older ones are kept as long as what they hashed is. */
export interface CredentialKeys {
  readonly version: number
  /** `k2:` and 32 hex digits. */
  hash(value: string): string
  /** Under every key that is kept, the newest first: to find a card in what was recorded. */
  candidates(value: string): readonly string[]
  readonly versions: readonly { readonly version: number; readonly retiredAt?: EpochMs }[]
}

interface Key { readonly version: number; readonly key: Buffer; readonly retiredAt?: EpochMs }

/** Version 1, as gateways before rotation had it: 32 raw bytes. */
const firstName = 'site.key'
/** All versions, once there is more than the first. */
const allName = 'site.keys'
const dayMs = 86_400_000
const keyBytes = 32

export function credentialKeys(keys: readonly Key[]): CredentialKeys {
  const newest = keys.toSorted((a, b) => b.version - a.version)
  const hashOf = ({ version, key }: Key, value: string): string => `k${version}:${keyedHash(key, value)}`
  return {
    version: newest[0]!.version,
    hash: (value) => hashOf(newest[0]!, value),
    candidates: (value) => newest.map((key) => hashOf(key, value)),
    versions: newest.map(({ version, retiredAt }) => ({ version, ...(retiredAt === undefined ? {} : { retiredAt }) })),
  }
}

/** For a site without a disk, and for tests: gone with the process. */
export const passingKeys = (): CredentialKeys => credentialKeys([{ version: 1, key: randomBytes(keyBytes) }])

/**
 * The site's keys, made at the first start, readable by the gateway's user alone. Keys whose `retainDays` are over are forgotten here.
 * Throws StoreError CREDENTIAL_KEYS.
 */
export async function openCredentialKeys(folder: string, retainDays: number, now: EpochMs): Promise<CredentialKeys> {
  const keys = await readKeys(folder) ?? [{ version: 1, key: await makeFirst(folder) }]
  const kept = keys.filter(({ retiredAt }) => retiredAt === undefined || now - retiredAt < retainDays * dayMs)
  if (kept.length < keys.length) await writeKeys(folder, kept)
  return credentialKeys(kept)
}

/**
 * A new key from the next start on. The old one stays for looking up what it hashed, unless `forget`: for a key that others have, or
 * when nobody is to look up any more. Throws StoreError CREDENTIAL_KEYS.
 */
export async function rotateCredentialKey(folder: string, now: EpochMs, { forget = false } = {}): Promise<{ readonly from: number; readonly to: number }> {
  const keys = await readKeys(folder)
  if (!keys) throw new StoreError('CREDENTIAL_KEYS', `there is no key in ${folder} to take over from; start the gateway once and it makes one`)
  const from = Math.max(...keys.map(({ version }) => version))
  const retired = forget ? [] : keys.map((each) => (each.version === from ? { ...each, retiredAt: now } : each))
  await writeKeys(folder, [...retired, { version: from + 1, key: randomBytes(keyBytes) }])
  return { from, to: from + 1 }
}

/** Null: there are none yet. */
async function readKeys(folder: string): Promise<readonly Key[] | null> {
  const all = await readOptional(path.join(folder, allName))
  if (all) return parseKeys(path.join(folder, allName), all)
  const first = await readOptional(path.join(folder, firstName))
  if (!first) return null
  if (first.length !== keyBytes) throw damaged(path.join(folder, firstName))
  return [{ version: 1, key: first }]
}

function parseKeys(file: string, bytes: Buffer): readonly Key[] {
  let found: unknown
  try { found = JSON.parse(bytes.toString()) } catch { throw damaged(file) }
  if (!Array.isArray(found) || found.length === 0) throw damaged(file)
  return (found as readonly unknown[]).map((each) => {
    const { version, key, retiredAt } = (each ?? {}) as { readonly version?: unknown; readonly key?: unknown; readonly retiredAt?: unknown }
    const raw = typeof key === 'string' ? Buffer.from(key, 'base64') : Buffer.alloc(0)
    if (!Number.isSafeInteger(version) || raw.length !== keyBytes) throw damaged(file)
    return { version: version as number, key: raw, ...(typeof retiredAt === 'number' ? { retiredAt } : {}) }
  })
}

async function readOptional(file: string): Promise<Buffer | null> {
  try { return await readFile(file) } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw new StoreError('CREDENTIAL_KEYS', `cannot read ${file} (${codeOf(cause)}); it must belong to the gateway's user`, { cause })
  }
}

async function makeFirst(folder: string): Promise<Buffer> {
  const file = path.join(folder, firstName)
  // Never over a key that is there: of two starts at once, both use the first one's.
  await createFile(file, randomBytes(keyBytes)).catch((cause: unknown) => { throw unusable(file, cause) })
  const made = await readOptional(file)
  if (made?.length !== keyBytes) throw damaged(file)
  return made
}

/** The file of all versions is whole or not there; the first one's goes after it, so that a forgotten key is in no file. */
async function writeKeys(folder: string, keys: readonly Key[]): Promise<void> {
  const file = path.join(folder, allName)
  const text = JSON.stringify(keys.map(({ version, key, retiredAt }) => ({ version, key: key.toString('base64'), ...(retiredAt === undefined ? {} : { retiredAt }) })))
  await replaceFile(file, `${text}\n`).catch((cause: unknown) => { throw unusable(file, cause) })
  await rm(path.join(folder, firstName), { force: true })
  await syncFolder(folder)
}

const unusable = (file: string, cause: unknown): StoreError => new StoreError('CREDENTIAL_KEYS', `cannot write ${file}: ${describe(cause)}; check the space and the folder's owner`, { cause })
/** Not replaced by itself: whoever starts with another key must know that cards look new. */
const damaged = (file: string): StoreError => new StoreError('CREDENTIAL_KEYS', `${file} is damaged; put it back from a backup, or move it away, which makes every card look new`)
