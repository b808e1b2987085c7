import { createServer, type Socket } from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { runSession } from '../../support/sessions.ts'
import { itWith } from '../../support/tools.ts'
import { connectDevice, mqttConfig, mqttDevice, until } from './support.ts'

const kiosk = (more: object = {}) => mqttDevice('kiosk', {
  points: { paper: { topic: 'devices/{device}/state', pointer: '/paper' } }, occurrences: [{ topic: 'devices/{device}/session', type: 'kiosk', data: { n: '/n' } }], ...more,
})
const settings = (url: string, more: object = {}) => mqttConfig(0, [kiosk()], { mode: 'client', url, ...more })

/** A broker of bytes, to see what goes over the wire. */
async function wireBroker(answer: (packet: Packet, send: (packet: Packet | Buffer) => void) => void) {
  const heard: Packet[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    const parser = mqttPacket.parser({ protocolVersion: 4 })
    const send = (packet: Packet | Buffer): void => { socket.write(Buffer.isBuffer(packet) ? packet : mqttPacket.generate(packet)) }
    parser.on('packet', (packet) => {
      heard.push(packet)
      if (packet.cmd === 'connect') send({ cmd: 'connack', returnCode: 0, sessionPresent: false })
      if (packet.cmd === 'subscribe') send({ cmd: 'suback', messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) })
      answer(packet, send)
    })
    socket.on('data', (chunk) => parser.parse(chunk)).on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => { for (const socket of sockets) socket.destroy(); await new Promise((resolve) => server.close(resolve)) })
  return { url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`, heard, sockets }
}
const publish = (n: number, qos: 1 | 2 = 1): Packet => ({ cmd: 'publish', topic: 'devices/kiosk/state', payload: JSON.stringify({ paper: n }), qos, messageId: n, dup: false, retain: false })

describe('a client of the building\'s broker', () => {
  it('has many publishes in the air, and acknowledges in the order of arrival what is stored', async () => {
    const broker = await wireBroker((packet, send) => { if (packet.cmd === 'subscribe') send(Buffer.concat(Array.from({ length: 50 }, (_, n) => mqttPacket.generate(publish(n + 1))))) })
    const running = await runSession(mqttDriver, settings(broker.url), undefined, 'by the test')
    const waiting = () => running.intakes.filter(({ settled }) => settled)
    await until(() => waiting().length === 50)
    const acks = () => broker.heard.filter(({ cmd }) => cmd === 'puback').map(({ messageId }) => messageId)
    for (const intake of waiting().slice(1)) intake.settled!('stored')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(acks()).toEqual([])
    waiting()[0]!.settled!('stored')
    await until(() => acks().length === 50)
    expect(acks()).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
  })
  it('reads no more than maxInFlight publishes before they are stored', async () => {
    const broker = await wireBroker(() => {})
    const running = await runSession(mqttDriver, settings(broker.url, { maxInFlight: 10 }), undefined, 'by the test')
    const payload = 'x'.repeat(20_000)
    for (let n = 1; n <= 100; n++) broker.sockets[0]!.write(mqttPacket.generate({ ...publish(n), payload: JSON.stringify({ paper: n, payload }) } as Packet))
    const waiting = () => running.intakes.filter(({ settled }) => settled)
    await until(() => waiting().length >= 10)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(waiting().length).toBeLessThan(30)
    let answered = 0
    await until(() => { for (const intake of waiting().slice(answered)) { intake.settled!('stored'); answered++ } return broker.heard.filter(({ cmd }) => cmd === 'puback').length === 100 })
  })
  it('says why when it is refused, in words of the protocol', async () => {
    for (const [returnCode, words] of [[2, 'client id'], [4, 'wrong username or password'], [5, 'may not connect']] as const) {
      const server = createServer((socket) => { socket.once('data', () => socket.write(mqttPacket.generate({ cmd: 'connack', returnCode, sessionPresent: false }))).on('error', () => {}) })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => { server.close() })
      await expect(runSession(mqttDriver, settings(`mqtt://127.0.0.1:${(server.address() as { port: number }).port}`))).rejects.toMatchObject({ code: 'MQTT_CONNECT_FAILED', message: expect.stringContaining(words) })
    }
  })
  it('names the topics it may not read', async () => {
    const broker = await wireBroker(() => {})
    broker.sockets.length = 0
    const refusing = createServer((socket) => {
      const parser = mqttPacket.parser({ protocolVersion: 4 })
      parser.on('packet', (packet) => {
        if (packet.cmd === 'connect') socket.write(mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }))
        if (packet.cmd === 'subscribe') socket.write(mqttPacket.generate({ cmd: 'suback', messageId: packet.messageId!, granted: [1, 128] }))
      })
      socket.on('data', (chunk) => parser.parse(chunk)).on('error', () => {})
    })
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => { refusing.close() })
    await expect(runSession(mqttDriver, settings(`mqtt://127.0.0.1:${(refusing.address() as { port: number }).port}`))).rejects.toMatchObject({ code: 'MQTT_SUBSCRIBE_REFUSED', message: expect.stringContaining('devices/kiosk/session') })
  })
  it('closes on garbage, on a giant packet and on a QoS nobody asked for, with a code', async () => {
    for (const bytes of [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), mqttPacket.generate(publish(1, 2))]) {
      const broker = await wireBroker((packet, send) => { if (packet.cmd === 'subscribe') setTimeout(() => send(bytes), 10) })
      const running = await runSession(mqttDriver, settings(broker.url))
      expect(await running.ended).toMatchObject({ code: 'MQTT_CLOSED', retriable: true })
    }
  })
})

describe('what a building\'s broker kept', () => {
  itWith('mosquitto')('is the current value, and never an event that happened', async () => {
    const building = await mosquitto()
    const device = await connectDevice(building.port, 'any')
    await device.publishAsync('devices/kiosk/state', '{"paper":42}', { qos: 1, retain: true })
    await device.publishAsync('devices/kiosk/session', '{"n":1}', { qos: 1, retain: true })
    for (let start = 0; start < 2; start++) {
      const running = await runSession(mqttDriver, settings(building.url))
      await until(() => running.last('kiosk.paper')?.raw === 42)
      await until(() => running.session.statistics!().retained === 1)
      expect(running.intakes.flatMap(({ occurrences = [] }) => occurrences)).toEqual([])
      await device.publishAsync('devices/kiosk/session', `{"n":${2 + start}}`, { qos: 1, retain: true })
      await until(() => running.intakes.flatMap(({ occurrences = [] }) => occurrences).length === 1)
      await running.stop()
    }
  })
  itWith('mosquitto')('tells whether a device is there, where it has a topic for that', async () => {
    const building = await mosquitto()
    const device = await connectDevice(building.port, 'any', { will: { topic: 'tele/kiosk/LWT', payload: Buffer.from('Offline'), qos: 1, retain: true } })
    await device.publishAsync('tele/kiosk/LWT', 'Online', { qos: 1, retain: true })
    const running = await runSession(mqttDriver, mqttConfig(0, [kiosk({ availability: { topic: 'tele/{device}/LWT', online: 'Online', offline: 'Offline' } })], { mode: 'client', url: building.url }))
    await until(() => running.state('kiosk')?.state === 'online')
    expect(running.intakes[0]!.devices).toMatchObject([{ state: 'offline', reason: 'MQTT_NO_MESSAGE_YET' }])
    await device.publishAsync('devices/kiosk/state', '{"paper":42}', { qos: 1 })
    device.stream.destroy()
    await until(() => running.state('kiosk')?.state === 'offline')
    await until(() => running.last('kiosk.paper')?.quality === 'bad')
  })
})
