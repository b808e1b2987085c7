import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import mqttPacket from 'mqtt-packet'
import type { IClientOptions, MqttClient } from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { mqttSchemas } from '../../../drivers/mqtt/schema.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { freePort } from '../../support/resources.ts'
import { runSession, type Running } from '../../support/sessions.ts'
import { findTool, itWith } from '../../support/tools.ts'
import { connectDevice, mqttConfig, mqttDevice } from './support.ts'

const kiosk = () => mqttDevice('kiosk', {
  points: { paper: { topic: 'devices/{device}/state', pointer: '/paper' } },
  occurrences: [{ topic: 'devices/{device}/session', type: 'kiosk', sourceId: '/id', data: { n: '/n' } }],
})
const door = () => mqttDevice('door', { points: { open: { topic: 'devices/{device}/contact', pointer: '/open' } } })

async function broker(settle: 'at once' | 'by the test' = 'at once', settings: object = {}): Promise<{ running: Running; port: number }> {
  const port = await freePort()
  return { running: await runSession(mqttDriver, mqttConfig(port, [kiosk(), door()], settings), undefined, settle), port }
}
const client = (port: number, options: IClientOptions = {}): Promise<MqttClient> => connectDevice(port, 'kiosk', options)
const publishes = (running: Running) => running.intakes.filter(({ settled }) => settled)

describe('the local broker', () => {
  it('has no table of every number that a packet may hold', async () => {
    await import('../../../drivers/mqtt/broker.ts')
    expect(mqttPacket.writeToStream.cacheNumbers).toBe(false)
  })

  it('acknowledges a publish only after it is stored', async () => {
    const { running, port } = await broker('by the test')
    const device = await client(port)
    let acknowledged = false
    const done = device.publishAsync('devices/kiosk/state', '{"paper":50}', { qos: 1 }).then(() => { acknowledged = true })
    await expect.poll(() => publishes(running).length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(acknowledged).toBe(false)
    publishes(running)[0]!.settled!('stored')
    await done
    expect(running.last('kiosk.paper')).toMatchObject({ raw: 50, quality: 'good' })
  })
  it('withholds the acknowledgement while the store refuses, keeps the client, and offers it again', async () => {
    const { running, port } = await broker('by the test')
    const device = await client(port)
    const done = device.publishAsync('devices/kiosk/state', '{"paper":50}', { qos: 1 })
    await expect.poll(() => publishes(running).length).toBe(1)
    publishes(running)[0]!.settled!('refused')
    await expect.poll(() => publishes(running).length, { timeout: 5_000 }).toBe(2)
    expect(device.connected).toBe(true)
    publishes(running)[1]!.settled!('stored')
    await done
    expect(running.session.statistics!()).toMatchObject({ withheld: 1 })
  })
  it('holds a window of a hundred publishes side by side, so that one fsync serves them all', async () => {
    const { running, port } = await broker('by the test')
    const device = await client(port)
    const done = Promise.all(Array.from({ length: 100 }, (_, n) => device.publishAsync('devices/kiosk/state', `{"paper":${n}}`, { qos: 1 })))
    await expect.poll(() => publishes(running).length).toBe(100)
    for (const intake of publishes(running)) intake.settled!('stored')
    await done
  })
  it('lets in nobody without the right password, or with MQTT 5, or an empty id on a lasting session', async () => {
    const { running, port } = await broker()
    for (const [options, code] of [[{ password: 'wrong' }, 4], [{ username: 'nobody' }, 4], [{ username: undefined, password: undefined }, 4]] as const) {
      await expect(client(port, options as IClientOptions)).rejects.toMatchObject({ code })
    }
    await expect(client(port, { protocolVersion: 5 })).rejects.toThrow()
    const raw = await import('node:net').then(({ connect }) => connect(port, '127.0.0.1'))
    onTestFinished(() => { raw.destroy() })
    const answer = new Promise<Buffer>((resolve) => { raw.once('data', resolve).once('close', () => resolve(Buffer.alloc(0))) })
    raw.write(Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 84, 4, 0, 0, 10, 0, 0]))
    expect([...await answer]).not.toEqual([0x20, 2, 0, 0])
    expect(running.session.statistics!().denied).toBe(3)
  })
  it('closes a client that speaks on a topic of another device', async () => {
    const { running, port } = await broker()
    const device = await client(port)
    const closed = new Promise<void>((resolve) => { device.once('close', () => resolve()) })
    device.publish('devices/door/contact', '{"open":true}', { qos: 1 })
    await closed
    expect(running.last('door.open')).toMatchObject({ raw: null })
    expect(running.session.statistics!().denied).toBe(1)
  })
  it('lets a device hear its own topics only', async () => {
    const { port } = await broker()
    const device = await client(port)
    const [own, foreign] = await device.subscribeAsync(['devices/kiosk/command', 'devices/door/contact'], { qos: 1 }).catch((error) => error.packet?.granted ?? [])
    expect([own?.qos ?? own, foreign?.qos ?? foreign]).toEqual([1, 128])
  })
  it('counts and acknowledges what it cannot read and what nobody mapped', async () => {
    const { running, port } = await broker()
    const device = await client(port)
    for (const payload of ['{', '[]', Buffer.of(0xff), 'x'.repeat(70_000)]) await device.publishAsync('devices/kiosk/state', payload as string, { qos: 1 })
    await device.publishAsync('devices/kiosk/unheard-of', '{}', { qos: 1 })
    expect(running.session.statistics!()).toMatchObject({ malformed: 4, unmapped: 1, publishes: 4 })
    expect(publishes(running)).toHaveLength(0)
  })
  it('says which devices are there, and that nothing is known of the others', async () => {
    const { running, port } = await broker()
    await expect.poll(() => running.state('kiosk')).toMatchObject({ state: 'offline', reason: 'MQTT_NOT_CONNECTED' })
    expect(running.last('kiosk.paper')).toMatchObject({ raw: null, quality: 'bad', reason: 'MQTT_NO_MESSAGE_YET' })
    const device = await client(port)
    await expect.poll(() => running.state('kiosk')).toMatchObject({ state: 'online' })
    device.stream.destroy()
    await expect.poll(() => running.state('kiosk')).toMatchObject({ state: 'offline' })
    expect(running.state('door')).toMatchObject({ state: 'offline' })
  })
  it('carries the device\'s own event id, and the mark of a repeat', async () => {
    const { running, port } = await broker()
    const device = await client(port)
    await device.publishAsync('devices/kiosk/session', '{"id":"a","n":1}', { qos: 1, dup: true })
    expect(publishes(running)[0]).toMatchObject({ redelivered: true, occurrences: [{ sourceId: 'a', type: 'kiosk', data: { n: 1 } }] })
  })
  it('closes a stranger who announces a packet of 200 MB before reading it', async () => {
    const { running, port } = await broker()
    const socket = (await import('node:net')).connect(port, '127.0.0.1')
    onTestFinished(() => { socket.destroy() })
    const closed = new Promise((resolve) => { socket.once('close', resolve) })
    socket.on('error', () => {})
    socket.write(Buffer.concat([Buffer.from([0x10, 0xff, 0xff, 0xff, 0x5f]), Buffer.alloc(1_000)]))
    await closed
    expect(running.session.statistics!().denied).toBe(1)
  })
  it('answers a repeated QoS 2 publish only when the first is stored', async () => {
    const { running, port } = await broker('by the test')
    const socket = (await import('node:net')).connect(port, '127.0.0.1')
    onTestFinished(() => { socket.destroy() })
    const answers: number[] = []
    socket.on('data', (chunk) => answers.push(chunk[0]!))
    socket.write(mqttPacket.generate({ cmd: 'connect', clientId: 'raw', username: 'kiosk', password: Buffer.from('right horse'), protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 }))
    await expect.poll(() => answers).toEqual([0x20])
    const publish = (dup: boolean) => socket.write(mqttPacket.generate({ cmd: 'publish', topic: 'devices/kiosk/state', payload: '{"paper":1}', qos: 2, messageId: 7, dup, retain: false }))
    publish(false)
    publish(true)
    await expect.poll(() => publishes(running).length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(answers).toEqual([0x20])
    publishes(running)[0]!.settled!('stored')
    await expect.poll(() => answers.length).toBeGreaterThan(1)
    expect(publishes(running)).toHaveLength(1)
  })
  it('settles a QoS 2 publish once', async () => {
    const { running, port } = await broker()
    const device = await client(port)
    await device.publishAsync('devices/kiosk/state', '{"paper":1}', { qos: 2 })
    expect(publishes(running)).toHaveLength(1)
  })
  it('refuses more connections from one address than it was told to take', async () => {
    const { running, port } = await broker('at once', { maxClientsPerAddress: 2 })
    await client(port)
    await client(port)
    await expect(client(port)).rejects.toThrow()
    expect(running.session.statistics!().denied).toBe(1)
  })
  it('names connection, port and remedy when the port is taken', async () => {
    const { port } = await broker()
    await expect(runSession(mqttDriver, mqttConfig(port, []))).rejects.toMatchObject({ code: 'MQTT_LISTEN_FAILED', message: expect.stringMatching(new RegExp(`local cannot listen on 127.0.0.1:${port}.*another program`)) })
  })
  itWith('mosquitto_pub')('takes mosquitto_pub for a kiosk', async () => {
    const { running, port } = await broker()
    await promisify(execFile)(findTool('mosquitto_pub')!, ['-p', String(port), '-h', '127.0.0.1', '-u', 'kiosk', '-P', 'right horse', '-q', '1', '-t', 'devices/kiosk/state', '-m', '{"paper":33}'])
    await expect.poll(() => running.last('kiosk.paper')?.raw).toBe(33)
  })
})

