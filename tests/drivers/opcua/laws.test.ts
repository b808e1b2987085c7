import { DataType, StatusCodes, Variant, VariantArrayType } from 'node-opcua-client'
import fc from 'fast-check'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { diagnose, type Facts } from '../../../drivers/opcua/doctor.ts'
import { opcuaDriver } from '../../../drivers/opcua/driver.ts'
import { nodeOf } from '../../../drivers/opcua/nodes.ts'
import { opcuaSchemas, parseNode } from '../../../drivers/opcua/schema.ts'
import { startOpcuaSimulator } from '../../../drivers/opcua/simulator.ts'
import { statusNameOf, verdictOf } from '../../../drivers/opcua/status.ts'
import { decodeVariant, encodeElement, encodeVariant, expectedOf, timeOf } from '../../../drivers/opcua/values.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { freePort } from '../../support/resources.ts'
import { runSession, testKit } from '../../support/sessions.ts'
import { opcuaConfig } from './support.ts'

const ranges: readonly (readonly [DataType, number, number])[] = [
  [DataType.SByte, -128, 127], [DataType.Byte, 0, 255], [DataType.Int16, -32_768, 32_767], [DataType.UInt16, 0, 65_535], [DataType.Int32, -(2 ** 31), 2 ** 31 - 1],
  [DataType.UInt32, 0, 2 ** 32 - 1], [DataType.Int64, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER], [DataType.UInt64, 0, Number.MAX_SAFE_INTEGER],
]

describe('OPC UA values', () => {
  it('come back as they were written, and out of range they are refused, not cut', () => {
    fc.assert(fc.property(fc.constantFrom(...ranges), fc.maxSafeInteger(), ([dataType, least, most], value) => {
      if (value >= least && value <= most) expect(decodeVariant(encodeVariant(dataType, value))).toEqual({ value })
      else expect(() => encodeVariant(dataType, value)).toThrow(expect.objectContaining({ code: 'POINT_VALUE' }))
    }))
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => { expect(decodeVariant(encodeVariant(DataType.Double, value))).toEqual({ value }) }))
    fc.assert(fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const decoded = decodeVariant(encodeVariant(DataType.Float, value)) as { value: number }
      // 0 and -0 are one number.
      expect(Math.fround(decoded.value) === value).toBe(true)
      expect(decoded.value).toBe(expectedOf(DataType.Float, value))
    }))
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (value) => { expect(decodeVariant(encodeVariant(DataType.String, value))).toEqual({ value }) }))
  })
  it('of 32 bits are the decimals the device meant', () => {
    for (const value of [21.1, 0.1, -40.3, 99_999.9, 1e-3]) expect(decodeVariant(encodeVariant(DataType.Float, Math.fround(value)))).toEqual({ value })
  })
  it('that are none have a reason and no number', () => {
    const reason = (dataType: DataType, value: unknown, arrayType = VariantArrayType.Scalar, index?: number) => (decodeVariant({ dataType, arrayType, value } as never, index) as { reason?: string }).reason
    expect(reason(DataType.UInt64, [0x0020_0000, 1])).toBe('POINT_PRECISION')
    expect(reason(DataType.Int64, [0x8000_0000, 0])).toBe('POINT_PRECISION')
    expect(reason(DataType.Double, NaN)).toBe('POINT_NOT_FINITE')
    expect(reason(DataType.Float, -Infinity)).toBe('POINT_NOT_FINITE')
    expect(reason(DataType.Null, null)).toBe('POINT_NO_VALUE')
    expect(reason(DataType.DateTime, new Date(NaN))).toBe('POINT_NO_VALUE')
    expect(reason(DataType.ExtensionObject, {})).toBe('POINT_TYPE')
    expect(reason(DataType.String, 'x'.repeat(5_000))).toBe('POINT_TYPE')
    expect(reason(DataType.Double, [1, 2], VariantArrayType.Array)).toBe('POINT_TYPE')
    expect(reason(DataType.Double, [1, 2], VariantArrayType.Array, 2)).toBe('POINT_NO_VALUE')
    expect(reason(DataType.Double, 1, VariantArrayType.Scalar, 0)).toBe('POINT_TYPE')
  })
  it('of one element leave the others as they are', () => {
    const array = new Variant({ dataType: DataType.Int64, arrayType: VariantArrayType.Array, value: [[0, 1], [0, 2], [0, 3]] })
    const changed = encodeElement(array, -1, 1)
    expect([0, 1, 2].map((index) => decodeVariant(changed, index))).toEqual([{ value: 1 }, { value: -1 }, { value: 3 }])
    expect(() => encodeElement(array, 1, 3)).toThrow(expect.objectContaining({ code: 'POINT_VALUE' }))
  })
  it('keep a time stamp within reason, else the server\'s, else the arrival', () => {
    const now = Date.UTC(2026, 0, 5)
    const at = (ms: number): Date => new Date(now + ms)
    expect(timeOf({ sourceTimestamp: at(-1_000), serverTimestamp: at(0) }, now)).toBe(now - 1_000)
    expect(timeOf({ sourceTimestamp: at(6 * 60_000), serverTimestamp: at(-5) }, now)).toBe(now - 5)
    expect(timeOf({ sourceTimestamp: at(-32 * 86_400_000), serverTimestamp: at(400_000) }, now)).toBe(now)
    expect(timeOf({ sourceTimestamp: null, serverTimestamp: null }, now)).toBe(now)
  })
})

