import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startModbusSimulator, type ModbusSimulatorOptions } from '../../../drivers/modbus/simulator.ts'
import { readRequest, writeRegisterRequest } from '../../../drivers/modbus/pdu.ts'
import { encodeRtu } from '../../../drivers/modbus/rtu.ts'
import { assertReadOnly } from '../../../drivers/modbus/scan/read-only.ts'
import { readTest } from '../../../drivers/modbus/scan/read-test.ts'
import { TcpScanLine } from '../../../drivers/modbus/scan/tcp-scan-line.ts'
import { isPrivate, targetsOf } from '../../../drivers/modbus/scan/tcp-range.ts'
import { scanTcp } from '../../../drivers/modbus/scan/tcp-scan.ts'
import type { FoundDevice } from '../../../drivers/modbus/scan/events.ts'
import { scanLibrary } from '../../../gateway/main/discovery/library.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { ptyPair, serialPeer } from '../../support/pty.ts'
import { busOf, fillBus, startBus, strangers, type BusDevice } from '../../support/scan-bus.ts'
import { ptyScan, runScan, settingOf } from '../../support/scan-lines.ts'
import { seededRandom } from '../../support/seed.ts'
import { itWith } from '../../support/tools.ts'

const onPty = itWith('socat')
const library = await scanLibrary([])
const fast = { baudRate: 115_200, parity: 'none', stopBits: 1 } as const
const quick = { settings: [fast], timeoutMs: 120, listenMs: 250 }

async function bus(devices: readonly BusDevice[], options: ModbusSimulatorOptions = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'linli-scan-'))
  const simulator = await startBus(devices.map((device) => ({ turnaround: '1ms', ...device })), library, { transport: 'rtu', path: path.join(folder, 'line'), host: undefined, baudRate: 115_200 }, options)
  onTestFinished(async () => { await simulator[Symbol.asyncDispose](); await rm(folder, { recursive: true, force: true }) })
  return simulator
}
const named = (devices: readonly FoundDevice[]): readonly (readonly [unit: number, profile: string | null])[] => devices.map(({ unitId, identified }) => [unitId, identified?.profile ?? null])

describe('a scan of a serial line', () => {
  onPty('names the models it knows, says of the others what they answer, and writes nothing', async () => {
    const simulator = await bus([{ unit: 2, profile: 'pzem-016' }, { unit: 3, profile: 'orno-we-514' }, strangers[2]!(4)])
    const { devices, events } = await runScan(ptyScan(simulator.where, library, { ...quick, units: { first: 2, last: 5 } }))
    expect(named(devices)).toEqual([[2, 'pzem-016'], [3, 'orno-we-514'], [4, null]])
    expect(devices[0]!.identified!.why.join('; ')).toMatch(/unit id .*holding 2.*; .*keep "V·I·PF = P"/)
    expect(devices[2]!.answers).toEqual(expect.arrayContaining([expect.stringMatching(/^FC4 0/)]))
    expect([...simulator.functions.keys()].filter((code) => ![1, 2, 3, 4, 17, 43].includes(code))).toEqual([])
    expect(events.at(-1)).toMatchObject({ kind: 'done', text: '3 found' })
    const shares = events.flatMap((event) => (event.kind === 'progress' ? [event.share] : []))
    expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true)
  })
  onPty('tries one setting after the other, stays at the one where somebody answers, and finds a device whose answers are late', async () => {
    let heard = ''
    const simulator = await bus([{ unit: 3, holds: [['holding', 0, 7]] }, { unit: 5, turnaround: '80ms' }], { hears: () => heard === '19200' })
    const settings = [fast, { ...fast, baudRate: 19_200 }, { ...fast, baudRate: 4_800 }]
    const { devices, events } = await runScan(ptyScan(simulator.where, [], { settings, timeoutMs: 50, listenMs: 20, units: { first: 3, last: 5 } }, (setting) => { heard = String(setting.baudRate) }))
    expect(devices.map((device) => [device.unitId, settingOf(device), device.duplicate])).toEqual([[3, '19200 8N1', false], [5, '19200 8N1', false]])
    expect(heard).toBe('19200')
    expect(events.at(-1)).toMatchObject({ text: expect.stringContaining('other settings were not tried after 19200 8N1') })
  })
  onPty('tells two devices with one unit id, and believes neither', async () => {
    const simulator = await bus([{ unit: 2, profile: 'pzem-016' }, { unit: 2, profile: 'pzem-016', turnaround: '12ms' }, { unit: 3, holds: [['holding', 0, 1]] }])
    const { devices } = await runScan(ptyScan(simulator.where, library, { ...quick, timeoutMs: 60, listenMs: 20, units: { first: 2, last: 3 } }))
    expect(devices.map(({ unitId, duplicate, identified }) => [unitId, duplicate, identified])).toEqual([[2, true, null], [3, false, null]])
  })
  onPty('does not take an answer that comes after it has given up for another master', async () => {
    const simulator = await bus([{ unit: 3, turnaround: '180ms' }])
    const { devices } = await runScan(ptyScan(simulator.where, [], { ...quick, timeoutMs: 100, listenMs: 20, units: { first: 3, last: 3 } }))
    expect(devices.map(({ unitId }) => unitId)).toEqual([3])
  })
  onPty('stops before its first request when another master speaks, and says what it heard', async () => {
    const { gateway, device } = await ptyPair()
    const peer = await serialPeer(device, () => {})
    const talk = setInterval(() => peer.write(encodeRtu(9, readRequest('holding', 0, 2))), 20)
    onTestFinished(() => clearInterval(talk))
    await expect(runScan(ptyScan(gateway, [], quick))).rejects.toMatchObject({ code: 'SCAN_OTHER_MASTER', message: expect.stringContaining('unit 9') })
    expect(peer.heard).toEqual([])
  })
  onPty('ends with a reason when the adapter is pulled', async () => {
    const { gateway, device, unplug } = await ptyPair()
    await serialPeer(device, () => unplug())
    await expect(runScan(ptyScan(gateway, [], { ...quick, listenMs: 20 }))).rejects.toMatchObject({ code: 'MODBUS_CLOSED', message: expect.stringContaining('adapter') })
  })
  onPty('that is stopped keeps what it found', async () => {
    const simulator = await bus([{ unit: 1, holds: [['holding', 0, 1]] }])
    const stop = new AbortController()
    const options = ptyScan(simulator.where, [], quick)
    const { devices, events } = await runScan({ ...options, placeOf: (setting) => { stop.abort(); return options.placeOf(setting) } }, stop.signal)
    expect(devices.map(({ unitId }) => unitId)).toEqual([1])
    expect(events.at(-1)).toMatchObject({ kind: 'done', text: expect.stringContaining('stopped') })
  })
  it('has no way to write', () => {
    for (const pdu of [writeRegisterRequest(0, 1), Buffer.of(5, 0, 0, 0xff, 0), Buffer.of(15), Buffer.of(16), Buffer.of(22), Buffer.of(23), Buffer.of(43, 13), Buffer.of(8), Buffer.alloc(0)]) expect(() => assertReadOnly(pdu)).toThrow(expect.objectContaining({ code: 'SCAN_READ_ONLY' }))
  })
})

