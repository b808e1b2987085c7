import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Level as Leveldb } from 'level'
import { codeOf, describe, StoreError, type Logger } from '../kit/index.ts'

export type Level = Leveldb<string, Buffer>

/** Small buffers: a gateway's working set is its newest records. */
const levelOptions = { keyEncoding: 'utf8', valueEncoding: 'buffer', cacheSize: 2 << 20, writeBufferSize: 4 << 20, maxOpenFiles: 64 } as const

/** `fresh`: the folder's content could not be saved and was moved aside; this one is new. */
export interface Opened { readonly level: Level; readonly fresh: boolean }

/** A Level begins to open in the turn that made it, asked or not; without an index that would delete the tables. So it is made only here. */
async function opened(folder: string): Promise<Level> {
  const level: Level = new Leveldb<string, Buffer>(folder, levelOptions)
  await level.open()
  return level
}

/** Throws StoreError STORE_LOCKED, STORE_UNUSABLE (retriable). A damaged or missing index is repaired; what cannot be repaired is moved aside. */
export async function openLevel(folder: string, log: Logger): Promise<Opened> {
  if (!await indexMissing(folder)) {
    try {
      return { level: await opened(folder), fresh: false }
    } catch (error) {
      const cause = rootOf(error)
      if (codeOf(cause) === 'LEVEL_LOCKED') throw new StoreError('STORE_LOCKED', `${folder} is in use by another gateway; stop it first, or set store.path to another folder`, { cause })
      // Only damage is repaired: a repair on a full disk would drop the log that could not be read for want of space.
      if (codeOf(cause) !== 'LEVEL_CORRUPTION') throw unusable(folder, cause)
      log.warn({ code: 'STORE_REPAIRED', cause: codeOf(cause) }, `the store did not open (${describe(cause)}); repairing it`)
    }
  } else {
    log.warn({ code: 'STORE_REPAIRED' }, 'the index of the store is missing; repairing it')
  }
  return repaired(folder, log)
}

/** The closed database of `folder`, repaired and opened; where that does not help, a new one. Throws StoreError STORE_UNUSABLE. */
export async function repaired(folder: string, log: Logger): Promise<Opened> {
  try {
    await repair(folder)
    await boundLost(path.join(folder, 'lost'))
    return { level: await opened(folder), fresh: false }
  } catch (error) {
    const cause = rootOf(error)
    if (codeOf(cause) !== 'LEVEL_CORRUPTION' && !await indexMissing(folder)) throw unusable(folder, cause)
    return begunAnew(folder, log)
  }
}

/** Out of LevelDB's sight. Answers whether there were any; a repair must follow. */
export async function setAside(folder: string, tables: readonly string[], log: Logger): Promise<boolean> {
  if (tables.length === 0) return false
  const lost = path.join(folder, 'lost')
  await mkdir(lost, { recursive: true })
  for (const name of tables) await rename(path.join(folder, name), path.join(lost, name))
  log.error({ code: 'STORE_REPAIRED', tables }, 'damaged tables of the store were put aside; what they held and was not delivered is declared to the city. Check the disk')
  return true
}

const keptLostBytes = 16 << 20

/** What a repair could not read lies there for whoever wants to look at it. */
async function boundLost(folder: string): Promise<void> {
  const files = await Promise.all((await readdir(folder).catch((): string[] => [])).map(async (name) => ({ file: path.join(folder, name), ...await stat(path.join(folder, name)) })))
  let bytes = 0
  for (const { file, size } of files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) if ((bytes += size) > keptLostBytes) await rm(file, { force: true })
}

/** LevelDB takes tables without an index for an empty folder and deletes them, and an index that is not there for an I/O error. */
async function indexMissing(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  // A manifest alone is a store that lost its power while it was made.
  if (!names.includes('CURRENT')) return names.some((name) => /\.(ldb|log)$/.test(name))
  const current = (await readFile(path.join(folder, 'CURRENT'), 'utf8').catch(() => '')).trim()
  return current !== '' && !names.includes(current)
}

const keptBroken = 2

/** Damage beyond repair is no reason to let a building stand still: what is there is kept for whoever wants to look at it, and an empty store takes its place. */
export async function begunAnew(folder: string, log: Logger): Promise<Opened> {
  const [home, name] = [path.dirname(folder), path.basename(folder)]
  const broken = (await readdir(home)).filter((entry) => entry.startsWith(`${name}.broken-`)).toSorted((a, b) => Number(a.split('-').at(-1)) - Number(b.split('-').at(-1)))
  const next = Number(broken.at(-1)?.split('-').at(-1) ?? 0) + 1
  for (const entry of broken.slice(0, Math.max(0, broken.length + 1 - keptBroken))) await rm(path.join(home, entry), { recursive: true, force: true })
  const aside = `${folder}.broken-${next}`
  await rename(folder, aside)
  log.error({ code: 'STORE_REPLACED', aside }, `the store is damaged beyond repair; it was moved to ${aside} and a new one begun. What it held and was not delivered is declared to the city`)
  return { level: await opened(folder), fresh: true }
}

export const unusable = (folder: string, cause: unknown): StoreError =>
  new StoreError('STORE_UNUSABLE', `cannot open ${folder}: ${describe(cause)}; check the disk, its free space and the folder's owner`, { cause, retriable: true })

/** `level` is classic-level on Node; its static `repair` is not in the shared type. */
const repair = (folder: string): Promise<void> => (Leveldb as unknown as { repair(folder: string): Promise<void> }).repair(folder)

/** abstract-level wraps what went wrong in LEVEL_DATABASE_NOT_OPEN. */
export function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootOf(error.cause) : error
}
