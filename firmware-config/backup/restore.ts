import { chown, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, ConfigError, DataError } from '../../gateway/kit/index.ts'
import { syncFolder } from '../../gateway/kit/durable-file.ts'
import type { Member } from './archive.ts'
import { manifestName, parseManifest, roots, type Manifest } from './manifest.ts'

export interface RestoreParts {
  /** Where the site file comes to lie. */
  readonly folder: string
  /** What is in the way is moved to `….before-…`. */
  readonly replace: boolean
  readonly suffix: string
  /** Fills a database in that folder with the journal's chunks. */
  fill(folder: string, chunks: AsyncIterable<Uint8Array>): Promise<number>
  /** Bytes of the members read so far. */
  progress?(bytes: number): void
}

export interface Restored {
  readonly manifest: Manifest
  readonly siteFile: string
  readonly store: string
  /** Records of the outbox. */
  readonly records: number
  /** Files from elsewhere than beside the site file: where they lie now, to be put back by hand. */
  readonly outside: readonly string[]
  /** What was in the way, and where it is now. */
  readonly aside: readonly string[]
}

/** Closes the archive in any case. Whole or not at all: everything is written beside its place and moved there at the end. Throws ConfigError RESTORE_IN_THE_WAY, RESTORE_UNWRITABLE; DataError BACKUP_UNREADABLE, BACKUP_NEWER. */
export async function restore(members: AsyncGenerator<Member>, parts: RestoreParts): Promise<Restored> {
  try { return await unpackAll(members, parts) } finally { await members.return(undefined) }
}

async function unpackAll(members: AsyncGenerator<Member>, parts: RestoreParts): Promise<Restored> {
  const { value: first } = await members.next()
  if (!first || first.name !== manifestName) throw new DataError('BACKUP_UNREADABLE', 'the archive does not begin with its manifest; it was not made by "linli backup"')
  const manifest = parseManifest(await bytesOf(first))
  const folder = path.resolve(parts.folder)
  const store = path.resolve(folder, manifest.store)
  // A store beside the site file comes along with its folder.
  const nested = store.startsWith(`${folder}${path.sep}`)
  const staged = { site: `${folder}.${parts.suffix}`, store: nested ? path.join(`${folder}.${parts.suffix}`, path.relative(folder, store)) : `${store}.${parts.suffix}` }
  const moves: readonly (readonly [from: string, to: string])[] = [...(nested ? [] : [[staged.store, store] as const]), [staged.site, folder]]
  for (const [, place] of moves) if (!parts.replace && await isTaken(place)) throw new ConfigError('RESTORE_IN_THE_WAY', `${place} is not empty; restore into another folder, or give --replace: what is there is moved aside`)
  try {
    const records = await unpack(members, staged, parts)
    const owner = process.getuid?.() === 0 ? await ownerOf(store) : null
    if (owner) for (const [place] of moves) await give(place, owner)
    const aside: string[] = []
    for (const [from, to] of moves) aside.push(...await swap(from, to, parts.suffix))
    return { manifest, siteFile: path.join(folder, manifest.site), store, records, outside: manifest.outside.map((file) => path.join(folder, roots.outside, file)), aside }
  } finally {
    for (const place of Object.values(staged)) await rm(place, { recursive: true, force: true })
  }
}

/** Journal chunks stand last in an archive, and go to the database one by one as they come. */
async function unpack(members: AsyncGenerator<Member>, staged: { readonly site: string; readonly store: string }, { fill, progress = () => {} }: RestoreParts): Promise<number> {
  let bytes = 0
  const counted = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> { for await (const chunk of body) { progress(bytes += chunk.length); yield chunk } }
  const journal = async function* (begun: Member): AsyncGenerator<Uint8Array> {
    yield* counted(begun.body)
    for await (const { name, body } of members) {
      if (!name.startsWith(`${roots.journal}/`)) throw new DataError('BACKUP_UNREADABLE', `"${name.slice(0, 80)}" stands behind the journal; the archive was not made by "linli backup"`)
      yield* counted(body)
    }
  }
  for (const place of Object.values(staged)) await make(place)
  for (let next = await members.next(); !next.done; next = await members.next()) {
    const member = next.value
    const [root = '', ...rest] = member.name.split('/')
    if (root === roots.journal) return fill(path.join(staged.store, 'journal'), journal(member))
    const base = root === roots.site ? staged.site : root === roots.outside ? path.join(staged.site, roots.outside) : root === roots.store ? staged.store : null
    if (!base || rest.length === 0) throw new DataError('BACKUP_UNREADABLE', `"${member.name.slice(0, 80)}" has no place in a backup; it was not made by "linli backup"`)
    await write(path.join(base, ...rest), member, counted(member.body))
  }
  throw new DataError('BACKUP_UNREADABLE', 'the archive holds no journal; take another copy of it')
}

async function write(file: string, { mode }: Member, body: AsyncIterable<Uint8Array>): Promise<void> {
  await make(path.dirname(file))
  // `wx`: no name twice, and nothing through a link.
  await using handle = await open(file, 'wx', mode).catch(unwritable(file))
  for await (const chunk of body) await handle.writeFile(chunk)
  await handle.sync()
}

const unwritable = (place: string) => (cause: unknown): never => { throw new ConfigError('RESTORE_UNWRITABLE', `cannot write ${place} (${codeOf(cause)}); run this as root, or as the owner of that folder`, { cause }) }
const make = (place: string): Promise<unknown> => mkdir(place, { recursive: true, mode: 0o700 }).catch(unwritable(place))

async function bytesOf({ body }: Member): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) if ((size += chunk.length) <= 1 << 20) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const isTaken = (place: string): Promise<boolean> => readdir(place).then((names) => names.length > 0, (error: unknown) => codeOf(error) !== 'ENOENT')

/** Answers what it moved aside. An empty folder that stands there (a package made it) gives its place up. */
async function swap(staged: string, place: string, suffix: string): Promise<readonly string[]> {
  const taken = await isTaken(place)
  const aside = `${place}.before-${suffix}`
  const mode = await lstat(place).then((found) => found.mode & 0o777, () => null)
  if (taken) await rename(place, aside).catch(unwritable(place))
  await rename(staged, place).catch(unwritable(place))
  if (mode !== null) { await using handle = await open(place, 'r'); await handle.chmod(mode) }
  await syncFolder(path.dirname(place))
  return taken ? [aside] : []
}

interface Owner { readonly uid: number; readonly gid: number }

/** Of the nearest folder that is there. */
async function ownerOf(place: string): Promise<Owner> {
  const found = await stat(place).catch(() => null)
  return found ? { uid: found.uid, gid: found.gid } : ownerOf(path.dirname(place))
}

async function give(place: string, owner: Owner): Promise<void> {
  await chown(place, owner.uid, owner.gid)
  for (const entry of await readdir(place, { recursive: true })) await chown(path.join(place, entry), owner.uid, owner.gid)
}