describe('an OPC UA status', () => {
  it('has the severity of its two highest bits; bad always has a reason', () => {
    fc.assert(fc.property(fc.constantFrom(...Object.values(StatusCodes as unknown as Record<string, { value: number; name: string }>).filter((status) => typeof status === 'object')), (status) => {
      const { quality, reason } = verdictOf(status as never)
      expect(quality).toBe((['good', 'uncertain', 'bad', 'bad'] as const)[status.value >>> 30])
      expect(reason === undefined).toBe(quality === 'good')
      if (quality === 'bad') expect(reason).toMatch(/^OPCUA_BAD_/)
    }))
  })
  it('is found in what the library throws, wherever it left it', () => {
    expect(statusNameOf({ response: { responseHeader: { serviceResult: { name: 'BadTooManySessions' } } } })).toBe('BadTooManySessions')
    expect(statusNameOf(new Error('serverResult = BadUserAccessDenied (0x801f0000)'))).toBe('BadUserAccessDenied')
    expect(statusNameOf(new Error('Transaction has timed out'))).toBe('')
    expect(statusNameOf(null)).toBe('')
  })
})

describe('an OPC UA site file', () => {
  it('takes node ids as servers write them, and no other text', () => {
    expect(parseNode('ns=3;s="DB"."a;b"')).toEqual({ namespace: 3, identifier: 's="DB"."a;b"' })
    expect(parseNode('i=2258')).toEqual({ namespace: 0, identifier: 'i=2258' })
    expect(parseNode('nsu=http://x/y;i=1')).toEqual({ namespace: 'http://x/y', identifier: 'i=1' })
    for (const wrong of ['', 'temperature', 'ns=2', 'ns=70000;i=1', 'ns=2;i=-1', 'ns=2;i=4294967296', 'ns=2;s=', 'ns=x;s=a', 'g=12', 'ns=2;x=1']) expect(parseNode(wrong), wrong).toBeNull()
    fc.assert(fc.property(fc.string(), (text) => { parseNode(text) }))
    fc.assert(fc.property(fc.nat(65_535), fc.nat(0xffff_ffff), (space, id) => { expect(nodeOf(`ns=${space};i=${id}`, [])!.toString()).toBe(`ns=${space};i=${id}`) }))
    expect(nodeOf('nsu=urn:b;s=x', ['urn:a', 'urn:b'])!.toString()).toBe('ns=1;s=x')
    expect(nodeOf('nsu=urn:c;s=x', ['urn:a', 'urn:b'])).toBeNull()
  })
  it('is told what cannot work before it is installed', () => {
    const say = (settings: object, points: object = { a: { node: 'i=1' } }, root?: string) =>
      opcuaSchemas.review!(opcuaConfig('opc.tcp://plc:4840', { d: { points: points as never, ...(root === undefined ? {} : { root }) } }, settings)).map(({ message }) => message).join()
    expect(say({})).toBe('')
    expect(say({ username: 'x' })).toContain('belong together')
    expect(say({ username: 'x', password: { env: 'X' }, userCertificate: 'a', userKey: 'b' })).toContain('not both')
    expect(say({ sessionTimeout: '1s', keepAlive: '5s' })).toContain('sessionTimeout')
    expect(say({}, { a: { node: 'ns=2;s={root}.x' } })).toContain('has no "root"')
    expect(say({}, { a: { node: 'ns=2;s={root}.x' } }, 'Hall')).toBe('')
    expect(say({}, { a: { node: 'hall' } })).toContain('no node id')
    expect(say({}, { a: { node: 'i=1', type: 'boolean', filter: { absolute: 1 } } })).toContain('only a number')
    expect(opcuaSchemas.foresee!(opcuaConfig('opc.tcp://plc:4840', {}, { security: 'None' }))).toHaveLength(1)
    expect(opcuaSchemas.foresee!(opcuaConfig('opc.tcp://plc:4840', {}, { security: 'Basic256Sha256' }))).toEqual([])
    expect(opcuaSchemas.connection.safeParse({ endpoint: 'opc.tcp://user:pass@plc:4840' }).success).toBe(false)
  })
})

