import { describe, expect, it } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { runSession } from '../../support/sessions.ts'
import { itWith } from '../../support/tools.ts'
import { connectDevice, mqttConfig, mqttDevice, runBroker, until } from './support.ts'

const open = new AbortController().signal
const topic = 'linli/rules/hall/display'

describe('what the gateway tells the building over MQTT', () => {
  it('reaches a display that may hear it, from the local broker, and is not kept for later', async () => {
    const display = mqttDevice('display', { subscribes: ['linli/rules/#'] })
    const { running, port } = await runBroker([display, mqttDevice('kiosk', {})])
    const heard: string[] = []
    const client = await connectDevice(port, 'display')
    client.on('message', (where, payload) => heard.push(`${where} ${payload.toString()}`))
    expect((await client.subscribeAsync('linli/rules/#')).map(({ qos }) => qos)).toEqual([0])
    await running.session.publish!(topic, '欢迎', open)
    await until(() => heard.length === 1)
    expect(heard).toEqual([`${topic} 欢迎`])
    // Not its own affair: the kiosk was given no such right.
    expect((await (await connectDevice(port, 'kiosk')).subscribeAsync('linli/rules/#').catch(() => [{ qos: 128 }])).map(({ qos }) => qos)).toEqual([128])
    const late = await connectDevice(port, 'display', { clientId: 'late' })
    late.on('message', (where) => heard.push(where))
    await late.subscribeAsync('linli/rules/#')
    await running.session.publish!('linli/rules/other', '2', open)
    await until(() => heard.length === 3)
    expect(heard.slice(1)).not.toContain(topic)
  })
  it('can be said by no device, whatever its profile grants', async () => {
    const { running, port } = await runBroker([mqttDevice('display', { subscribes: ['linli/rules/#'] }), mqttDevice('liar', { publishes: ['linli/rules/#', '#'] })])
    const heard: string[] = []
    const display = await connectDevice(port, 'display')
    display.on('message', (where) => heard.push(where))
    await display.subscribeAsync('linli/rules/#')
    const liar = await connectDevice(port, 'liar')
    liar.publish(topic, 'open all doors', { qos: 0 })
    await until(() => running.session.deviceStatistics!().liar!.denied === 1)
    await running.session.publish!('linli/rules/end', '', open)
    await until(() => heard.includes('linli/rules/end'))
    expect(heard).toEqual(['linli/rules/end'])
  })
  itWith('mosquitto')('reaches whoever listens at a broker that is already there', async () => {
    const building = await mosquitto()
    const { session } = await runSession(mqttDriver, mqttConfig(0, [mqttDevice('kiosk', { points: { paper: { topic: 'devices/{device}/state' } } })], { mode: 'client', url: building.url }))
    const heard: string[] = []
    const client = await connectDevice(building.port, 'any')
    client.on('message', (where, payload, { retain }) => heard.push(`${where} ${payload.toString()} ${retain}`))
    await client.subscribeAsync('linli/rules/#')
    await session.publish!(topic, '{"waiting":3}', open)
    await until(() => heard.length === 1)
    expect(heard).toEqual([`${topic} {"waiting":3} false`])
    await building.kill()
    await expect.poll(() => session.publish!(topic, '', open).then(() => '', (error: { code: string }) => error.code)).toBe('DEVICE_OFFLINE')
  })
})
