import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { check } from './check.ts'
import { readDocument } from './document.ts'
import type { Problems } from './problems.ts'
import { profileSchema, type Profile } from './schema.ts'

export const shippedProfiles = fileURLToPath(new URL('../profiles', import.meta.url))

/** Device profiles by name: the site's own folders first, then the shipped library. Each file is read when a device names it. */
export class ProfileLibrary {
  readonly #files = new Map<string, string>()
  readonly #loaded = new Map<string, Profile | null>()

  static async open(folders: readonly string[]): Promise<ProfileLibrary> {
    const library = new ProfileLibrary()
    for (const folder of folders) {
      const names = await readdir(folder).catch(() => [])
      for (const name of names.filter((file) => file.endsWith('.yaml'))) {
        const key = name.slice(0, -'.yaml'.length)
        if (!library.#files.has(key)) library.#files.set(key, path.join(folder, name))
      }
    }
    return library
  }

  names(): readonly string[] { return [...this.#files.keys()] }
  file(name: string): string | undefined { return this.#files.get(name) }

  /** undefined: there is none of this name. null: it is wrong, and that was reported. */
  async load(name: string, problems: Problems): Promise<Profile | null | undefined> {
    const file = this.#files.get(name)
    if (!file) return undefined
    if (!this.#loaded.has(name)) this.#loaded.set(name, await read(file, name, problems))
    return this.#loaded.get(name)
  }
}

async function read(file: string, name: string, problems: Problems): Promise<Profile | null> {
  const document = await readDocument(file, problems)
  if (!document) return null
  const report = problems.in(document)
  const profile = check(profileSchema, document.value, report)?.data ?? null
  if (profile && profile.profile !== name) report(['profile'], `the file is called ${name}.yaml; write profile: ${name}`)
  return profile
}
