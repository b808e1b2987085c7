import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { createFile } from '../../gateway/kit/durable-file.ts'
import { codeOf, ConfigError, describe } from '../../gateway/kit/index.ts'

/** Beside the site file, which refers to each as `{ file: city-secrets/NAME }`. Nobody but the gateway writes here. */
export const citySecrets = 'city-secrets'

/** Whether a site file's text names it: anywhere in it, for a comment may be taken away again. */
export const namesSecret = (text: string, name: string): boolean => {
  const place = `${citySecrets}/${name}`
  for (let at = text.indexOf(place); at >= 0; at = text.indexOf(place, at + 1)) if (!/[a-z0-9._-]/.test(text[at + place.length] ?? '')) return true
  return false
}

/**
 * Each a file of its owner alone, on disk when it resolves. A name is final: with another value it is refused, so that a way back finds the old
 * one. Throws ConfigError DESIRED_SECRET_EXISTS, DESIRED_SECRET_UNUSED, DESIRED_SECRET_UNWRITABLE; what was written by then is swept.
 */
export async function keepSecrets(siteFile: string, text: string, secrets: Readonly<Record<string, string>>): Promise<void> {
  const folder = folderOf(siteFile)
  const names = Object.keys(secrets)
  const unused = names.find((name) => !namesSecret(text, name))
  if (unused !== undefined) throw new ConfigError('DESIRED_SECRET_UNUSED', `the secret ${unused} came along, and the site file does not name ${citySecrets}/${unused}`)
  if (names.length > 0) await mkdir(folder, { recursive: true, mode: 0o700 }).catch(unwritable(folder))
  for (const name of names) {
    const file = path.join(folder, name)
    if (await createFile(file, secrets[name]!).catch(unwritable(file))) continue
    if (await readFile(file, 'utf8').catch(unwritable(file)) !== secrets[name]) throw new ConfigError('DESIRED_SECRET_EXISTS', `there is a secret ${name} with another value already; give the new value a new name, so that the old configuration still finds the old one`)
  }
}

/** Lets go of those that no text names. What cannot be removed is tried again the next time. */
export async function sweepSecrets(siteFile: string, texts: AsyncIterable<string>): Promise<void> {
  const folder = folderOf(siteFile)
  const left = new Set(await readdir(folder).catch((): string[] => []))
  if (left.size === 0) return
  for await (const text of texts) for (const name of left) if (namesSecret(text, name)) left.delete(name)
  for (const name of left) await rm(path.join(folder, name), { force: true }).catch(() => {})
}

const folderOf = (siteFile: string): string => path.join(path.dirname(path.resolve(siteFile)), citySecrets)
const unwritable = (place: string) => (cause: unknown): never => {
  throw new ConfigError('DESIRED_SECRET_UNWRITABLE', `cannot write ${place} (${codeOf(cause)}: ${describe(cause).slice(0, 80)}); the gateway's user must be able to write beside the site file`, { cause })
}
