import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FoundDevice, Place } from '../../../drivers/modbus/scan/events.ts'
import { addEntries } from '../../../firmware-config/points-csv/index.ts'
import { addedLines } from '../../../gateway/main/discovery/draft.ts'
import { propose } from '../../../gateway/main/discovery/propose.ts'
import { discoveryDesk } from '../../../gateway/main/discovery/desk.ts'
import { saveProposal } from '../../../gateway/main/discovery/save.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { tempFolder } from '../../support/resources.ts'

const bus: Place = { transport: 'rtu', path: '/dev/serial/by-id/usb-1', setting: { baudRate: 19_200, parity: 'even', stopBits: 1 } }
const found = (unitId: number, profile: string | null, more: Partial<FoundDevice> = {}): FoundDevice => {
  const candidate = { profile: profile ?? 'sdm120', label: { zh: '电表', en: 'meter' }, score: profile ? 95 : 60, named: true, contradicted: false, why: [], against: [] }
  return { place: bus, unitId, says: {}, answers: [], turnaroundMs: 30, duplicate: false, identified: profile ? candidate : null, candidates: profile ? [] : [candidate], ...more }
}
const head = 'linli: 2\nsite: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }\n'
async function siteFile(text: string): Promise<string> { const file = path.join(await tempFolder(), 'site.yaml'); await writeFile(file, text); return file }

describe('what a scan puts into a site file', () => {
  it('is the identified devices and their line, behind what is there, which keeps every byte', async () => {
    const text = `${head}# my lines\nconnections:\n  - { id: bus, driver: modbus, host: 10.0.0.9 }   # the old one\n\n# end\n`
    const file = await siteFile(text)
    const proposal = await propose(file, text, [found(1, 'sdm120'), found(2, null), found(3, 'xy-md02', { turnaroundMs: 700 }), found(4, 'sdm120', { duplicate: true })])
    expect(addedLines(proposal)).toEqual([
      '  - { id: bus-2, driver: modbus, transport: rtu, path: /dev/serial/by-id/usb-1, baudRate: 19200, parity: even }',
      'devices:',
      '  - { id: sdm120-1, name: { zh: 电表 1, en: meter 1 }, connection: bus-2, profile: sdm120, unitId: 1 }',
      '  - { id: xy-md02-3, name: { zh: 电表 3, en: meter 3 }, connection: bus-2, profile: xy-md02, unitId: 3, timeout: 3s }',
    ])
    expect(proposal.left.map(({ unitId, why }) => [unitId, why])).toEqual([[2, expect.stringContaining('60 of 100')], [4, expect.stringContaining('two devices')]])
    expect(proposal.text.startsWith(text.slice(0, text.indexOf('\n\n# end')))).toBe(true)
    expect(await saveProposal(proposal)).toEqual({ backup: `${file}.bak` })
    expect(await readFile(`${file}.bak`, 'utf8')).toBe(text)
    const saved = await readSite(file)
    expect(saved.connections.map(({ id, devices }) => [id, devices.map((device) => device.id)])).toEqual([['bus', []], ['bus-2', ['sdm120-1', 'xy-md02-3']]])
    const desk = discoveryDesk({ site: saved, ports: async () => ['/dev/ttyUSB7'] })
    expect((await desk.view()).ports).toEqual([{ path: '/dev/serial/by-id/usb-1', usedBy: 'bus-2' }, { path: '/dev/ttyUSB7', usedBy: null }])
    const order = { kind: 'rtu', first: 1, last: 2, seconds: 30 } as const
    await expect(desk.start({ ...order, target: '/dev/serial/by-id/usb-1' })).rejects.toMatchObject({ code: 'SCAN_LINE_IN_USE' })
    await expect(desk.start({ ...order, target: '/etc/passwd' })).rejects.toMatchObject({ code: 'SCAN_TARGET' })
    const again = await propose(file, proposal.text, [found(1, 'sdm120')])
    expect([again.text, again.left[0]!.why]).toEqual([proposal.text, expect.stringContaining('already')])
    const other = await propose(file, proposal.text, [found(9, 'sdm120', { place: { ...bus, setting: { ...bus.setting, baudRate: 9_600 } } })])
    expect([other.devices, other.left[0]!.why]).toEqual([[], expect.stringContaining('another setting')])
  })
  it('is refused where the file changed meanwhile or cannot be read, and nothing is written', async () => {
    const file = await siteFile(head)
    const proposal = await propose(file, head, [found(1, 'sdm120')])
    await writeFile(file, `${head}# somebody else\n`)
    await expect(saveProposal(proposal)).rejects.toMatchObject({ code: 'SCAN_SAVE' })
    expect(await readFile(file, 'utf8')).toBe(`${head}# somebody else\n`)
    await expect(propose(file, 'linli: 2\n', [found(1, 'sdm120')])).rejects.toMatchObject({ problems: expect.anything() })
  })
  it('finds its place in lists of every kind', () => {
    const entry = [{ id: 'b' }]
    const add = (text: string) => addEntries(text, { devices: entry })
    expect(add('a: 1')).toBe('a: 1\ndevices:\n  - { id: b }\n')
    expect(add('devices: [{ id: a }] # c\nz: 1\n')).toBe('devices: [{ id: a }, { id: b }] # c\nz: 1\n')
    expect(add('devices:\r\n- id: a\r\n  points:\r\n    x: {} # c\r\n# d\r\nz: 1\r\n')).toBe('devices:\r\n- id: a\r\n  points:\r\n    x: {} # c\r\n- { id: b }\r\n# d\r\nz: 1\r\n')
    expect(add('devices: []\nz: 1\n')).toBe('devices:\n  - { id: b }\nz: 1\n')
    expect(add('devices: # none yet\nz: 1\n')).toBe('devices: # none yet\n  - { id: b }\nz: 1\n')
    expect(() => add('x: &x [{ id: a }]\ndevices: *x\n')).toThrow(expect.objectContaining({ code: 'POINTS_SHARED' }))
  })
})
