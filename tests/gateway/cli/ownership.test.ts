import { randomBytes } from 'node:crypto'
import { chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openPki } from '../../../drivers/opcua/pki.ts'
import { makeFolder, replaceFile } from '../../../gateway/kit/durable-file.ts'
import { silentLog, systemClock as clock } from '../../../gateway/kit/index.ts'
import { linli } from '../../support/command-line.ts'
import { tempFolder } from '../../support/resources.ts'

/** Another user, as the service is one. */
const nobody = { uid: 65_534, gid: 65_534 }
const asRoot = process.getuid?.() === 0 ? it : it.skip
if (process.getuid?.() !== 0) process.stderr.write('skipped, because only root writes files of others\n')

async function owners(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(folder, { recursive: true })
  return Object.fromEntries(await Promise.all(names.map(async (name) => { const { uid, gid } = await stat(path.join(folder, name)); return [name, `${uid}:${gid}`] as const })))
}
const strangers = async (folder: string): Promise<readonly string[]> => Object.entries(await owners(folder)).flatMap(([name, owner]) => (owner === '65534:65534' ? [] : [`${name} ${owner}`]))

describe('what root writes with sudo linli', () => {
  asRoot('belongs to the user whose folder it lies in: claim codes, the site’s authority, keys, residents’ codes, a pilot’s tokens', { timeout: 60_000 }, async () => {
    const folder = await tempFolder()
    const store = path.join(folder, 'store')
    const site = path.join(folder, 'site.yaml')
    await writeFile(site, ['linli: 2', 'site: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }', `store: { path: ${store} }`, 'console: { enabled: true, tls: site-ca, }', 'residents: { page: { enabled: true, listen: { port: 8099 }, url: "http://10.0.0.2" } }', 'places: { hall: { zh: 厅, en: hall } }', ''].join('\n'))
    await mkdir(store, { mode: 0o700 })
    await writeFile(path.join(store, 'site.key'), randomBytes(32), { mode: 0o600 })
    await Promise.all([folder, site, store, path.join(store, 'site.key')].map((each) => chown(each, nobody.uid, nobody.gid)))
    for (const args of [['claim', site], ['console-ca', site, '--renew'], ['qr', site], ['rotate-key', site, '--credentials'], ['ca', 'init', path.join(folder, 'ca'), '--name', 'pilot'], ['ca', 'token', path.join(folder, 'ca'), 'hall-1']]) {
      const { code, stderr } = await linli(...args)
      expect([args[0], code, stderr]).toEqual([args[0], 0, expect.anything()])
    }
    const made = Object.keys(await owners(folder))
    expect(made).toEqual(expect.arrayContaining(['store/console/claim.json', 'ca/ca.key']))
    expect(made.length).toBeGreaterThan(8)
    expect(await strangers(folder)).toEqual([])
  })
  asRoot('belongs to him also where a library writes it, and to all folders on the way', async () => {
    const folder = await tempFolder()
    await chown(folder, nobody.uid, nobody.gid)
    await (await openPki(path.join(folder, 'data/opcua'), { clock, log: silentLog() })).close()
    expect(Object.keys(await owners(folder))).toEqual(expect.arrayContaining(['data/opcua/own/private/private_key.pem']))
    expect(await strangers(folder)).toEqual([])
  })
  asRoot('is read by the group in a folder of root that is the group’s, such as /etc/linli', async () => {
    const folder = await tempFolder()
    await chown(folder, 0, nobody.gid)
    await makeFolder(path.join(folder, 'keys'))
    await replaceFile(path.join(folder, 'keys/box.key'), 'secret')
    const { uid, gid, mode } = await stat(path.join(folder, 'keys/box.key'))
    expect([uid, gid, (mode & 0o777).toString(8)]).toEqual([0, nobody.gid, '640'])
    expect(((await stat(path.join(folder, 'keys'))).mode & 0o777).toString(8)).toBe('750')
  })
})
