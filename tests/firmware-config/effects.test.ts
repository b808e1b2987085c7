import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { SiteError } from '../../firmware-config/site/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { tempFolder } from '../support/resources.ts'

async function load(effect: string) {
  const file = path.join(await tempFolder(), 'site.yaml')
  await writeFile(file, `linli: 2
site: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }
connections:
  - { id: line, driver: modbus, host: 10.0.0.5 }
devices:
  - id: door
    name: { zh: 门, en: door }
    connection: line
    unitId: 1
    points:
      unlock: { name: { zh: 开, en: unlock }, type: boolean, table: coil, register: 0, writable: true, cityWrite: true, effect: ${effect} }
      open: { name: { zh: 磁, en: contact }, type: boolean, table: discrete, register: 0 }
`)
  return readSite(file)
}
async function problems(effect: string): Promise<string[]> {
  try { await load(effect) } catch (error) { return (error as SiteError).problems.map(({ text }) => text.replace(/^.*\/(?=[^/]*\.yaml:)/, '')) }
  return []
}

describe('the effect of a point', () => {
  it('names a contact of the same device without its device, and belongs to true by default', async () => {
    const [device] = (await load('{ point: open, equals: true, within: 2s }')).connections[0]!.devices
    expect(device!.points[0]!.effect).toEqual({ point: 'door.open', equals: true, withinMs: 2_000, when: true })
  })
  it.each([
    ['{ point: opne, equals: true }', /site\.yaml:11:\d+ .*no point "door\.opne"; did you mean "door\.open"\?/],
    ['{ point: door.open, equals: 1 }', /door\.open is a boolean/],
    ['{ point: open, equals: true, when: 1 }', /door\.unlock is a boolean/],
    ['{ point: unlock, equals: true }', /cannot be its own contact/],
    ['{ point: open }', /equals/],
    ['{ point: open, equals: true, withn: 2s }', /withn/],
  ])('is checked: %s', async (effect, message) => {
    expect(await problems(effect)).toEqual([expect.stringMatching(message)])
  })
})