describe('client mode', () => {
  itWith('mosquitto')('takes from a broker in the building and acknowledges only what is stored', async () => {
    const building = await mosquitto()
    const config = mqttConfig(0, [kiosk()], { mode: 'client', url: building.url })
    const first = await runSession(mqttDriver, config, undefined, 'by the test')
    const device = await client(building.port, { username: undefined, password: undefined })
    await device.publishAsync('devices/kiosk/state', '{"paper":7}', { qos: 1 })
    await expect.poll(() => first.last('kiosk.paper')?.raw).toBe(7)
    await first.stop()
    // Nobody said "stored": the broker sends it again.
    const second = await runSession(mqttDriver, config)
    await expect.poll(() => second.last('kiosk.paper')?.raw).toBe(7)
    await building.kill()
    expect(await second.ended).toMatchObject({ code: 'MQTT_CLOSED' })
    await expect(runSession(mqttDriver, config)).rejects.toMatchObject({ code: 'MQTT_CONNECT_FAILED' })
  })
})

describe('the MQTT section of a site file', () => {
  it('wants a password for each device, one username each, and topics without wildcards', () => {
    const config = mqttConfig(1, [mqttDevice('a', { password: undefined }), mqttDevice('b', { username: 'x' }), mqttDevice('c', { username: 'x', points: { p: { topic: 'devices/#' } } })])
    expect(mqttSchemas.review!(config).map(({ deviceId, path }) => [deviceId, path.join('.')])).toEqual([['a', 'password'], ['c', 'username'], ['c', 'points.p.topic']])
  })
})
