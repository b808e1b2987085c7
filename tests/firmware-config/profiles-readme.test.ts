import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { lintProfile } from '../../firmware-config/site/index.ts'
import { readSite, roomSchemas } from '../../gateway/cli/rooms.ts'
import { pointKeys } from '../../firmware-config/site/schema.ts'
import { root } from '../support/architecture.ts'
import { tempFolder } from '../support/resources.ts'

const text = await readFile(path.join(root, 'firmware-config/profiles/README.md'), 'utf8')
const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block!)
const profiles = new Map(blocks.flatMap((block) => { const name = /^profile: (\S+)/.exec(block)?.[1]; return name ? [[name, block]] : [] }))

describe('the page about profiles', () => {
  it('shows a profile for every driver', () => { expect([...profiles.values()].map((block) => /driver: (\w+)/.exec(block)![1]).toSorted()).toEqual(['gpio', 'modbus', 'mqtt', 'opcua']) })
  for (const [name, block] of profiles) {
    it(`shows ${name} as the linter wants it`, async () => {
      const driver = /driver: (\w+)/.exec(block)![1]!
      expect(Object.keys(roomSchemas.drivers)).toContain(driver)
      const file = path.join(await tempFolder(), `${name}.yaml`)
      await writeFile(file, block)
      expect((await lintProfile(file, roomSchemas.drivers)).problems.map((problem) => problem.text)).toEqual([])
    })
  }
  it('shows a site file that is valid with it', async () => {
    const folder = await tempFolder()
    await mkdir(path.join(folder, 'profiles'))
    await writeFile(path.join(folder, 'profiles/acme-co2.yaml'), profiles.get('acme-co2')!)
    await writeFile(path.join(folder, 'site.yaml'), blocks.find((block) => block.startsWith('linli: 2'))!)
    const [device] = (await readSite(path.join(folder, 'site.yaml'))).connections[0]!.devices
    expect(device!.points.map(({ id, deadband }) => [id, deadband])[0]).toEqual(['hall-air.co2', 100])
  })
  it('knows every common key of a point', () => { for (const key of Object.keys(pointKeys.shape)) if (key !== 'effect') expect(text).toContain(`\`${key}\``) })
})
