import { chmod, link, open, rename, rm } from 'node:fs/promises'
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

async function beside<T>(file: string, content: string | Uint8Array, mode: number, place: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = `${file}.${randomHex(4)}`
  try {
    {
      await using handle = await open(temporary, 'wx', mode)
      await handle.writeFile(content)
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