describe('a scan of Modbus TCP', () => {
  const resolve = async (name: string): Promise<readonly string[]> => ({ 'meter.lan': ['192.168.1.9'], 'far.example': ['93.184.216.34'] })[name] ?? []
  const range = (text: string, anyNetwork = false) => targetsOf(text, { anyNetwork, resolve })
  it('asks only where it is told, in the building\'s own networks, judged after names are resolved', async () => {
    expect((await range('192.168.1.20-22:1502, meter.lan')).map(({ address, port }) => `${address}:${port}`)).toEqual(['192.168.1.20:1502', '192.168.1.21:1502', '192.168.1.22:1502', '192.168.1.9:502'])
    expect(await range('10.0.0.0/30')).toHaveLength(2)
    for (const wrong of ['8.8.8.8', 'far.example', '10.0.0.0/8', '192.168.1.9-3', '192.168.1.0/33', 'nobody.lan', '', '1.2.3', 'a b']) await expect(range(wrong), wrong).rejects.toMatchObject({ code: 'SCAN_RANGE' })
    expect(await range('8.8.8.8', true)).toHaveLength(1)
    expect(['10.1.2.3', '172.16.0.1', '172.32.0.1', '192.168.0.1', '11.0.0.1', '127.0.0.1'].map(isPrivate)).toEqual([true, true, false, true, false, true])
  })
  it('names devices behind it, stops asking a host that has no more, and writes nothing', async () => {
    const config = busOf([{ unit: 1, profile: 'sdm120' }, { unit: 2, profile: 'iem3000' }], library, { transport: 'tcp', host: '127.0.0.1' })
    await using simulator = await startModbusSimulator(config, { clock: systemClock, random: seededRandom() }, { port: 0, strict: true })
    simulator.set('d1.holding-49', 'iEM3155'); simulator.set('d1.frequency', 50); simulator.set('d1.voltage-l1', 230.5)
    simulator.set('d0.holding-64514', 0x20); simulator.set('d0.voltage', 229.5); simulator.set('d0.frequency', 49.98)
    const found: FoundDevice[] = []
    const targets = await range(`127.0.0.1:${simulator.port}, 127.0.0.1:1`)
    for await (const event of scanTcp({ targets, units: { first: 1, last: 50 }, timeoutMs: 60, connectMs: 500, library, clock: systemClock }, new AbortController().signal)) if (event.kind === 'found') found.push(event.device)
    expect(named(found)).toEqual([[1, 'sdm120'], [2, 'iem3000']])
    expect([...simulator.functions.keys()].filter((code) => code > 4 && code !== 17 && code !== 43)).toEqual([])
  })
})

describe('the live read test', () => {
  it('gives every point in its unit, a reason where there is no value, and says when the values cannot be', async () => {
    const devices = [{ unit: 1, profile: 'pzem-016' }]
    const config = busOf(devices, library, { transport: 'tcp', host: '127.0.0.1' })
    await using simulator = await startModbusSimulator(config, { clock: systemClock, random: seededRandom() }, { port: 0, strict: true })
    fillBus(simulator, config, devices, seededRandom())
    await using line = await TcpScanLine.open('127.0.0.1', simulator.port, 2_000, systemClock)
    const model = library.find(({ name }) => name === 'pzem-016')!
    const { points, finding } = await readTest(line, 1, model, 2_000)
    expect([points.find(({ id }) => id === 'frequency'), finding]).toEqual([{ id: 'frequency', name: { zh: '频率', en: 'frequency' }, value: 50, unit: 'Hz' }, null])
    const wrong = { ...model, points: model.points.map((point) => (point.id.endsWith('.power') ? { ...point, address: { ...point.address, wordOrder: 'big' as const } } : point)) }
    expect((await readTest(line, 1, wrong, 2_000)).finding).toMatchObject({ code: 'DECODE_WORD_ORDER', remedies: [{ wordOrder: 'little' }] })
    const elsewhere = { ...model, points: model.points.map((point) => (point.id.endsWith('.energy') ? { ...point, address: { ...point.address, register: 900 } } : point)) }
    expect((await readTest(line, 1, elsewhere, 2_000)).points.find(({ id }) => id === 'energy')).toMatchObject({ value: null, reason: 'MODBUS_ILLEGAL_ADDRESS' })
  })
})
