import { describe, expect, it, onTestFinished } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { startMqttSimulator } from '../../../drivers/mqtt/simulator.ts'
import { systemClock as clock } from '../../../gateway/kit/index.ts'
import { freePort } from '../../support/resources.ts'
import { runSession } from '../../support/sessions.ts'
import { mqttConfig, mqttDevice, until } from './support.ts'

const door = () => mqttDevice('door', {
  availability: { topic: 'devices/{device}/status' },
  points: {
    open: { topic: 'devices/{device}/contact', pointer: '/contact/0/open', type: 'boolean', map: { yes: true, no: false }, timestamp: '/at' }, seq: { topic: 'devices/{device}/contact', pointer: '/seq', timestamp: '/at' },
    level: { topic: 'devices/{device}/level', each: '/values', pointer: '/v', timestamp: '/t', timeFormat: 's' }, lock: { topic: 'devices/{device}/lock', type: 'boolean', writable: true, command: { topic: 'devices/{device}/command', payload: '{"lock":{json}}' } },
  },
  occurrences: [{ topic: 'devices/{device}/access/{+reader}', type: 'access', sourceId: '/id', at: '/at', when: { pointer: '/kind', equals: 'access' }, data: { n: '/n', result: '/result', card: { pointer: '/card', hash: true } } }],
})
const kiosk = () => mqttDevice('kiosk', { points: { paper: { topic: 'devices/{device}/paper' } }, occurrences: [{ topic: 'devices/{device}/session', type: 'kiosk', sourceId: '/id', data: { n: '/n', item: '/item' } }] })

async function start(mode: 'broker' | 'client' = 'broker') {
  const port = await freePort()
  const config = mqttConfig(port, [door(), kiosk()], mode === 'client' ? { mode, url: `mqtt://127.0.0.1:${port}` } : {})
  const simulator = await startMqttSimulator(config, { clock, random: () => 0.3 })
  onTestFinished(() => simulator[Symbol.asyncDispose]())
  return { simulator, config, port }
}

describe('the simulated devices of an MQTT connection', () => {
  it('wait for the gateway, then say by the profile\'s own mapping what was set', async () => {
    const { simulator, config } = await start()
    simulator.set('door.open', false)
    simulator.set('door.level', 4.5)
    const running = await runSession(mqttDriver, config)
    await until(() => running.last('door.level')?.raw === 4.5, 10_000)
    expect(running.last('door.open')).toMatchObject({ raw: false, quality: 'good' })
    expect([running.state('door')?.state, running.session.statistics!().malformed, running.session.deviceStatistics!().door!.lateStamps]).toEqual(['online', 0, 0])
    expect(simulator.get('door.open')).toBe(false)
    expect(() => simulator.set('door.nothing', 1)).toThrow(RangeError)
    expect(() => simulator.set('cellar.x', 1)).toThrow(RangeError)
  })
  it('show a card before a door opens, hold sessions, and number what was acknowledged', { timeout: 20_000 }, async () => {
    const { simulator, config } = await start()
    const running = await runSession(mqttDriver, config)
    simulator.set('door.open', false)
    await until(() => running.last('door.open')?.raw === false, 10_000)
    for (let seq = 1; seq <= 3; seq++) { simulator.set('door.seq', seq); simulator.set('door.open', seq % 2 === 1); await until(() => running.last('door.seq')?.raw === seq) }
    const occurrences = () => running.intakes.flatMap(({ occurrences: each = [] }) => each)
    expect(occurrences().filter(({ type }) => type === 'access')).toMatchObject([{ data: { result: 'granted', reader: 'reader-1', card: expect.stringMatching(/^[0-9a-f]{32}$/) } }, {}])
    const order = running.intakes.flatMap(({ occurrences: events = [], samples }) => [...events.filter(({ type }) => type === 'access').map(() => 'access'), ...samples.filter(({ pointId, raw }) => pointId === 'door.open' && raw === true).map(() => 'open')])
    expect(order.slice(0, 2)).toEqual(['access', 'open'])
    await until(() => occurrences().some(({ type }) => type === 'kiosk'), 8_000)
    await simulator.quiet()
    const { door: sent, kiosk: terminal } = simulator.acknowledged()
    expect(sent!.sequence).toEqual([1, 2, 3])
    for (const { type, n } of [...sent!.occurrences, ...terminal!.occurrences]) expect(occurrences().some((occurrence) => occurrence.type === type && occurrence.data.n === n)).toBe(true)
    const before = running.intakes.length
    simulator.set('door.seq', 9)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(running.intakes.length).toBe(before)
  })
  it('do what they are told, and fail as they are told', { timeout: 20_000 }, async () => {
    const { simulator, config } = await start()
    const running = await runSession(mqttDriver, config)
    await until(() => running.last('door.lock')?.raw === false, 10_000)
    const lock = config.devices[0]!.points.find(({ id }) => id === 'door.lock')!
    await running.session.write!(lock, true, AbortSignal.timeout(5_000))
    expect(simulator.get('door.lock')).toBe(true)
    simulator.set('door.open', false)
    await until(() => running.last('door.open')?.raw === false)
    simulator.fault('door', 'garbage')
    await until(() => running.session.deviceStatistics!().door!.malformed! > 0)
    simulator.fault('door', 'timeout')
    await expect(running.session.write!({ ...lock, address: { ...lock.address, command: { ...lock.address.command!, within: 200 } } }, false, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'WRITE_TIMEOUT' })
    simulator.fault('door', 'offline')
    await until(() => running.state('door')?.state === 'offline')
    expect(running.state('door')).toMatchObject({ reason: 'MQTT_WILL' })
    simulator.fault('door', null)
    await until(() => running.state('door')?.state === 'online', 10_000)
    await until(() => running.last('door.lock')?.quality === 'good')
    expect(running.state('kiosk')).toMatchObject({ state: 'online' })
  })
  it('bring the building\'s broker along in client mode', { timeout: 20_000 }, async () => {
    const { simulator, config, port } = await start('client')
    expect([simulator.where, simulator.redirect]).toEqual([`127.0.0.1:${port}`, {}])
    const running = await runSession(mqttDriver, config)
    await until(() => running.state('door')?.state === 'online', 10_000)
    simulator.set('door.level', 7)
    await until(() => running.last('door.level')?.raw === 7)
    await running.session.write!(config.devices[0]!.points.find(({ id }) => id === 'door.lock')!, true, AbortSignal.timeout(5_000))
  })
  it('are found elsewhere when the site\'s broker is not this machine', async () => {
    const config = mqttConfig(0, [kiosk()], { mode: 'client', url: 'mqtt://198.51.100.7:1883' })
    await using simulator = await startMqttSimulator(config, { clock, random: () => 0.3 })
    expect(simulator.redirect).toEqual({ url: `mqtt://${simulator.where}` })
  })
  it('say which secret is missing', async () => {
    await expect(startMqttSimulator(mqttConfig(1, [mqttDevice('a', { password: { env: 'LINLI_NO_SUCH_SECRET' } })]), { clock, random: () => 0.3 })).rejects.toMatchObject({ code: 'CONFIG_SECRET_MISSING', message: expect.stringContaining('LINLI_NO_SUCH_SECRET') })
  })
})
