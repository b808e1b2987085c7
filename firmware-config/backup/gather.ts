import { open, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, ConfigError } from '../../gateway/kit/index.ts'
import type { Member } from './archive.ts'
import { citySecrets } from '../apply/city-secrets.ts'
import { roots } from './manifest.ts'

/** A file to be taken along. */
export interface Found { readonly name: string; readonly file: string; readonly size: number; readonly mode: number }

/**
 * The files a read site names: whatever is an absolute path to a regular file in it (paths are absolute once a site is read), and its
 * profiles, and the secrets that older configurations name. A folder that it names, such as one for OPC UA's certificates, is taken whole.
 */
export async function siteFiles(siteFile: string, site: unknown, store: string): Promise<{ readonly found: readonly Found[]; readonly outside: readonly string[] }> {
  const folder = path.dirname(path.resolve(siteFile))
  const named = new Set([path.resolve(siteFile), path.join(folder, 'profiles'), path.join(folder, citySecrets)])
  collect(site, named)
  const found = new Map<string, Found>()
  for (const place of named) {
    // The store has a way of its own; a folder above it is nothing that belongs to the site.
    if (isWithin(store, place) || isWithin(place, store) || isWithin(folder, place)) continue
    for (const file of await filesAt(place)) {
      const relative = path.relative(folder, file.file)
      found.set(file.file, { ...file, name: isWithin(file.file, folder) ? `${roots.site}/${relative}` : `${roots.outside}${file.file}` })
    }
  }
  const outside = [...found.values()].filter(({ name }) => name.startsWith(`${roots.outside}/`)).map(({ file }) => file.slice(1))
  return { found: [...found.values()], outside }
}

/** The journal comes by its own road; of its files a copy needs those that tell it from the original. */
const ofTheJournal = new Set(['epoch', 'ends'])

/** What lies in the store besides the journal: keys, accounts, photos, the event log; with `history` what is drawn. */
export async function storeFiles(store: string, { history }: { readonly history: boolean }): Promise<readonly Found[]> {
  const names = await readdir(store).catch((cause: unknown) => { throw new ConfigError('BACKUP_NO_STORE', `cannot read ${store} (${codeOf(cause)}); run this on the gateway's machine as the user the gateway runs as`, { cause }) })
  const found: Found[] = []
  for (const name of names) {
    if (name === 'history' && !history) continue
    for (const file of await filesAt(path.join(store, name))) if (name !== 'journal' || ofTheJournal.has(path.relative(path.join(store, name), file.file))) found.push({ ...file, name: `${roots.store}/${path.relative(store, file.file)}` })
  }
  return found
}

export async function* membersOf(files: readonly Found[]): AsyncGenerator<Member> {
  for (const { name, file, size, mode } of files) yield { name, mode, size, body: contentOf(file, size) }
}

/** A file that grows meanwhile is taken as long as it was: the event log is only ever appended to. */
async function* contentOf(file: string, size: number): AsyncGenerator<Uint8Array> {
  await using handle = await open(file, 'r').catch((cause: unknown) => { throw new ConfigError('BACKUP_NO_STORE', `cannot read ${file} (${codeOf(cause)}); run this as the user the gateway runs as`, { cause }) })
  if (size === 0) return
  let left = size
  for await (const chunk of handle.createReadStream({ start: 0, end: size - 1, autoClose: false }) as AsyncIterable<Buffer>) { left -= chunk.length; yield chunk }
  if (left > 0) throw new ConfigError('BACKUP_CHANGED', `${file} became shorter while it was copied; make the backup again`)
}

const maxDepth = 8

/** Regular files of a path; nothing for what is not there, a device or a link to nowhere. */
async function filesAt(place: string, depth = 0): Promise<readonly Omit<Found, 'name'>[]> {
  const found = await stat(place).catch(() => null)
  if (found?.isFile()) return [{ file: place, size: found.size, mode: found.mode & 0o777 }]
  if (!found?.isDirectory() || depth > maxDepth) return []
  const below = await readdir(place).catch((): string[] => [])
  return (await Promise.all(below.toSorted().map((name) => filesAt(path.join(place, name), depth + 1)))).flat()
}

/** `a` is `b` or lies below it. */
const isWithin = (a: string, b: string): boolean => { const way = path.relative(b, a); return way === '' || (!way.startsWith('..') && !path.isAbsolute(way)) }

function collect(value: unknown, into: Set<string>): void {
  if (typeof value === 'string') { if (path.isAbsolute(value) && value.length < 4_096 && !value.includes('\0')) into.add(path.normalize(value)) }
  else if (Array.isArray(value)) for (const item of value) collect(item, into)
  else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) for (const item of Object.values(value)) collect(item, into)
}
