import { describe, expect, it } from 'vitest'
import { MqttIntake, type Offer } from '../../../drivers/mqtt/intake.ts'
import type { MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import { FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import type { Intake } from '../../../gateway/contract/index.ts'
import { connectDevice, mqttDevice, runBroker, until } from './support.ts'

const availability = { topic: 'devices/{device}/status' }
const contact = (id: string, more: object = {}) => mqttDevice(id, { availability, points: { open: { topic: 'devices/{device}/contact', pointer: '/open', type: 'boolean' } }, ...more })
const offlines = (intakes: readonly Intake[], id: string) => intakes.flatMap(({ devices = [] }) => devices).filter((status) => status.deviceId === id && status.state === 'offline').slice(1)

describe('a device that goes', () => {
  it('without a goodbye is offline by its will, once, and its values are bad', async () => {
    const { running, port } = await runBroker([contact('door')])
    const device = await connectDevice(port, 'door', { will: { topic: 'devices/door/status', payload: Buffer.from('offline'), qos: 1, retain: true } })
    await device.publishAsync('devices/door/contact', '{"open":true}', { qos: 1 })
    device.stream.destroy()
    await until(() => running.state('door')?.state === 'offline')
    await until(() => running.last('door.open')?.raw === null)
    expect(running.last('door.open')).toMatchObject({ quality: 'bad', reason: 'MQTT_WILL' })
    expect(offlines(running.intakes, 'door')).toMatchObject([{ reason: 'MQTT_WILL', detail: expect.stringContaining('door fell silent without a goodbye') }])
  })
  it('without a will is offline when its connection is', async () => {
    const { running, port } = await runBroker([contact('door')])
    const device = await connectDevice(port, 'door')
    await device.publishAsync('devices/door/contact', '{"open":true}', { qos: 1 })
    device.stream.destroy()
    await until(() => running.state('door')?.state === 'offline')
    expect(offlines(running.intakes, 'door')).toMatchObject([{ reason: 'MQTT_NOT_CONNECTED' }])
    await until(() => running.last('door.open')?.quality === 'bad')
  })
  it('with a goodbye says so, and what it said last is kept as uncertain, with its own time', async () => {
    const { running, port } = await runBroker([contact('door')])
    const device = await connectDevice(port, 'door', { will: { topic: 'devices/door/status', payload: Buffer.from('offline'), qos: 1, retain: false } })
    await device.publishAsync('devices/door/contact', '{"open":true}', { qos: 1 })
    const good = running.last('door.open')!
    await device.endAsync()
    await until(() => running.state('door')?.state === 'offline')
    expect(offlines(running.intakes, 'door')).toMatchObject([{ reason: 'MQTT_DISCONNECTED' }])
    expect(running.last('door.open')).toEqual({ ...good, quality: 'uncertain', reason: 'MQTT_DISCONNECTED' })
  })
  it('comes back with nothing but what it says anew', async () => {
    const { running, port } = await runBroker([contact('door')])
    const first = await connectDevice(port, 'door')
    await first.publishAsync('devices/door/contact', '{"open":true}', { qos: 1 })
    first.stream.destroy()
    await until(() => running.last('door.open')?.quality === 'bad')
    const second = await connectDevice(port, 'door')
    await until(() => running.state('door')?.state === 'online')
    expect(running.last('door.open')).toMatchObject({ raw: null })
    await second.publishAsync('devices/door/contact', '{"open":false}', { qos: 1 })
    expect(running.last('door.open')).toMatchObject({ raw: false, quality: 'good' })
  })
  it('to sleep is not offline: it connects to deliver', async () => {
    const { running, port } = await runBroker([contact('door', { sleeps: true })])
    for (const leave of ['goodbye', 'lost'] as const) {
      const device = await connectDevice(port, 'door')
      await device.publishAsync('devices/door/contact', '{"open":true}', { qos: 1 })
      const gone = new Promise<void>((resolve) => device.once('close', () => resolve()))
      if (leave === 'goodbye') await device.endAsync(); else device.stream.destroy()
      await gone
    }
    await until(() => running.session.statistics!().clients === 0)
    expect(running.state('door')).toMatchObject({ state: 'online' })
    expect(running.last('door.open')).toMatchObject({ raw: true, quality: 'good' })
  })
  it('is not offline while another of its connections is open', async () => {
    const { running, port } = await runBroker([contact('door')])
    const [one] = [await connectDevice(port, 'door'), await connectDevice(port, 'door')]
    one.stream.destroy()
    await until(() => running.session.statistics!().clients === 1)
    expect(running.state('door')).toMatchObject({ state: 'online' })
  })
  it('is not offline when it connects again before its loss was noticed', async () => {
    const { running, port } = await runBroker([contact('door')])
    const options = { clientId: 'door-1', will: { topic: 'devices/door/status', payload: Buffer.from('offline'), qos: 1, retain: false } } as const
    const first = await connectDevice(port, 'door', options)
    await first.publishAsync('devices/door/contact', '{"open":true}', { qos: 1 })
    const closed = new Promise<void>((resolve) => first.once('close', () => resolve()))
    const second = await connectDevice(port, 'door', options)
    await closed
    await second.publishAsync('devices/door/other', '{}', { qos: 1 })
    expect([offlines(running.intakes, 'door'), running.state('door')?.state, running.last('door.open')?.raw]).toEqual([[], 'online', true])
    second.stream.destroy()
    await until(() => running.state('door')?.state === 'offline')
  })
  it('keeps nothing running when the gateway stops under it, its will withheld', async () => {
    const { running, port } = await runBroker([contact('door')], {}, 'by the test')
    const device = await connectDevice(port, 'door', { will: { topic: 'devices/door/status', payload: Buffer.from('offline'), qos: 1, retain: false } })
    device.publish('devices/door/contact', '{"open":true}', { qos: 1 })
    await until(() => running.last('door.open')?.raw === true)
    running.intakes.at(-1)!.settled!('refused')
    expect(running.session.statistics!().withheld).toBe(1)
    device.on('error', () => {})
    await running.stop()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const withheld = running.session.statistics!().withheld
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(running.session.statistics!().withheld).toBe(withheld)
  })
  it('keeps its will from speaking on another device\'s topic', async () => {
    const { running, port } = await runBroker([contact('door'), contact('gate')])
    const gate = await connectDevice(port, 'gate')
    await gate.publishAsync('devices/gate/contact', '{"open":true}', { qos: 1 })
    const door = await connectDevice(port, 'door', { will: { topic: 'devices/gate/status', payload: Buffer.from('offline'), qos: 1, retain: false } })
    door.stream.destroy()
    await until(() => running.state('door')?.state === 'offline')
    expect([running.state('gate')?.state, running.last('gate.open')?.raw]).toEqual(['online', true])
  })
})

describe('devices behind a bridge', () => {
  const bridge = () => mqttDevice('bridge', { publishes: ['zigbee2mqtt/#'], points: {} })
  const sensor = (id: string, more: object = {}) => mqttDevice(id, { password: undefined, via: 'bridge', sleeps: true, availability: { topic: `zigbee2mqtt/${id}/availability`, pointer: '/state' }, points: { contact: { topic: `zigbee2mqtt/${id}`, pointer: '/contact', type: 'boolean' } }, ...more })

  it('come by its account, and go by what it says of them or with it', async () => {
    const { running, port } = await runBroker([bridge(), sensor('a'), sensor('b', { sleeps: false })])
    const client = await connectDevice(port, 'bridge')
    expect(running.state('a')).toMatchObject({ state: 'offline' })
    await client.publishAsync('zigbee2mqtt/a/availability', '{"state":"online"}', { qos: 1 })
    await client.publishAsync('zigbee2mqtt/a', '{"contact":true}', { qos: 1 })
    await client.publishAsync('zigbee2mqtt/b', '{"contact":true}', { qos: 1 })
    expect([running.state('a')?.state, running.state('b')?.state]).toEqual(['online', 'online'])
    await client.publishAsync('zigbee2mqtt/a/availability', '{"state":"offline"}', { qos: 1 })
    expect([running.state('a'), running.last('a.contact')]).toMatchObject([{ state: 'offline', reason: 'MQTT_SAID_OFFLINE' }, { raw: true, quality: 'uncertain', reason: 'MQTT_SAID_OFFLINE' }])
    // The bridge repeats its cache of a device that is gone: that does not bring it back.
    await client.publishAsync('zigbee2mqtt/a', '{"contact":true}', { qos: 1 })
    expect(running.state('a')).toMatchObject({ state: 'offline' })
    client.stream.destroy()
    await until(() => running.state('b')?.state === 'offline')
    expect([running.state('b'), running.last('b.contact')]).toMatchObject([{ reason: 'MQTT_NOT_CONNECTED', detail: expect.stringContaining('bridge, which brings b,') }, { raw: null, quality: 'bad' }])
  })
})

describe('a device that falls silent', () => {
  const intakeOf = (device: MqttDeviceConfig, clock: FakeClock) => {
    const intake = new MqttIntake({ devices: [device], clock, log: silentLog(), hashIdentity: (value) => value })
    intake.begin([{ deviceId: device.id, state: 'online', at: clock.now() }])
    return intake
  }
  const say = (topic: string, body: string): Offer => ({ topic, payload: Buffer.from(body), durable: false, redelivered: false, wanted: () => true, stored: () => {} })

  it('is offline after silentAfter, and there again with the next message', async () => {
    const clock = new FakeClock()
    const intake = intakeOf(contact('door', { silentAfter: '10m' }), clock)
    await clock.advance(5 * 60_000)
    intake.offer(say('devices/door/contact', '{"open":true}'))
    await clock.advance(9 * 60_000)
    expect(intake.presence.is('door')).toBe('online')
    await clock.advance(60_000)
    expect(intake.presence.is('door')).toBe('offline')
    expect(intake.last('door.open')).toMatchObject({ raw: null, quality: 'bad', reason: 'MQTT_SILENT' })
    intake.offer(say('devices/door/contact', '{"open":true}'))
    expect([intake.presence.is('door'), intake.last('door.open')?.raw]).toEqual(['online', true])
    await clock.advance(10 * 60_000)
    expect(intake.presence.is('door')).toBe('offline')
  })
  it('is given 25 hours where it sleeps, and its value is then uncertain', async () => {
    const clock = new FakeClock()
    const intake = intakeOf(contact('door', { sleeps: true }), clock)
    intake.offer(say('devices/door/contact', '{"open":true}'))
    await clock.advance(24.9 * 3_600_000)
    expect(intake.presence.is('door')).toBe('online')
    await clock.advance(0.2 * 3_600_000)
    expect([intake.presence.is('door'), intake.last('door.open')]).toMatchObject(['offline', { raw: true, quality: 'uncertain', reason: 'MQTT_SILENT' }])
  })
})
