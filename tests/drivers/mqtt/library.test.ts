import { connect, type Socket } from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectDevice, mqttDevice, runBroker, until } from './support.ts'

const kiosk = () => mqttDevice('kiosk', { points: { paper: { topic: 'devices/{device}/state', pointer: '/paper' } } })
const door = () => mqttDevice('door', { points: { open: { topic: 'devices/{device}/contact', pointer: '/open', type: 'boolean' } } })

async function raw(port: number): Promise<{ socket: Socket; heard: Packet[]; closed: Promise<unknown>; send(packet: object): void }> {
  const socket = connect({ port, host: '127.0.0.1' })
  onTestFinished(() => { socket.destroy() })
  const heard: Packet[] = []
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  parser.on('packet', (packet) => heard.push(packet))
  socket.on('data', (chunk) => parser.parse(chunk)).on('error', () => {})
  const closed = new Promise((resolve) => { socket.once('close', resolve) })
  return { socket, heard, closed, send: (packet) => { socket.write(mqttPacket.generate(packet as never)) } }
}
const hello = { cmd: 'connect', clientId: 'raw', username: 'kiosk', password: Buffer.from('right horse'), protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 }

// What was measured of aedes 1.2.0, and must stay so, or stay corrected, with the next version.
describe('the broker library', () => {
  it('takes MQTT 3.1.1 only: a v5 CONNECT gets return code 1', async () => {
    const { port } = await runBroker([kiosk()])
    const client = await raw(port)
    client.send({ ...hello, protocolVersion: 5, properties: {} })
    await client.closed
    expect(client.heard).toMatchObject([{ cmd: 'connack', returnCode: 1 }])
  })
  it('closes a socket that never says CONNECT after connectTimeout', async () => {
    const { port } = await runBroker([kiosk()], { connectTimeout: '100ms' })
    const began = performance.now()
    await (await raw(port)).closed
    expect(performance.now() - began).toBeLessThan(2_000)
  })
  it('asks about a will, and after that reports the client as gone: one offline, with the will\'s reason', async () => {
    const { running, port } = await runBroker([mqttDevice('kiosk', { availability: { topic: 'devices/{device}/status' }, points: {} })])
    const client = await raw(port)
    client.send({ ...hello, will: { topic: 'devices/kiosk/status', payload: Buffer.from('offline'), qos: 0, retain: false } })
    await until(() => running.state('kiosk')?.state === 'online')
    client.socket.destroy()
    await until(() => running.state('kiosk')?.state === 'offline')
    await until(() => running.session.statistics!().clients === 0)
    expect(running.intakes.flatMap(({ devices = [] }) => devices).filter(({ reason }) => reason).map(({ reason }) => reason)).toEqual(['MQTT_NOT_CONNECTED', 'MQTT_WILL'])
  })
  it('an access refusal closes the client and leaves the good publishes of the same chunk stored: a resend is marked', async () => {
    const { running, port } = await runBroker([kiosk(), door()])
    const client = await raw(port)
    client.send(hello)
    await until(() => client.heard.length === 1)
    const publish = (topic: string, messageId: number, dup = false) => mqttPacket.generate({ cmd: 'publish', topic, payload: '{"paper":1,"open":true}', qos: 1, messageId, dup, retain: false })
    client.socket.write(Buffer.concat([publish('devices/kiosk/state', 1), publish('devices/door/contact', 2), publish('devices/kiosk/state', 3)]))
    await client.closed
    expect(running.intakes.flatMap(({ samples }) => samples).filter(({ pointId, raw: value }) => pointId === 'kiosk.paper' && value === 1).length).toBeGreaterThan(0)
    expect(running.last('door.open')).toMatchObject({ raw: null })
    const again = await raw(port)
    again.send(hello)
    await until(() => again.heard.length === 1)
    again.socket.write(publish('devices/kiosk/state', 1, true))
    await until(() => running.intakes.some(({ redelivered }) => redelivered))
  })
  it('keeps no retained message: a device cannot fill the memory with them', async () => {
    const { port } = await runBroker([kiosk()])
    const device = await connectDevice(port, 'kiosk')
    await device.publishAsync('devices/kiosk/state', '{"paper":1}', { qos: 1, retain: true })
    const heard: string[] = []
    device.on('message', (topic) => heard.push(topic))
    await device.subscribeAsync('devices/kiosk/#', { qos: 1 })
    await device.publishAsync('devices/kiosk/other', '{}', { qos: 1 })
    await until(() => heard.length > 0)
    expect(heard).toEqual(['devices/kiosk/other'])
  })
  it('closes a client that sends twice CONNECT, or PUBLISH before it', async () => {
    const { port } = await runBroker([kiosk()])
    const twice = await raw(port)
    twice.send(hello)
    await until(() => twice.heard.length === 1)
    twice.send(hello)
    await twice.closed
    const early = await raw(port)
    early.send({ cmd: 'publish', topic: 'devices/kiosk/state', payload: '{}', qos: 0, dup: false, retain: false })
    await early.closed
  })
  it('answers within 40 ms: a PUBACK does not wait for Nagle', async () => {
    const { port } = await runBroker([kiosk()])
    const device = await connectDevice(port, 'kiosk')
    const began = performance.now()
    for (let n = 0; n < 20; n++) await device.publishAsync('devices/kiosk/state', `{"paper":${n}}`, { qos: 1 })
    expect((performance.now() - began) / 20).toBeLessThan(40)
  })
})

