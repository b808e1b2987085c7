import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { DriverSchemas } from '../../gateway/contract/index.ts'
import { check, valueAt } from './check.ts'
import { readDocument } from './document.ts'
import { isObject, type PlainObject } from './plain.ts'
import { checkPoint } from './points.ts'
import { Problems, type Report } from './problems.ts'
import { label, id } from './schema.ts'
import { didYouMean } from './suggest.ts'

const shipped = fileURLToPath(new URL('../profiles/', import.meta.url))

/** The head of a profile file; `device` and `points` are checked with the driver's own schemas. */
export const profileSchema = z.strictObject({
  profile: id,
  name: label,
  driver: z.string(),
  source: z.array(z.string().min(1)).min(1),
  verified: z.enum(['open-source', 'manual', 'hardware']),
  notes: z.string().optional(),
  device: z.record(z.string(), z.unknown()).default({}),
  points: z.record(id, z.record(z.string(), z.unknown())),
})

export interface Profile {
  readonly name: string
  readonly driver: string
  readonly device: PlainObject
  readonly points: Readonly<Record<string, PlainObject>>
  /** false: its own problems are reported already, and its values are not worth a second report at every device. */
  readonly valid: boolean
}

/** The profiles that can be named, and those that were read. */
export class ProfileLibrary {
  readonly #files: ReadonlyMap<string, string>
  readonly #read = new Map<string, Profile | null>()
  private constructor(files: ReadonlyMap<string, string>) { this.#files = files }

  /** Later folders go before earlier ones; a folder that does not exist holds none. */
  static async open(siteFile: string, extra?: string): Promise<ProfileLibrary> {
    const folders = [shipped, path.join(path.dirname(path.resolve(siteFile)), 'profiles'), ...(extra === undefined ? [] : [extra])]
    const files = new Map<string, string>()
    for (const folder of folders) {
      const names = await readdir(folder).catch(() => [])
      for (const name of names) if (name.endsWith('.yaml')) files.set(name.slice(0, -5), path.join(folder, name))
    }
    return new ProfileLibrary(files)
  }

  get names(): Iterable<string> { return this.#files.keys() }

  /** Reads what is not read yet; problems are reported once, against the profile's own file. */
  async load(names: Iterable<string>, drivers: Readonly<Record<string, DriverSchemas>>, problems: Problems): Promise<void> {
    for (const name of names) {
      const file = this.#files.get(name)
      if (file !== undefined && !this.#read.has(name)) this.#read.set(name, await readProfile(name, file, drivers, problems))
    }
  }

  /** null: no such profile, or one that cannot be used. */
  get(name: string): Profile | null { return this.#read.get(name) ?? null }
  has(name: string): boolean { return this.#files.has(name) }
}

async function readProfile(name: string, file: string, drivers: Readonly<Record<string, DriverSchemas>>, problems: Problems): Promise<Profile | null> {
  const document = await readDocument(file, problems)
  if (!document) return null
  let valid = true
  const write = problems.in(document)
  const report: Report = (...problem) => { valid = false; write(...problem) }
  const head = check(profileSchema, document.value, report)
  if (!head) return null
  if (head.data.profile !== name) report(['profile'], `the file is named ${name}.yaml, so this must be ${JSON.stringify(name)}`)
  const schemas = Object.hasOwn(drivers, head.data.driver) ? drivers[head.data.driver]! : undefined
  if (!schemas) {
    report(['driver'], () => `no driver ${JSON.stringify(head.data.driver)}${didYouMean(head.data.driver, Object.keys(drivers))}`)
    return null
  }
  const { device, points } = document.value as { device?: PlainObject; points: Record<string, PlainObject> }
  reviewDefaults(schemas, device ?? {}, report)
  for (const [point, raw] of Object.entries(points)) {
    checkPoint(raw, schemas, (at, message, part) => report(['points', point, ...at], message, part))
  }
  return { name, driver: head.data.driver, device: device ?? {}, points, valid }
}

/** Defaults for the driver's device keys: what is written must be right, what is missing the device will bring. */
function reviewDefaults(schemas: DriverSchemas, device: PlainObject, report: Report): void {
  check(schemas.device.strict(), device, (at, message, part) => {
    if (part === 'key' || valueAt(device, at) !== undefined) report(at, message, part)
  }, [])
  void isObject
}