describe('the OPC UA doctor', () => {
  const well: Facts = { now: 0, ownUntil: Infinity, serverUntil: null, clockOffsetMs: 20, subscriptionRefused: null, unfiltered: [], slower: [], missing: [], overflows: 0, keepAliveMisses: 0, serverState: 0 }
  const config = opcuaConfig('opc.tcp://plc:4840', {})
  const day = 86_400_000
  it('says nothing when all is well, and names the cause when it is not', () => {
    expect(diagnose(config, well)).toEqual([])
    const found = (facts: Partial<Facts>): string => diagnose(config, { ...well, ...facts }).map(({ code, text }) => `${code}: ${text}`).join('\n')
    expect(found({ serverUntil: 10 * day })).toMatch(/^OPCUA_CERTIFICATE_ENDS: .*server's certificate ends in 10 days/)
    expect(found({ ownUntil: -day })).toContain('has ended')
    expect(found({ ownUntil: 31 * day })).toBe('')
    expect(found({ clockOffsetMs: -90_000 })).toContain('90 s behind')
    expect(found({ serverState: 3 })).toContain('suspended')
    expect(found({ slower: [{ pointId: 'a.b', everyMs: 5_000 }] })).toContain('a.b every 5000 ms')
    expect(found({ overflows: 3 })).toContain('queueSize')
  })
})

describe('the OPC UA simulator', () => {
  it('is a server for the points of a site file: values, arrays, writes, faults', async () => {
    const wanted = await freePort()
    const shape = { hall: { points: { temperature: { node: 'ns=3;s=Hall.T' }, first: { node: 'ns=2;i=7', index: 0 }, second: { node: 'ns=2;i=7', index: 1 }, relay: { node: 'nsu=urn:x;s=R', type: 'boolean', writable: true }, mode: { node: 'ns=2;s=M', type: 'string' } } }, other: { points: { x: { node: 'ns=2;s=x' } } } }
    const config = opcuaConfig(`opc.tcp://127.0.0.1:${wanted}/sim`, shape)
    const simulator = await startOpcuaSimulator(config, { clock: systemClock, random: () => 0.5 })
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    expect(simulator.redirect).toEqual({})
    simulator.set('hall.temperature', 22.5)
    simulator.set('hall.second', 7)
    simulator.set('hall.mode', 'auto')
    const folder = await mkdtemp(path.join(tmpdir(), 'linli-opcua-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const live = opcuaConfig(config.settings.endpoint, shape, { pki: folder })
    const running = await runSession(opcuaDriver, live)
    await expect.poll(() => Object.fromEntries((running.intakes[0]?.samples ?? []).map(({ pointId, raw }) => [pointId, raw]))).toEqual({ 'hall.temperature': 22.5, 'hall.first': 0, 'hall.second': 7, 'hall.relay': false, 'hall.mode': 'auto', 'other.x': 0 })
    await running.session.write!(live.devices[0]!.points[3]!, true, new AbortController().signal)
    expect(simulator.get('hall.relay')).toBe(true)
    simulator.fault('hall', 'offline')
    await expect.poll(() => running.state('hall')).toMatchObject({ state: 'offline', reason: 'OPCUA_BAD_NOT_CONNECTED' })
    simulator.set('hall.temperature', 23)
    simulator.fault('hall', null)
    await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 23, quality: 'good' })
    expect(running.state('other')).toMatchObject({ state: 'online' })
    expect(() => simulator.set('hall.nothing', 1)).toThrow(RangeError)

    // A process that used the driver and let go of it ends by itself: nothing is left open.
    const script = `
      const { opcuaDriver } = await import(${JSON.stringify(path.resolve('drivers/opcua/driver.ts'))})
      const { silentLog, systemClock, readSecret } = await import(${JSON.stringify(path.resolve('gateway/kit/index.ts'))})
      const config = JSON.parse(process.argv[1])
      const stop = new AbortController()
      const session = await opcuaDriver.connect(config, { clock: systemClock, random: () => 0.5, log: silentLog(), readSecret, hashIdentity: String, recall: async () => undefined }, stop.signal)
      for await (const intake of session.intake(stop.signal)) if (intake.samples.length > 0) break
      await session[Symbol.asyncDispose]()
      console.log('released')`
    const ended = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(live)], { timeout: 10_000 })
    expect(ended.stdout).toBe('released\n')
  })
})