describe('what the installer is told of devices that misbehave', () => {
  it('the username of wrong log-ins, the share of unreadable payloads, the clock, and what no point can hold', async () => {
    const { running, port } = await runBroker([mqttDevice('kiosk', { points: { paper: { topic: 'devices/{device}/state', pointer: '/paper', timestamp: '/at' } } }), door()])
    for (let n = 0; n < 3; n++) await expect(connectDevice(port, 'kiosk', { password: 'wrong' })).rejects.toMatchObject({ code: 4 })
    for (let n = 0; n < 3; n++) await expect(connectDevice(port, 'koisk')).rejects.toMatchObject({ code: 4 })
    const device = await connectDevice(port, 'kiosk')
    for (let n = 0; n < 20; n++) await device.publishAsync('devices/kiosk/state', n % 4 === 0 ? '{' : JSON.stringify({ paper: n % 2 ? '23,5' : n, at: '2020-01-01T00:00:00Z' }), { qos: 1 })
    const findings = running.session.findings!()
    expect(findings.map(({ code, deviceId }) => [code, deviceId])).toEqual([['MQTT_CREDENTIALS', undefined], ['MQTT_CREDENTIALS', undefined], ['MQTT_MALFORMED', 'kiosk'], ['MQTT_MISMATCHED', 'kiosk'], ['MQTT_CLOCK', 'kiosk']])
    expect(findings.map(({ text }) => text)).toEqual([expect.stringMatching(/"kiosk" was refused 3 times for a wrong password, last from 127.0.0.1/), expect.stringMatching(/"koisk".*no device of the site file has this username/), expect.stringMatching(/25 % .*devices\/kiosk\/state: not JSON/), expect.stringContaining('"23,5" is no number'), expect.stringContaining('15 of its times')])
    expect(running.session.deviceStatistics!().kiosk).toEqual({ publishes: 20, malformed: 5, throttled: 0, dropped: 0, denied: 0, lateStamps: 15, mismatched: 10 })
  })
  it('nothing when all is well', async () => {
    const { running, port } = await runBroker([kiosk()])
    const device = await connectDevice(port, 'kiosk')
    for (let n = 0; n < 30; n++) await device.publishAsync('devices/kiosk/state', `{"paper":${n}}`, { qos: 1 })
    expect(running.session.findings!()).toEqual([])
  })
})
