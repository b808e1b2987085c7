import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

interface Manifest { readonly name: string; readonly version: string; readonly license?: string | { readonly type?: string }; readonly licenses?: readonly { readonly type?: string }[]; readonly description?: string }
interface Component { readonly name: string; readonly version: string; readonly licence: string; readonly folder: string }

async function componentOf(root: string, folder: string): Promise<Component> {
  const { name, version, license, licenses } = JSON.parse(await readFile(path.join(root, folder, 'package.json'), 'utf8')) as Manifest
  const licence = typeof license === 'string' ? license : license?.type ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'NOASSERTION'
  return { name, version, licence, folder }
}

/** What is in the bundle and nothing else; Node itself belongs to it. */
async function componentsOf(root: string, packages: readonly string[]): Promise<readonly Component[]> {
  const found = await Promise.all(packages.map((folder) => componentOf(root, folder)))
  const unique = new Map(found.map((each) => [`${each.name}@${each.version}`, each]))
  return [...unique.values()].toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1))
}

const purl = ({ name, version }: Pick<Component, 'name' | 'version'>): string => `pkg:npm/${name.replace('@', '%40')}@${version}`

/**
 * CycloneDX 1.6. `npm sbom` tells what is installed; this tells what esbuild took in, which is less, and Node, which npm does not know as such.
 * `epochS`: SOURCE_DATE_EPOCH, so that two builds give one text.
 */
export async function billOfMaterials(root: string, packages: readonly string[], about: { readonly version: string; readonly node: string; readonly epochS: number }): Promise<object> {
  const components = await componentsOf(root, packages)
  const self = { type: 'application', 'bom-ref': `linli@${about.version}`, name: 'linli', version: about.version, licenses: [{ expression: 'Apache-2.0' }] }
  const entries = components.map((each) => ({
    type: 'library', 'bom-ref': purl(each), name: each.name, version: each.version, purl: purl(each),
    ...(each.licence === 'NOASSERTION' ? {} : { licenses: [/ (OR|AND) |^\(/.test(each.licence) ? { expression: each.licence } : { license: { id: each.licence } }] }),
  }))
  const node = { type: 'platform', 'bom-ref': `node@${about.node}`, name: 'node', version: about.node, purl: `pkg:github/nodejs/node@v${about.node}`, licenses: [{ license: { id: 'MIT' } }] }
  return {
    bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { timestamp: new Date(about.epochS * 1_000).toISOString(), component: self }, components: [...entries, node],
    dependencies: [{ ref: self['bom-ref'], dependsOn: [...entries, node].map((each) => each['bom-ref']) }],
  }
}

/** debian/copyright: ours, then each package's own licence text. */
export async function copyrightText(root: string, packages: readonly string[]): Promise<string> {
  const parts: string[] = []
  for (const { name, version, licence, folder } of await componentsOf(root, packages)) {
    const file = (await readdir(path.join(root, folder))).find((each) => /^(licen[cs]e|copying)/i.test(each))
    parts.push(`${'-'.repeat(78)}\n${name} ${version} (${licence})\n\n${file ? (await readFile(path.join(root, folder, file), 'utf8')).trim() : 'The package carries no licence text.'}\n`)
  }
  return `Linli is under the Apache License 2.0; on Debian see /usr/share/common-licenses/Apache-2.0.\nNode.js: /usr/lib/linli/LICENSE.node. It contains these packages:\n\n${parts.join('\n')}`
}
