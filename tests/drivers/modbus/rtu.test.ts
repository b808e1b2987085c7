import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modbusDriver } from '../../../drivers/modbus/driver.ts'
import { readRequest } from '../../../drivers/modbus/pdu.ts'
import { crc16, encodeRtu, matchReply } from '../../../drivers/modbus/rtu.ts'
import { startLibmodbusRtu } from '../../support/libmodbus.ts'
import { ptyPair } from '../../support/pty.ts'
import { runSession, testKit } from '../../support/sessions.ts'
import { itWith } from '../../support/tools.ts'
import { endure, tricks } from './hostile.ts'
import { modbusConfig } from './support.ts'

const onPty = itWith('socat')
const againstLibmodbus = itWith('socat', 'gcc')
const { signal } = new AbortController()

describe('RTU frames', () => {
  it('carry the CRC of the specification', () => {
    // Serial Line 1.02, appendix: 02 07 -> 41 12.
    expect(crc16(Buffer.of(0x02, 0x07)).toString(16)).toBe('1241')
    expect(encodeRtu(1, readRequest('holding', 0, 1)).toString('hex')).toBe('010300000001840a')
  })
  const request = readRequest('input', 0, 4)
  const reply = encodeRtu(7, Buffer.from('0408000100020003ffff', 'hex'))
  const foreign = fc.constantFrom(encodeRtu(0, Buffer.from('0600010002', 'hex')), encodeRtu(9, Buffer.from('0402abcd', 'hex')), encodeRtu(7, Buffer.from('04021234', 'hex')), encodeRtu(3, readRequest('coil', 0, 9)))
  it('are found behind the frames of others and a glitch, wherever the stream is cut', () => {
    fc.assert(fc.property(fc.array(foreign, { maxLength: 3 }), fc.uint8Array({ maxLength: 2 }).filter((bytes) => !bytes.includes(7)), (before, glitch) => {
      const match = matchReply(7, request, Buffer.concat([...before, glitch, reply]))
      expect(match).toMatchObject({ kind: 'reply', foreign: before.length, noise: glitch.length })
      expect(match.kind === 'reply' && match.pdu.toString('hex')).toBe('0408000100020003ffff')
      for (let cut = 0; cut < reply.length; cut++) expect(matchReply(7, request, Buffer.concat([...before, glitch, reply.subarray(0, cut)])).kind).toBe('more')
    }))
  })
  it('of another shape, another unit, a wrong CRC or a lying byte count are never taken', () => {
    for (const wrong of [encodeRtu(8, Buffer.from('0408000100020003ffff', 'hex')), encodeRtu(7, Buffer.from('0406000100020003', 'hex')), encodeRtu(7, Buffer.from('0308000100020003ffff', 'hex')), encodeRtu(7, Buffer.from('0406000100020003ffff', 'hex'))]) expect(matchReply(7, request, wrong).kind).toBe('more')
    fc.assert(fc.property(fc.nat(reply.length * 8 - 1), (bit) => {
      const damaged = Buffer.from(reply)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(matchReply(7, request, damaged).kind).toBe('more')
    }))
  })
  it('that hide a whole answer inside a longer frame are not looked into', () => {
    const inside = encodeRtu(9, Buffer.concat([Buffer.from('1000000008', 'hex'), Buffer.of(16), reply, Buffer.alloc(16 - reply.length)]))
    expect(matchReply(7, request, inside).kind).toBe('more')
    expect(matchReply(7, request, Buffer.concat([Buffer.alloc(10, 0x55), reply])).kind).toBe('more')
  })
  it('that come twice are nobody\'s', () => { expect(matchReply(7, request, Buffer.concat([reply, reply])).kind).toBe('doubtful') })
  it('any bytes: an answer, more, or doubt, and never an exception', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => { expect(['more', 'reply', 'doubtful']).toContain(matchReply(7, request, Buffer.from(bytes)).kind) }))
  })
})

const rtu = (path: string, more: object = {}) => ({ transport: 'rtu', host: undefined, path, baudRate: 115_200, ...more })

describe('a serial line with libmodbus at its other end', () => {
  for (const parity of ['none', 'even'] as const) {
    againstLibmodbus(`reads two units with parity ${parity}, and writes`, async () => {
      const { gateway, device } = await ptyPair()
      await startLibmodbusRtu(device, { parity: parity === 'even' ? 'E' : 'N', units: [1, 2] })
      const points = { temperature: { table: 'input', register: 1, format: 's16' }, volt: { table: 'input', register: 10, format: 'f32' }, contact: { table: 'discrete', register: 3 }, relay: { table: 'coil', register: 2, writable: true }, set: { table: 'holding', register: 5, format: 's16', writable: true } }
      const config = modbusConfig(1, { a: { unitId: 1, points }, b: { unitId: 2, points } }, rtu(gateway, { parity, timeout: '2s' }))
      const running = await runSession(modbusDriver, config)
      await expect.poll(() => [running.last('a.volt')?.raw, running.last('b.temperature')?.raw, running.last('b.contact')?.raw]).toEqual([230.1, -215, true])
      await running.session.write!(config.devices[1]!.points[3]!, true, signal)
      await running.session.write!(config.devices[1]!.points[4]!, 0, signal)
      await expect.poll(() => [running.last('b.relay')?.raw, running.last('b.set')?.raw]).toEqual([true, 0])
      expect(running.session.statistics!()).toMatchObject({ timeouts: 0, crcErrors: 0, framingErrors: 0, foreignFrames: 0 })
      expect(running.session.deviceStatistics!().a!.turnaroundP50).toBeGreaterThan(0)
    })
  }
  againstLibmodbus('isolates a unit that is not there, and the line says who', async () => {
    const { gateway, device } = await ptyPair()
    await startLibmodbusRtu(device, { units: [1] })
    const points = { t: { table: 'input', register: 1 } }
    const running = await runSession(modbusDriver, modbusConfig(1, { here: { unitId: 1, points }, gone: { unitId: 9, points } }, rtu(gateway, { timeout: '40ms' })))
    await expect.poll(() => running.state('gone')).toMatchObject({ state: 'offline', reason: 'MODBUS_TIMEOUT', detail: expect.stringContaining('gone (unit 9)') })
    await expect.poll(() => running.state('here')).toMatchObject({ state: 'online' })
    expect(running.last('here.t')).toMatchObject({ quality: 'good' })
  })
  onPty('ends with a reason that names the port when the adapter is pulled, so that the supervisor opens it again', async () => {
    const { gateway, unplug } = await ptyPair()
    const running = await runSession(modbusDriver, modbusConfig(1, { d: { unitId: 1, points: { t: { table: 'input', register: 1 } } } }, rtu(gateway)))
    unplug()
    expect(await running.ended).toMatchObject({ code: 'MODBUS_CLOSED', message: expect.stringContaining(gateway) })
  })
  it('that is not there is refused with what to look at', async () => {
    const config = modbusConfig(1, { d: { unitId: 1, points: {} } }, rtu('/dev/serial/by-id/usb-nothing'))
    await expect(modbusDriver.connect(config, testKit(), signal)).rejects.toMatchObject({ code: 'MODBUS_PORT', message: expect.stringMatching(/by-id\/usb-nothing.*group dialout/) })
  })
})

describe('a hostile serial line', () => {
  for (const trick of tricks) onPty(`(${trick}) never gives a point another register's value`, async () => { expect(await endure([trick], 12)).toEqual([]) })
})
