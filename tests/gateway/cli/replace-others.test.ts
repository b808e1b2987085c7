import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { assertKnown, readdressed, type NewAddress, type Replaced } from '../../../gateway/cli/replace-address.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { tempFolder } from '../../support/resources.ts'

describe('linli replace', () => {
  const others = `linli: 2
site: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }
connections:
  - { id: plant, driver: opcua, endpoint: "opc.tcp://10.0.0.5:4840", security: None } # the boiler
  - { id: pins, driver: gpio }
devices:
  - { id: boiler, name: { zh: 炉, en: boiler }, connection: plant, root: Boiler1, points: { t: { name: { zh: 温, en: t }, type: number, node: "ns=2;s={root}.T" } } }
  - id: doors
    name: { zh: 门, en: doors }
    connection: pins
    points:
      east: { name: { zh: 东, en: east }, type: boolean, line: 17 } # left
      west: { name: { zh: 西, en: west }, type: boolean, line: 27 }
`
  async function changed(id: string, wanted: NewAddress): Promise<string> {
    const file = path.join(await tempFolder(), 'site.yaml')
    await writeFile(file, others)
    const { connections } = await readSite(file)
    const connectionAt = connections.findIndex(({ devices }) => devices.some((device) => device.id === id))
    const target: Replaced = { connection: connections[connectionAt]!, device: connections[connectionAt]!.devices[0]!, connectionAt, deviceAt: id === 'boiler' ? 0 : 1 }
    assertKnown(target, wanted)
    const text = await readdressed(file, others, target, wanted)
    await readSite(file, { text })
    return text
  }
  it('of an OPC UA device writes its new server and root, of GPIO its new line at the point that is named, and every other byte stays', async () => {
    expect(await changed('boiler', { endpoint: 'opc.tcp://10.0.0.6:4840', root: 'Boiler2' })).toBe(others.replace('"opc.tcp://10.0.0.5:4840"', 'opc.tcp://10.0.0.6:4840').replace('root: Boiler1', 'root: Boiler2'))
    expect(await changed('doors', { line: ['east=22', 'west=GPIO5'] })).toBe(others.replace('line: 17', 'line: 22').replace('line: 27', 'line: GPIO5'))
    await expect(changed('doors', { line: ['22'] })).rejects.toMatchObject({ code: 'REPLACE_USAGE', message: expect.stringContaining('say of which point, such as --line east=22; doors has east, west') })
    await expect(changed('doors', { line: ['east=27'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('line 27 is already point') })
    await expect(changed('boiler', { line: ['17'] })).rejects.toMatchObject({ code: 'REPLACE_USAGE', message: expect.stringContaining('driver opcua, which has no --line LINE; for it there are --endpoint WHERE, --root NODE, --serial NUMBER') })
  })
})
