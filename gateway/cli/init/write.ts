import { chmod, chown, constants, copyFile, mkdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { createFile, replaceFile } from '../../kit/durable-file.ts'
import { codeOf, ConfigError, describe, randomHex } from '../../kit/index.ts'

export interface Written { readonly file: string; /** Where the old one is. */ readonly backup: string | null; /** Made now; those that were there stay. */ readonly secrets: readonly string[] }

const siteMode = 0o640
const secretMode = 0o600
/** Files of root in a folder whose group is the gateway's: it must be able to read them. */
const sharedSecretMode = 0o640
/** Hex digits of a device's password: 128 bits. */
const passwordBytes = 16

/** Whether there is something at the path. */
export const exists = (file: string): Promise<boolean> => stat(file).then(() => true, () => false)

/**
 * Secrets first, the site file last and whole: a crash leaves no file that names a secret which is not there. `made`: passwords to be made;
 * `typed`: those somebody gave; both below the site file's folder. Throws ConfigError INIT_TARGET.
 */
export async function writeSite(site: string, text: string, { made, typed }: { readonly made: readonly string[]; readonly typed: Readonly<Record<string, string>> }): Promise<Written> {
  try {
    const folder = path.dirname(path.resolve(site))
    await mkdir(folder, { recursive: true })
    const owner = await stat(folder)
    const secrets: string[] = []
    for (const [name, value] of [...made.map((file) => [file, null] as const), ...Object.entries(typed)]) {
      const file = path.join(folder, name)
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
      await belong(path.dirname(file), owner, 0o750)
      const fresh = value === null ? await createFile(file, `${randomHex(passwordBytes)}\n`, secretMode) : (await replaceFile(file, `${value}\n`, secretMode), true)
      if (fresh) { secrets.push(file); await belong(file, owner, sharedSecretMode) }
    }
    // A link stays a link.
    const file = await realpath(site).catch(() => path.resolve(site))
    const backup = await exists(file) ? await keep(file) : null
    await replaceFile(file, text, siteMode)
    await belong(file, owner, siteMode)
    return { file, backup, secrets }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('INIT_TARGET', `${site} cannot be written (${describe(cause)}); choose a folder of your own, or run it as its owner`, { cause })
  }
}

/** What root makes in a folder of the gateway's user or group is theirs to read. */
async function belong(file: string, { uid, gid }: { readonly uid: number; readonly gid: number }, groupMode: number): Promise<void> {
  if (process.getuid?.() !== 0 || (uid === 0 && gid === 0)) return
  await chown(file, uid, gid)
  if (uid === 0) await chmod(file, groupMode)
}

/** `site.yaml.bak`, or the next number that is free. */
async function keep(file: string): Promise<string> {
  for (let number = 1; ; number++) {
    const backup = number === 1 ? `${file}.bak` : `${file}.bak.${number}`
    try {
      await copyFile(file, backup, constants.COPYFILE_EXCL)
      return backup
    } catch (error) { if (codeOf(error) !== 'EEXIST' || number >= 1_000) throw error }
  }
}