describe('a peer that is no OPC UA server', () => {
  const hostile = async (attend: (socket: Socket) => void) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => { sockets.add(socket); socket.on('close', () => sockets.delete(socket)).on('error', () => {}).resume(); attend(socket) })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const folder = await mkdtemp(path.join(tmpdir(), 'linli-opcua-'))
    onTestFinished(async () => { for (const socket of sockets) socket.destroy(); server.close(); await rm(folder, { recursive: true, force: true }) })
    const url = `opc.tcp://127.0.0.1:${(server.address() as { port: number }).port}`
    return { sockets, connect: (signal: AbortSignal) => opcuaDriver.connect(opcuaConfig(url, {}, { pki: folder, connectTimeout: '400ms' }), testKit(), signal) }
  }
  const never = new AbortController().signal
  const peers: Readonly<Record<string, readonly [code: RegExp, attend: (socket: Socket) => void]>> = {
    'says nothing': [/OPCUA_(TIMEOUT|CONNECT_FAILED)/, () => {}],
    'hangs up': [/OPCUA_CONNECT_FAILED/, (socket) => socket.destroy()],
    'speaks something else': [/OPCUA_CONNECT_FAILED/, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    'acknowledges a message of 4 GB': [/OPCUA_(TIMEOUT|CONNECT_FAILED)/, (socket) => socket.write(Buffer.from('ACKF\xff\xff\xff\xff', 'latin1'))],
    'drips': [/OPCUA_(TIMEOUT|CONNECT_FAILED)/, (socket) => { socket.write('A'); socket.on('data', () => socket.write('C')) }],
  }
  for (const [name, [code, attend]] of Object.entries(peers)) {
    it(`and ${name}: an error with a code, in time, and no connection left`, async () => {
      const { connect, sockets } = await hostile(attend)
      const started = performance.now()
      await expect(connect(never)).rejects.toMatchObject({ code: expect.stringMatching(code) })
      expect(performance.now() - started).toBeLessThan(3_000)
      await expect.poll(() => sockets.size, { timeout: 5_000 }).toBe(0)
    })
  }
  it('does not keep a stopping gateway waiting', async () => {
    const { connect, sockets } = await hostile(() => {})
    const stop = new AbortController()
    const opening = connect(stop.signal)
    await expect.poll(() => sockets.size).toBe(1)
    const started = performance.now()
    stop.abort(new Error('stopping'))
    await expect(opening).rejects.toThrow('stopping')
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
