import { chmod, chown, copyFile, lchown, link, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { codeOf } from './errors.ts'
import { randomHex } from './ids.ts'

/** Of its owner alone. */
const ownMode = 0o600

/**
 * Whole or not at all, and on disk when it resolves. What the file system throws comes as it is; then the old file stands, and nothing
 * of the new one lies about. Where root does it, as in `sudo linli …`, it belongs to whom its folder belongs to: the gateway reads it later.
 */
export async function replaceFile(file: string, content: string | Uint8Array, mode = ownMode): Promise<void> {
  const owner = await ownerOf(path.dirname(file))
  await beside(file, content, sharedMode(mode, owner), (temporary) => rename(temporary, file), owner)
}

/** The same, where there is none yet; false when there is: of two at once the first one's stands. */
export async function createFile(file: string, content: string | Uint8Array, mode = ownMode): Promise<boolean> {
  const owner = await ownerOf(path.dirname(file))
  return beside(file, content, sharedMode(mode, owner), (temporary) => link(temporary, file).then(() => true, (error: unknown) => { if (codeOf(error) === 'EEXIST') return false; throw error }), owner)
}

/**
 * The same for a file that people own, such as a site file: a link stays a link, the mode stays, and where root does it the owner too, so that
 * the gateway can go on reading it. `backup`: the old one stays beside it; answers its name.
 */
export async function replaceOwned(file: string, content: string | Uint8Array, { backup = false }: { readonly backup?: boolean } = {}): Promise<string> {
  const real = await realpath(file)
  const { mode, uid, gid } = await stat(real)
  const kept = `${real}.bak`
  if (backup) await copyFile(real, kept)
  await beside(real, content, mode & 0o777, (temporary) => rename(temporary, real), process.getuid?.() === 0 ? { uid, gid } : null)
  return kept
}

interface Owner { readonly uid: number; readonly gid: number }
/** Null: this process is not root, and what it makes is its own. */
const ownerOf = (folder: string): Promise<Owner | null> => (process.getuid?.() === 0 ? stat(folder) : Promise.resolve(null))
/** In a folder of root whose group is the gateway's, such as /etc/linli, the group reads what root reads. */
const sharedMode = (mode: number, owner: Owner | null): number => (owner?.uid === 0 && owner.gid !== 0 ? mode | ((mode & 0o400) >> 3) : mode)

/** The folder, with all that are missing above it; where root makes them they belong to the owner of the first that was there. */
export async function makeFolder(folder: string, mode = 0o700): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode })
  if (first === undefined) return
  const owner = await ownerOf(path.dirname(first))
  if (!owner) return
  for (let at = path.resolve(folder); at.length >= first.length; at = path.dirname(at)) {
    await chown(at, owner.uid, owner.gid)
    if (owner.uid === 0 && owner.gid !== 0) await chmod(at, mode | ((mode & 0o500) >> 3))
  }
}

/** For a file that is written bit by bit, of the folder that it lies in. */
export async function belongWithFolder(handle: Pick<FileHandle, 'chown'>, file: string): Promise<void> {
  const owner = await ownerOf(path.dirname(path.resolve(file)))
  if (owner) await handle.chown(owner.uid, owner.gid)
}

/** What root, or a library that runs as root, left in a folder of somebody else is his: the folder's owner. No link is followed. */
export async function belongToFolder(folder: string): Promise<void> {
  const owner = await ownerOf(folder)
  if (!owner || owner.uid === 0) return
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) await lchown(path.join(entry.parentPath, entry.name), owner.uid, owner.gid)
}

async function beside<T>(file: string, content: string | Uint8Array, mode: number, place: (temporary: string) => Promise<T>, owner: Owner | null = null): Promise<T> {
  const temporary = `${file}.${randomHex(4)}`
  try {
    {
      await using handle = await open(temporary, 'wx', mode)
      await handle.writeFile(content)
      if (owner) await handle.chown(owner.uid, owner.gid)
      await handle.sync()
    }
    // What the process masks is asked for once more.
    await chmod(temporary, mode)
    const placed = await place(temporary)
    await syncFolder(path.dirname(file))
    return placed
  } finally {
    await rm(temporary, { force: true })
  }
}

export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}
