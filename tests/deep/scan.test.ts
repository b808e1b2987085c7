// Twelve devices on one real pty line at 9600 baud, every unit id, as an installer would: minutes of waiting that `npm test` has no time for.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect } from 'vitest'
import { startOpcuaSimulator } from '../../drivers/opcua/simulator.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { discoveryDesk } from '../../gateway/main/discovery/desk.ts'
import { scanLibrary } from '../../gateway/main/discovery/library.ts'
import { acceptance } from '../bench/scan.ts'
import { opcuaConfig } from '../drivers/opcua/support.ts'
import { linli } from '../support/command-line.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { tempFolder } from '../support/resources.ts'
import { startBus, strangers } from '../support/scan-bus.ts'
import { itWith } from '../support/tools.ts'

describe('a scan, at length', () => {
  const it = itWith('socat')
  it('names nine in ten of the known ones within three minutes of the line, nobody falsely, and writes nothing', { timeout: 400_000 }, async () => {
    const { recall, precision, busSeconds, writes, found, twins } = await acceptance()
    process.stderr.write(`scan: recall ${recall}, precision ${precision}, ${busSeconds} s of the line, ${found} found, ${writes} writes\n`)
    expect({ precision, writes, found, twins }).toEqual({ precision: 1, writes: 0, found: 12, twins: 0 })
    expect(recall).toBeGreaterThanOrEqual(0.9)
    expect(busSeconds).toBeLessThanOrEqual(180)
  })
  it('is a command: it shows values with their units, adds what it named to the site file, and that file reads the devices', { timeout: 120_000 }, async () => {
    const folder = await tempFolder()
    const library = await scanLibrary([])
    const line = path.join(folder, 'line')
    await using simulator = await startBus([{ unit: 2, profile: 'pzem-016' }, strangers[1]!(3)], library, { transport: 'rtu', path: line, host: undefined, baudRate: 9_600 })
    const site = path.join(folder, 'site.yaml')
    await writeFile(site, 'linli: 2\nsite: { id: hall, name: { zh: 厅, en: hall }, region: "420106" } # mine\n')
    const args = ['scan', 'rtu', simulator.where, '--units', '1-4', '--baud', '9600', '--parity', 'none', '--save', site]
    const asked = await linli(...args)
    expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/pzem-016[\s\S]*电压 \/ voltage +2\d\d\.\d V[\s\S]*nothing was written to any device[\s\S]*unit 3 .*not identified[\s\S]*\+ {3}- \{ id: pzem-016-2[\s\S]*nothing was written/) })
    expect(await readFile(site, 'utf8')).not.toContain('pzem')
    expect(await linli(...args, '--yes')).toMatchObject({ code: 0, stdout: expect.stringContaining('takes effect at the next start') })
    expect(await readFile(site, 'utf8')).toContain('# mine')
    expect((await linli('read', site, 'pzem-016-2.voltage')).stdout).toMatch(/2\d\d\.\d/)
    expect([...simulator.functions.keys()].filter((code) => code > 4 && code !== 17 && code !== 43)).toEqual([])
  })
  it('is a page\'s desk: one search at a time on a free port, a read before it is saved, and nothing of what was not identified', { timeout: 120_000 }, async () => {
    const folder = await tempFolder()
    await using simulator = await startBus([{ unit: 2, profile: 'pzem-016' }, strangers[1]!(3)], await scanLibrary([]), { transport: 'rtu', path: path.join(folder, 'line'), host: undefined, baudRate: 9_600 })
    const file = path.join(folder, 'site.yaml')
    await writeFile(file, 'linli: 2\nsite: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }\n')
    const desk = discoveryDesk({ site: await readSite(file), ports: async () => [simulator.where] })
    const order = { kind: 'rtu', target: simulator.where, first: 2, last: 3, seconds: 30 } as const
    await desk.start(order)
    await expect(desk.start(order)).rejects.toMatchObject({ code: 'SCAN_RUNNING' })
    await expect(desk.read({ id: '1' })).rejects.toMatchObject({ code: 'SCAN_RUNNING' })
    await expect.poll(async () => (await desk.view()).state, { timeout: 60_000 }).toBe('done')
    const { devices } = await desk.view()
    expect(devices.map(({ unitId, model }) => [unitId, model?.profile])).toEqual([[2, 'pzem-016'], [3, undefined]])
    await expect(desk.propose({ ids: ['1'], nodes: {} })).rejects.toMatchObject({ code: 'SCAN_NOT_READ' })
    await expect(desk.read({ id: '2' })).rejects.toMatchObject({ code: 'SCAN_TARGET' })
    expect((await desk.read({ id: '1' })).values!.find(({ id }) => id === 'voltage')).toMatchObject({ value: expect.closeTo(230, -1), unit: 'V' })
    expect(await desk.propose({ ids: ['1', '2'], nodes: {} })).toMatchObject({ writable: false, plan: null, devices: 1, left: [{ id: '2', why: expect.stringContaining('not identified') }] })
    // Nobody could put another gateway in its place here.
    await expect(desk.save({ ids: ['1'], nodes: {}, by: 'sun' })).rejects.toMatchObject({ code: 'CHANGE_UNAVAILABLE' })
  })
  it('asks an OPC UA server what it is and offers, and opens no session', { timeout: 60_000 }, async () => {
    await using server = await startOpcuaSimulator(opcuaConfig('opc.tcp://127.0.0.1:4840', { plc: { points: { a: { type: 'number', unit: 'Cel' } } } }), { clock: systemClock, random: () => 0.5 }, { port: 0 })
    const { code, stdout } = await linli('scan', 'opcua', server.where, '--pki', await tempFolder(), '--json')
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { found: [{ name: expect.any(String), endpoints: expect.arrayContaining([expect.objectContaining({ security: 'None' })]) }], failed: [] }])
  })
  itWith('mosquitto')('hears MQTT devices that announce themselves, and says which topics nobody explains', { timeout: 60_000 }, async () => {
    const { port } = await mosquitto()
    const publish = (topic: string, body: string) => linli('probe', 'mqtt', `127.0.0.1:${port}`, 'pub', topic, body)
    const listening = linli('scan', 'mqtt', `127.0.0.1:${port}`, '--for', '6s', '--json')
    for (let turn = 0; turn < 3; turn++) { await publish('shellies/announce', '{"id":"shellyplug-1","model":"SHPLG-S"}'); await publish('odd/topic', '1') }
    expect(JSON.parse((await listening).stdout)).toMatchObject({ announced: [{ kind: 'shelly', id: 'shellyplug-1' }], unmapped: expect.arrayContaining([{ topic: 'odd/topic', count: expect.any(Number) }]) })
  })
})
