import type { PlainObject } from '../../../firmware-config/site/plain.ts'
import { addEntries } from '../../../firmware-config/points-csv/index.ts'
import { readSite, type Site } from '../../cli/rooms.ts'

/** What of a search goes into a site file, and why the rest does not. */
export interface Proposal {
  readonly file: string
  /** The site file as it was read, and as it would be. */
  readonly before: string
  readonly text: string
  readonly connections: readonly PlainObject[]
  readonly devices: readonly PlainObject[]
  readonly left: readonly Left[]
}
/** `key`: whatever the caller knows it by. */
export interface Left { readonly key: string; readonly unitId: number; readonly where: string; readonly why: string }

/** Entries for a site file, gathered from whatever was found: each with an id that is free, a connection only once. */
export class Draft {
  readonly site: Site
  readonly connections: PlainObject[] = []
  readonly devices: PlainObject[] = []
  readonly left: Left[] = []
  readonly #file: string
  readonly #before: string
  readonly #ids: Set<string>
  readonly #made = new Map<string, string>()

  private constructor(file: string, before: string, site: Site) {
    this.#file = file
    this.#before = before
    this.site = site
    this.#ids = new Set([...site.connections.map(({ id }) => id), ...site.connections.flatMap(({ devices }) => devices.map(({ id }) => id))])
  }

  /** Throws SiteError where the site file is wrong. */
  static async open(file: string, before: string): Promise<Draft> { return new Draft(file, before, await readSite(file, { text: before })) }

  freshId(wanted: string): string {
    const base = slugOf(wanted).slice(0, 40) || 'found'
    let id = base
    for (let n = 2; this.#ids.has(id); n++) id = `${base}-${n}`
    this.#ids.add(id)
    return id
  }

  /** The id of the connection for a place; `make` writes it the first time. */
  connection(place: string, make: () => PlainObject & { readonly id: string }): string {
    const known = this.#made.get(place)
    if (known !== undefined) return known
    const entry = make()
    this.connections.push(entry)
    this.#made.set(place, entry.id)
    return entry.id
  }

  /** Throws SiteError where the file would be wrong with it. */
  async proposal(): Promise<Proposal> {
    const { connections, devices, left } = this
    const text = addEntries(this.#before, { connections, devices })
    if (devices.length > 0) await readSite(this.#file, { text })
    return { file: this.#file, before: this.#before, text, connections, devices, left }
  }
}

/** As an id is written. */
export const slugOf = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')

/** Lines that are new, for a person to look at. */
export function addedLines({ before, text }: Pick<Proposal, 'before' | 'text'>): readonly string[] {
  const rest = Map.groupBy(before.split(/\r?\n/), (line) => line)
  return text.split(/\r?\n/).filter((line) => { const same = rest.get(line); if (!same || same.length === 0) return line.trim() !== ''; same.pop(); return false })
}
