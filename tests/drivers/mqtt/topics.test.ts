import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileMapping } from '../../../drivers/mqtt/mapping.ts'
import { mqttSchemas } from '../../../drivers/mqtt/schema.ts'
import { covers, rightsOf } from '../../../drivers/mqtt/topics.ts'
import { mqttConfig, mqttDevice } from './support.ts'

const plug = mqttDevice('plug', {
  variables: { topic: 'tasmota_1A2B' }, publishes: ['stat/{topic}/#'], subscribes: ['cmnd/{topic}/#'],
  points: { power: { topic: 'tele/{topic}/SENSOR', pointer: '/p' }, own: { topic: 'x/{unknown}/y', pointer: '/p' }, relay: { topic: 'tele/{topic}/STATE', pointer: '/r', writable: true, command: { topic: 'set/{topic}' } } },
  occurrences: [{ topic: 'doors/{+reader}/{device}', type: 'access', data: { result: '/result' } }],
})
const send = (topic: string, body: unknown) => compileMapping([plug], (value) => value)(topic, Buffer.from(JSON.stringify(body)), 0)

describe('topics with variables', () => {
  it('fills in the site file\'s variables, and the device\'s id for those it does not give', () => {
    expect(send('tele/tasmota_1A2B/SENSOR', { p: 5 })!.samples).toMatchObject([{ pointId: 'plug.power', raw: 5 }])
    expect(send('x/plug/y', { p: 6 })!.samples).toMatchObject([{ pointId: 'plug.own', raw: 6 }])
    expect(send('tele/plug/SENSOR', { p: 5 })).toBeNull()
  })
  it('takes one level of the topic into the event', () => {
    expect(send('doors/west/plug', { result: 'granted' })!.occurrences).toMatchObject([{ type: 'access', data: { reader: 'west', result: 'granted' } }])
    for (const topic of ['doors/a/b/plug', 'doors/west/other', 'doors/plug']) expect(send(topic, {}), topic).toBeNull()
  })
  it('gives an account its own topics, its commands, and what its profile adds', () => {
    const { mayPublish, maySubscribe } = rightsOf([plug])
    expect(['tele/tasmota_1A2B/SENSOR', 'stat/tasmota_1A2B/RESULT', 'doors/any/plug', 'devices/plug/x/y'].map(mayPublish)).toEqual([true, true, true, true])
    expect(['tele/other/SENSOR', 'stat', 'doors/any/other', 'devices/plugs/x', 'cmnd/tasmota_1A2B/POWER'].map(mayPublish)).toEqual([false, false, false, false, false])
    expect(['cmnd/tasmota_1A2B/#', 'cmnd/tasmota_1A2B/+', 'set/tasmota_1A2B', 'devices/plug/#'].map(maySubscribe)).toEqual([true, true, true, true])
    expect(['#', '+/#', 'cmnd/#', 'cmnd/+/POWER', 'devices/#', '$SYS/#', 'set/+'].map(maySubscribe)).toEqual([false, false, false, false, false, false, false])
  })
  it('law: what is covered by a filter reaches no topic the filter does not', () => {
    const level = fc.constantFrom('a', 'b', '+')
    const filter = fc.tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean()).map(([levels, hash]) => [...levels, ...(hash ? ['#'] : [])].join('/'))
    const topic = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
    fc.assert(fc.property(filter, filter, topic, (allowed, asked, heard) => { if (covers(allowed, asked) && covers(asked, heard)) expect(covers(allowed, heard)).toBe(true) }), { numRuns: 2_000 })
  })
})

describe('what a site file may not say', () => {
  const problems = (device: Parameters<typeof mqttDevice>[1], settings: object = {}) => mqttSchemas.review!(mqttConfig(1, [mqttDevice('a', device)], settings)).map(({ path, message }) => [path.join('.'), message])
  it('names wildcards, stray braces, a writable point without a command and a bridge that is not there', () => {
    expect(problems({ points: { p: { topic: 'a/+/b' } } })).toEqual([['points.p.topic', expect.stringContaining('wildcard')]])
    expect(problems({ points: { p: { topic: 'a/{b c}/d' } } })).toEqual([['points.p.topic', expect.stringContaining('brace')]])
    expect(problems({ points: { p: { topic: 'a', command: { topic: 'set/{+any}' } } } })).toEqual([['points.p.command.topic', expect.stringMatching(/wildcard|brace/)]])
    expect(problems({ points: { p: { topic: 'a', writable: true } } })).toEqual([['points.p.writable', expect.stringContaining('command')]])
    expect(problems({ password: undefined, via: 'bridge' })).toEqual([['via', expect.stringContaining('bridge')]])
    const chain = [mqttDevice('bridge', {}), mqttDevice('a', { via: 'bridge' }), mqttDevice('b', { via: 'a' })]
    expect(mqttSchemas.review!(mqttConfig(1, chain)).map(({ deviceId, message }) => [deviceId, message])).toEqual([['b', expect.stringContaining('name the device that logs in')]])
    expect(problems({}, { plain: false })).toEqual([['', expect.stringContaining('nobody could connect')]])
  })
  it('foresees passwords in clear on a network, and none on this machine or with TLS alone', () => {
    const forecasts = (settings: object) => mqttSchemas.foresee!(mqttConfig(1_883, [mqttDevice('a', {})], settings)).map(({ message }) => message)
    expect(forecasts({ listen: { host: '0.0.0.0', port: 1_883 } })).toEqual([expect.stringMatching(/local: passwords of 1 devices travel in clear through 0.0.0.0:1883/)])
    expect(forecasts({})).toEqual([])
    expect(forecasts({ plain: false, tls: { host: '0.0.0.0', cert: 'c', key: 'k' } })).toEqual([])
    expect(forecasts({ mode: 'client', url: 'mqtt://10.0.0.9:1883', username: 'u' })).toEqual([expect.stringContaining('mqtts')])
  })
  it('tells both ports it will listen on', () => {
    expect(mqttSchemas.listens!(mqttConfig(1_883, [], { tls: { cert: 'c', key: 'k' } }).settings)).toEqual([{ host: '127.0.0.1', port: 1_883 }, { host: '127.0.0.1', port: 8_883 }])
  })
})
