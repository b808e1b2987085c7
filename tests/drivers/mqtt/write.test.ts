import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { encodeCommand } from '../../../drivers/mqtt/write.ts'
import { valueOfCommand } from '../../../drivers/mqtt/simulated.ts'
import type { MqttDeviceConfig } from '../../../drivers/mqtt/schema.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { runSession } from '../../support/sessions.ts'
import { itWith } from '../../support/tools.ts'
import { connectDevice, mqttConfig, mqttDevice, runBroker } from './support.ts'

const relay = (within = '1s', more: object = {}) => mqttDevice('plug', {
  points: {
    power: { topic: 'stat/{device}/POWER', map: { ON: true, OFF: false }, type: 'boolean', writable: true, command: { topic: 'cmnd/{device}/POWER', within } },
    level: { topic: 'stat/{device}/LEVEL', writable: true, command: { topic: 'cmnd/{device}/LEVEL', payload: '{"level":{json}}', within } },
    strike: { topic: 'stat/{device}/STRIKE', type: 'boolean', writable: true, command: { topic: 'cmnd/{device}/STRIKE', confirm: false } }, ...more,
  },
})
const [power, level, strike] = relay().points as MqttDeviceConfig['points'] & [any, any, any]
const signal = () => AbortSignal.timeout(10_000)

/** A plug that does what it is told, and says so. */
async function obedient(port: number, answer: (topic: string, payload: string) => string | null = (_topic, payload) => payload) {
  const client = await connectDevice(port, 'plug')
  const heard: [string, string, number, boolean][] = []
  client.on('message', (topic, payload, { qos, retain }) => {
    heard.push([topic, payload.toString(), qos, retain])
    const state = answer(topic, payload.toString())
    if (state !== null) client.publish(topic.replace('cmnd', 'stat'), state, { qos: 1 })
  })
  await client.subscribeAsync(['cmnd/plug/POWER', 'cmnd/plug/LEVEL', 'cmnd/plug/STRIKE'], { qos: 1 })
  return { client, heard }
}

describe('a write to a device of the local broker', () => {
  it('goes out once, never retained, in the device\'s words, and is done when the state says so', async () => {
    const { running, port } = await runBroker([relay()])
    const { heard } = await obedient(port, (topic, payload) => (topic.endsWith('LEVEL') ? String(JSON.parse(payload).level) : payload))
    for (const [point, value] of [[power, true], [power, false], [level, 0], [level, 7]] as const) await running.session.write!(point, value, signal())
    expect(heard).toEqual([['cmnd/plug/POWER', 'ON', 0, false], ['cmnd/plug/POWER', 'OFF', 0, false], ['cmnd/plug/LEVEL', '{"level":0}', 0, false], ['cmnd/plug/LEVEL', '{"level":7}', 0, false]])
    await expect.poll(() => [running.last('plug.power')?.raw, running.last('plug.level')?.raw]).toEqual([false, 7])
  })
  it('is not confirmed by another value', async () => {
    const { running, port } = await runBroker([relay('200ms')])
    await obedient(port, () => 'OFF')
    await expect(running.session.write!(relay('200ms').points[0]!, true, signal())).rejects.toMatchObject({ code: 'WRITE_NOT_CONFIRMED', message: expect.stringContaining('plug.power') })
  })
  it('times out where the device says nothing, unless it was so already', async () => {
    const { running, port } = await runBroker([relay('200ms')])
    const { client } = await obedient(port, () => null)
    const [quick] = relay('200ms').points
    await expect(running.session.write!(quick!, true, signal())).rejects.toMatchObject({ code: 'WRITE_TIMEOUT', message: expect.stringContaining('cmnd/plug/POWER') })
    await client.publishAsync('stat/plug/POWER', 'ON', { qos: 1 })
    await running.session.write!(quick!, true, signal())
    await expect(running.session.write!(quick!, false, signal())).rejects.toMatchObject({ code: 'WRITE_TIMEOUT' })
  })
  it('is not kept for a device that is not there', async () => {
    const { running, port } = await runBroker([relay()])
    await expect(running.session.write!(power, true, signal())).rejects.toMatchObject({ code: 'DEVICE_OFFLINE' })
    const { heard } = await obedient(port)
    await running.session.write!(strike, true, signal())
    expect(heard).toEqual([['cmnd/plug/STRIKE', 'true', 0, false]])
  })
  it('ends when it is called off', async () => {
    const { running, port } = await runBroker([relay('10s')])
    await obedient(port, () => null)
    await expect(running.session.write!(relay('10s').points[0]!, true, AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'WRITE_EXPIRED' })
  })
})

describe('a write in client mode', () => {
  itWith('mosquitto')('goes through the building\'s broker', async () => {
    const building = await mosquitto()
    const running = await runSession(mqttDriver, mqttConfig(0, [relay()], { mode: 'client', url: building.url }))
    const { heard } = await obedient(building.port)
    await running.session.write!(power, false, signal())
    expect(heard).toEqual([['cmnd/plug/POWER', 'OFF', 0, false]])
    await building.kill()
    expect(await running.ended).toMatchObject({ code: 'MQTT_CLOSED' })
    await expect(running.session.write!(power, true, signal())).rejects.toMatchObject({ code: 'DEVICE_OFFLINE' })
  })
})

describe('a command\'s payload', () => {
  it('takes only words its map knows, and escapes a text within JSON', () => {
    expect(() => encodeCommand(power, relay(), 'TOGGLE')).toThrow(expect.objectContaining({ code: 'POINT_VALUE' }))
    const text = mqttDevice('plug', { points: { say: { topic: 's', type: 'string', command: { topic: 'c', payload: '{"say":"{value}"}' } } } })
    expect(JSON.parse(encodeCommand(text.points[0]!, text, 'a "b" \\ c').payload)).toEqual({ say: 'a "b" \\ c' })
  })
  it('law: the simulated device reads the value that was written', () => {
    const device = mqttDevice('d', { points: {
      plain: { topic: 't', type: 'number', command: { topic: 'c' } }, json: { topic: 't', type: 'number', command: { topic: 'c', payload: '{"set":{"v":{json}}}' } },
      words: { topic: 't', type: 'boolean', map: { ON: true, OFF: false }, command: { topic: 'c' } }, own: { topic: 't', type: 'boolean', command: { topic: 'c', map: { true: 1, false: 0 } } }, text: { topic: 't', type: 'string', command: { topic: 'c', payload: '<{value}>' } },
    } })
    const value = { number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0), boolean: fc.boolean(), string: fc.string() }
    for (const point of device.points) fc.assert(fc.property(value[point.type] as fc.Arbitrary<number | boolean | string>, (raw) => { expect(valueOfCommand(point, encodeCommand(point, device, raw).payload)).toEqual(raw) }))
  })
})
