import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import type { Site } from '../cli/rooms.ts'
import { replaceFile } from '../kit/durable-file.ts'

/** In the store: key, digest of what follows, and the site as V8 writes values. */
const name = 'checked-site'
const digestBytes = 32

export interface SiteSource {
  readonly file: string
  /** What the file holds. */
  readonly bytes: Buffer
  /** The program that checks it; see build.ts. Null: nothing is kept. */
  readonly build: string | null
}

/**
 * A site file that was read and found right, kept as it came out: the next start of the same program with the same file takes that, and
 * loads neither a YAML parser nor a schema. Null where anything is not exactly as it was: then it is read as ever. Before anything else
 * runs, so files are read at once.
 */
export function takeChecked(source: SiteSource): Site | null {
  const { file, bytes, build } = source
  if (build === null) return null
  const kept = lying(path.join(storeGuess(file, bytes.toString()), name))
  if (!kept?.subarray(0, digestBytes).equals(keyOf(source, build))) return null
  const content = kept.subarray(2 * digestBytes)
  if (!kept.subarray(digestBytes, 2 * digestBytes).equals(digest(content))) return null
  try { return frozen(deserialize(content) as Site) } catch { return null }
}

/** `site` is what `source` was read as. Nothing is kept of one that would not come back the same. Throws what the file system throws. */
export async function keepChecked(source: SiteSource, site: Site): Promise<void> {
  if (source.build === null) return
  const content = serialize(site)
  if (!isDeepStrictEqual(deserialize(content), site)) return
  // It was read while this was not looked at: somebody may have changed it in between.
  const now = await readFile(source.file).catch(() => null)
  if (!now?.equals(source.bytes)) return
  await replaceFile(path.join(site.store.path, name), Buffer.concat([keyOf(source, source.build), digest(content), content]))
}

const digest = (...parts: readonly (string | Uint8Array)[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

/** All that a site's meaning hangs on: the program with its own profiles, the text, where it lies, and the site's profiles beside it. */
function keyOf({ file, bytes }: SiteSource, build: string): Buffer {
  const folder = path.join(path.dirname(path.resolve(file)), 'profiles')
  const names = namesIn(folder).filter((each) => each.endsWith('.yaml')).toSorted()
  const profiles = names.map((each) => digest(lying(path.join(folder, each)) ?? ''))
  return digest(JSON.stringify([build, process.version, file, folder, names]), digest(bytes), ...profiles)
}

function lying(file: string): Buffer | null { try { return readFileSync(file) } catch { return null } }
function namesIn(folder: string): readonly string[] { try { return readdirSync(folder) } catch { return [] } }

/** Where the store most likely is: nothing lies there, or what lies there has another key, where this is wrong. */
function storeGuess(file: string, text: string): string {
  const [, , where = './data'] = /^store:\s*(?:\{\s*|\r?\n(?:[ \t]*(?:#.*)?\r?\n)*[ \t]+)path:[ \t]*(["']?)([^"'\s#},]+)\1/m.exec(text) ?? []
  return path.resolve(path.dirname(path.resolve(file)), where)
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) frozen(item)
  }
  return value
}
