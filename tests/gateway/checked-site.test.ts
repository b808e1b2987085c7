import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { readSite, type Site } from '../../gateway/cli/rooms.ts'
import { keepChecked, takeChecked, type SiteSource } from '../../gateway/main/checked-site.ts'
import { root } from '../support/architecture.ts'
import { tempFolder } from '../support/resources.ts'

const head = ['linli: 2', 'site: { id: s1, region: "420106", name: { zh: 站, en: site } }']
const store = 'store: { path: ./kept }'
const rest = [
  'places: { hall: { zh: 大厅, en: hall } }',
  'connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: 1502 }]',
  'devices: [{ id: hall, place: hall, name: { zh: 厅, en: hall }, connection: line, profile: xy-md02, unitId: 1 }]',
  'schedules: [{ id: office, weekly: ["mon-fri 09:00-17:00"] }]', 'calendar: { holidays: ["2026-10-01..2026-10-07"] }',
  'rules: [{ id: heat, kind: library, use: server-room-heat, with: { temperature: hall.temperature } }]', '',
]
const words = (where = store): string => [...head, where, ...rest].join('\n')

/** A site file in a folder of its own, with its store. */
async function lying(text = words()): Promise<{ readonly source: SiteSource; readonly site: Site; readonly kept: string }> {
  const file = path.join(await tempFolder(), 'site.yaml')
  await writeFile(file, text)
  const site = await readSite(file)
  await mkdir(site.store.path, { recursive: true })
  return { source: { file, bytes: await readFile(file), build: 'this' }, site, kept: path.join(site.store.path, 'checked-site') }
}

describe('a checked site file', () => {
  it('comes back as it was read: values, maps, rules of the library, and nothing in it can be changed', async () => {
    const { source, site } = await lying()
    expect(takeChecked(source)).toBeNull()
    await keepChecked(source, site)
    const taken = takeChecked(source)
    expect(taken).toStrictEqual(site)
    expect(taken!.library.get('heat')).toHaveLength(2)
    expect(taken!.facility.places!.get('hall')).toEqual({ zh: '大厅', en: 'hall' })
    expect(() => { (taken as { warnings: unknown }).warnings = [] }).toThrow(TypeError)
    expect(() => { (taken!.connections[0]!.devices as unknown[]).push(1) }).toThrow(TypeError)
  })

  it('of all drivers and rules comes back as it was read', async () => {
    const folder = await tempFolder()
    await cp(path.join(root, 'firmware-config/demo'), folder, { recursive: true })
    const file = path.join(folder, 'site.yaml')
    const source = { file, bytes: await readFile(file), build: 'this' }
    const site = await readSite(file)
    await mkdir(site.store.path, { recursive: true })
    await keepChecked(source, site)
    expect(takeChecked(source)).toStrictEqual(site)
  })

  it('is found wherever the file puts the store', async () => {
    for (const where of [store, 'store: { path: "./kept" }', 'store:\n  path: kept', "store:\n  # where\n\n  path: './kept'   # here", `store: {path: ${path.join(await tempFolder(), 'far')}}`, 'ledger: {}']) {
      const { source, site } = await lying(words(where))
      await keepChecked(source, site)
      expect([where, takeChecked(source)]).toStrictEqual([where, site])
    }
  })

  it('is nothing to another program, another text, another place, or a profile that came, changed or went', async () => {
    const { source, site } = await lying()
    const profiles = path.join(path.dirname(source.file), 'profiles')
    await keepChecked(source, site)
    expect(takeChecked({ ...source, build: 'other' })).toBeNull()
    expect(takeChecked({ ...source, build: null })).toBeNull()
    expect(takeChecked({ ...source, bytes: Buffer.from(`${words()}# one more word\n`) })).toBeNull()
    expect(takeChecked({ ...source, file: path.join(path.dirname(source.file), '.', 'other.yaml') })).toBeNull()
    await mkdir(profiles)
    await writeFile(path.join(profiles, 'mine.yaml'), 'profile: mine')
    expect(takeChecked(source)).toBeNull()
    await keepChecked(source, site)
    expect(takeChecked(source)).not.toBeNull()
    await writeFile(path.join(profiles, 'mine.yaml'), 'profile: mini')
    expect(takeChecked(source)).toBeNull()
  })

  it('is read anew where one byte of what was kept is another, or some are missing', async () => {
    const { source, site, kept } = await lying()
    await keepChecked(source, site)
    const whole = await readFile(kept)
    for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 200)) {
      const bad = Buffer.from(whole)
      bad[at]! ^= 1 << at % 8
      await writeFile(kept, bad)
      expect([at, takeChecked(source)]).toEqual([at, null])
      await writeFile(kept, whole.subarray(0, at))
      expect([at, takeChecked(source)]).toEqual([at, null])
    }
    await writeFile(kept, whole)
    expect(takeChecked(source)).toStrictEqual(site)
  })

  it('is not kept of a file that was changed while it was read, nor of what would not come back', async () => {
    const { source, site } = await lying()
    await writeFile(source.file, words().replace('420106', '420107'))
    await keepChecked(source, site)
    expect(takeChecked(source)).toBeNull()
    await writeFile(source.file, source.bytes)
    await keepChecked(source, { ...site, warnings: Object.assign([], { odd: new (class Odd { readonly n = 1 })() }) as unknown as string[] })
    expect(takeChecked(source)).toBeNull()
  })
})
