import { readFile, realpath, stat } from 'node:fs/promises'
import { createFile, replaceOwned } from '../../../gateway/kit/durable-file.ts'
import { codeOf, ConfigError, describe } from '../../../gateway/kit/index.ts'

/** More of them than a file can have been migrated and taken back by hand. */
const maxBackups = 100

/**
 * Puts `text` in the place of a site file of version `from` that read `before`. What lay there is on disk under another name before anything
 * is replaced, and no earlier backup is written over; a link stays a link. Whoever dies in between leaves the old file in its place.
 * Returns the backup's name. Throws ConfigError MIGRATE_CHANGED, MIGRATE_UNWRITABLE; then the site file is as it was.
 */
export async function writeMigrated(file: string, { before, text, from }: { readonly before: string; readonly text: string; readonly from: number }): Promise<string> {
  try {
    const real = await realpath(file)
    const lies = await readFile(real, 'utf8')
    if (lies !== before) throw new ConfigError('MIGRATE_CHANGED', `${file} was changed by somebody else since it was read; nothing was written. Try again`)
    const backup = await keepBeside(real, lies, from)
    // A mark that an editor put at the beginning stays.
    await replaceOwned(real, lies.startsWith('\uFEFF') ? `\uFEFF${text}` : text)
    return backup
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('MIGRATE_UNWRITABLE', `${file} cannot be replaced (${codeOf(cause)}: ${describe(cause)}); it is as it was. Run it as the owner of the file and its folder`, { cause })
  }
}

/** Of the mode of the original: it holds what that holds. One of the same text is taken as it is: the process may have died behind it. */
async function keepBeside(real: string, lies: string, from: number): Promise<string> {
  const { mode } = await stat(real)
  for (let number = 1; number <= maxBackups; number++) {
    const backup = `${real}.v${from}.bak${number === 1 ? '' : `.${number}`}`
    if (await createFile(backup, lies, mode & 0o777)) return backup
    if (await readFile(backup, 'utf8').catch(() => null) === lies) return backup
  }
  throw new ConfigError('MIGRATE_UNWRITABLE', `${maxBackups} backups ${real}.v${from}.bak.… lie there already; move them away. Nothing was written`)
}
