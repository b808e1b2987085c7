import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import mqttPacket from 'mqtt-packet'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Throttle } from '../../../drivers/mqtt/throttle.ts'
import { FakeClock } from '../../../gateway/kit/index.ts'
import { connectDevice, mqttDevice, runBroker, until } from './support.ts'

const sensor = () => mqttDevice('sensor', { points: { n: { topic: 'devices/{device}/n' } } })
const door = () => mqttDevice('door', { points: { open: { topic: 'devices/{device}/contact', pointer: '/open', type: 'boolean' } } })

/** A client of bytes: sends all at once, without waiting for anybody. */
async function flooder(port: number, packets: readonly object[]): Promise<{ socket: Socket; acknowledged: number[]; closed(): boolean }> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  onTestFinished(() => { socket.destroy() })
  const acknowledged: number[] = []
  let closed = false
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  const connected = new Promise<void>((resolve) => parser.on('packet', (packet) => { if (packet.cmd === 'connack') resolve(); if (packet.cmd === 'puback') acknowledged.push(packet.messageId!) }))
  socket.on('data', (chunk) => parser.parse(chunk)).on('close', () => { closed = true }).on('error', () => {})
  socket.write(mqttPacket.generate({ cmd: 'connect', clientId: 'flood', username: 'sensor', password: Buffer.from('right horse'), protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 }))
  await connected
  socket.write(Buffer.concat(packets.map((packet) => mqttPacket.generate(packet as never))))
  return { socket, acknowledged, closed: () => closed }
}
const publish = (n: number, qos: 0 | 1) => ({ cmd: 'publish', topic: 'devices/sensor/n', payload: String(n), qos, dup: false, retain: false, ...(qos ? { messageId: n } : {}) })

describe('a device that floods', () => {
  it('is read more slowly and loses nothing of QoS 1, while a door\'s message passes in 2 s', { timeout: 30_000 }, async () => {
    const { running, port } = await runBroker([sensor(), door()], { messagesPerSecond: 300 })
    const count = 4_000
    const flood = await flooder(port, Array.from({ length: count }, (_, n) => publish(n + 1, 1)))
    await until(() => running.session.deviceStatistics!().sensor!.throttled! > 0)
    const device = await connectDevice(port, 'door')
    const began = performance.now()
    await device.publishAsync('devices/door/contact', '{"open":true}', { qos: 1 })
    await until(() => running.last('door.open')?.raw === true)
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(flood.acknowledged.length).toBeLessThan(count)
    await until(() => flood.acknowledged.length === count, 15_000)
    expect(flood.closed()).toBe(false)
    expect(running.intakes.flatMap(({ samples }) => samples).filter(({ pointId, raw }) => pointId === 'sensor.n' && raw !== null).map(({ raw }) => raw)).toEqual(Array.from({ length: count }, (_, n) => n + 1))
    expect(running.session.findings!()).toMatchObject([{ code: 'MQTT_FLOODER', deviceId: 'sensor', text: expect.stringContaining('300 messages a second') }])
  })
  it('loses QoS 0 beyond its rate, every one counted, and is not closed', { timeout: 20_000 }, async () => {
    const { running, port } = await runBroker([sensor(), door()], { messagesPerSecond: 10 })
    const flood = await flooder(port, Array.from({ length: 20_000 }, (_, n) => publish(n + 1, 0)))
    await until(() => { const { publishes, dropped } = running.session.deviceStatistics!().sensor!; return (publishes ?? 0) + (dropped ?? 0) === 20_000 }, 15_000)
    expect(running.session.deviceStatistics!().sensor!.dropped).toBeGreaterThan(19_000)
    expect(flood.closed()).toBe(false)
  })
  it('may have a rate of its own', async () => {
    const { running, port } = await runBroker([mqttDevice('sensor', { messagesPerSecond: 1_000_000, points: { n: { topic: 'devices/{device}/n' } } })], { messagesPerSecond: 1 })
    const flood = await flooder(port, Array.from({ length: 500 }, (_, n) => publish(n + 1, 1)))
    await until(() => flood.acknowledged.length === 500)
    expect(running.session.findings!()).toEqual([])
  })
})

describe('the token bucket', () => {
  it('law: admits no more than burst and rate allow, all of it, in order', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2_000 })), { minLength: 1, maxLength: 12 }), async (perSecond, steps) => {
      const clock = new FakeClock()
      const throttle = new Throttle(clock, perSecond)
      const done: number[] = []
      let sent = 0
      for (const [count, waitMs] of steps) {
        for (let index = 0; index < count; index++) { const n = sent++; throttle.admit(() => done.push(n)) }
        expect(done.length).toBeLessThanOrEqual(perSecond * 10 + (clock.monotonic() / 1_000) * perSecond + 1)
        await clock.advance(waitMs)
      }
      await clock.advance(((sent / perSecond) + 1) * 1_000)
      expect(done).toEqual(Array.from({ length: sent }, (_, n) => n))
    }), { numRuns: 50 })
  })
})
