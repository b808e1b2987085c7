import { chmod, copyFile, link, open, realpath, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { codeOf } from './errors.ts'
import { randomHex } from './ids.ts'

/** Of its owner alone. */
const ownMode = 0o600

/**
 * Whole or not at all, and on disk when it resolves. What the file system throws comes as it is; then the old file stands, and nothing
 * of the new one lies about.
 */
export async function replaceFile(file: string, content: string | Uint8Array, mode = ownMode): Promise<void> {
  await beside(file, content, mode, (temporary) => rename(temporary, file))
}

/** The same, where there is none yet; false when there is: of two at once the first one's stands. */
export async function createFile(file: string, content: string | Uint8Array, mode = ownMode): Promise<boolean> {
  return beside(file, content, mode, (temporary) => link(temporary, file).then(() => true, (error: unknown) => { if (codeOf(error) === 'EEXIST') return false; throw error }))
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
