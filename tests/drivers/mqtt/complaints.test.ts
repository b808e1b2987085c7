import { describe, expect, it } from 'vitest'
import { MqttIntake, type Offer } from '../../../drivers/mqtt/intake.ts'
import { FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import type { Intake } from '../../../gateway/contract/index.ts'
import { connectDevice, mqttDevice, runBroker, until } from './support.ts'

const meter = () => mqttDevice('meter', {
  points: { kwh: { topic: 'devices/{device}/kwh', pointer: '/v', timestamp: '/at' }, log: { topic: 'devices/{device}/log', each: '/values', pointer: '/v', timestamp: '/at', timeFormat: 's' } },
})

// What users of other gateways complain about, each a public issue of a peer: none of it happens here.
describe('complaints about MQTT', () => {
  it('several timestamped messages in, only the last out', async () => {
    const { running, port } = await runBroker([meter()])
    const device = await connectDevice(port, 'meter')
    const from = Date.now() - 60_000
    const readings = Array.from({ length: 20 }, (_, n) => ({ v: n, at: from + n * 1_000 }))
    await Promise.all(readings.map(({ v, at }) => device.publishAsync('devices/meter/kwh', JSON.stringify({ v, at: new Date(at).toISOString() }), { qos: 1 })))
    await device.publishAsync('devices/meter/log', JSON.stringify({ values: readings.map(({ v, at }) => ({ v, at: at / 1_000 })) }), { qos: 1 })
    const got = (point: string) => running.intakes.flatMap(({ samples }) => samples).filter(({ pointId, raw }) => pointId === point && raw !== null).map(({ raw, at }) => ({ v: raw, at }))
    await until(() => got('meter.log').length === 20)
    expect(got('meter.kwh')).toEqual(readings)
    expect(got('meter.log')).toEqual(readings)
  })

  it('resent values are stamped now', async () => {
    const clock = new FakeClock()
    const intake = new MqttIntake({ devices: [meter()], clock, log: silentLog(), hashIdentity: (value) => value })
    const taken: Intake[] = []
    const stop = new AbortController()
    const pump = (async () => { for await (const each of intake.run(stop.signal)) taken.push(each) })()
    intake.begin([])
    const arrived = clock.now()
    const offer = (body: object, redelivered = false): Offer => ({ topic: 'devices/meter/kwh', payload: Buffer.from(JSON.stringify(body)), durable: true, redelivered, wanted: () => true, stored: () => {} })
    intake.offer(offer({ v: 1 }))
    await clock.advance(0)
    // The store refuses for an hour: the value is offered again and keeps the time at which it came.
    for (let minute = 0; minute < 60; minute++) { taken.at(-1)!.settled!('refused'); await clock.advance(60_000) }
    expect(taken.length).toBeGreaterThan(50)
    expect(new Set(taken.flatMap(({ samples }) => samples.filter(({ raw }) => raw === 1).map(({ at }) => at)))).toEqual(new Set([arrived]))
    // The device sends it again, an hour later, with its own time.
    intake.offer(offer({ v: 2, at: new Date(arrived).toISOString() }, true))
    await clock.advance(0)
    expect(taken.at(-1)).toMatchObject({ redelivered: true, samples: [{ raw: 2, at: arrived }] })
    stop.abort()
    await pump
    intake.end()
  })

  it('value 0 cannot be written', async () => {
    const { running, port } = await runBroker([mqttDevice('lamp', { points: { level: { topic: 'devices/{device}/level', writable: true, command: { topic: 'devices/{device}/set' } } } })])
    const device = await connectDevice(port, 'lamp')
    device.on('message', (_topic, payload) => { device.publish('devices/lamp/level', payload, { qos: 1 }) })
    await device.subscribeAsync('devices/lamp/set')
    const point = mqttDevice('lamp', { points: { level: { topic: 'devices/{device}/level', writable: true, command: { topic: 'devices/{device}/set' } } } }).points[0]!
    await running.session.write!(point, 0, AbortSignal.timeout(5_000))
    await until(() => running.last('lamp.level')?.raw === 0)
  })
})
