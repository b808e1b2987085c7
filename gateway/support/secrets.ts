import path from 'node:path'
import type { SecretRef } from '../contract/index.ts'
import { readSecret } from '../kit/index.ts'
import { isReference, isSecretName, type Known } from './scrub.ts'

export interface KnownOptions {
  /** By default the roster that stands in it. */
  readonly persons?: readonly { readonly id: string; readonly name: unknown }[]
  /** Of the site file, where paths are still relative to it. */
  readonly folder?: string
}

const maxValues = 5_000
const maxLength = 4_096

/**
 * What a site file, parsed or as it stands, knows to be secret: every reference to a secret, read; whatever stands in clear under a name such as
 * `password`; and the people. Never throws: a secret that cannot be read is in no log either.
 */
export async function knownOf(site: unknown, { persons = peopleOf(site), folder }: KnownOptions = {}): Promise<Known> {
  const found = { references: new Map<string, SecretRef>(), plain: new Set<string>() }
  collect(site, '', found, new Set())
  const read = await Promise.all([...found.references.values()].map((reference) => readSecret('file' in reference && folder !== undefined ? { file: path.resolve(folder, reference.file) } : reference).catch(() => null)))
  const secrets = [...read.filter((secret) => secret !== null), ...found.plain].map((secret) => secret.slice(0, maxLength))
  return { secrets: [...new Set(secrets)].slice(0, maxValues), people: persons.slice(0, maxValues).map(({ id, name }) => ({ id, names: namesOf(name) })) }
}

interface Found { readonly references: Map<string, SecretRef>; readonly plain: Set<string> }

function collect(value: unknown, name: string, found: Found, seen: Set<unknown>): void {
  if (found.references.size + found.plain.size >= maxValues) return
  if (typeof value === 'string') { if (isSecretName(name) && !isReference(value)) found.plain.add(value); return }
  if (typeof value === 'number') { if (isSecretName(name) && value >= 1_000) found.plain.add(String(value)); return }
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  const reference = referenceOf(value)
  if (reference) { found.references.set(JSON.stringify(reference), reference); return }
  if (Array.isArray(value)) for (const item of value) collect(item, name, found, seen)
  // A header's value may be anything; those that are no secret are short words.
  else for (const [key, item] of Object.entries(value)) collect(item, name === 'headers' ? 'token' : isSecretName(name) && typeof item !== 'object' ? name : key, found, seen)
}

function referenceOf(value: object): SecretRef | null {
  if (Object.keys(value).length !== 1) return null
  if ('env' in value && typeof value.env === 'string') return { env: value.env }
  return 'file' in value && typeof value.file === 'string' ? { file: value.file } : null
}

/** The roster of a site file as it stands; nobody where there is none. */
function peopleOf(site: unknown): readonly { readonly id: string; readonly name: unknown }[] {
  const list: unknown = typeof site === 'object' && site !== null && 'people' in site ? site.people : []
  return Array.isArray(list) ? list.flatMap((person: unknown) => (typeof person === 'object' && person !== null && 'id' in person && typeof person.id === 'string' && 'name' in person ? [{ id: person.id, name: person.name }] : [])) : []
}

const namesOf = (name: unknown): readonly string[] =>
  (typeof name === 'string' ? [name] : typeof name === 'object' && name !== null ? Object.values(name) : []).filter((each): each is string => typeof each === 'string' && each.length >= 2)
