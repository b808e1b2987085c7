import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { compileMapping } from '../../../drivers/mqtt/mapping.ts'
import { Recogniser } from '../../../drivers/mqtt/recognise.ts'
import type { MqttConfig } from '../../../drivers/mqtt/schema.ts'
import { encodeCommand } from '../../../drivers/mqtt/write.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { normalise } from '../../../gateway/normalise.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { runSession } from '../../support/sessions.ts'
import { findTool, itWith } from '../../support/tools.ts'
import { secret, until } from './support.ts'

/** The device as a site file makes it of the shipped profile. */
async function site(devices: readonly string[], connection = 'driver: mqtt'): Promise<MqttConfig> {
  const file = path.join(await tempFolder(), 'site.yaml')
  await writeFile(file, `linli: 2\nsite: { id: x, name: { zh: 厅, en: hall }, region: "420106" }\nconnections: [{ id: c, ${connection} }]\ndevices:\n${devices.map((device) => `  - { name: { zh: 设, en: d }, connection: c, ${device} }`).join('\n')}\n`)
  return (await readSite(file)).connections[0] as MqttConfig
}
const password = `password: { env: ${secret} }`
const now = Date.UTC(2026, 8, 18, 12)

interface Heard { readonly topic: string; readonly payload: string | object }
const text = ({ payload }: Heard): Buffer => Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))

/** Values in the points' own units, by point name; then what else it told. */
async function read(device: string, messages: readonly Heard[]) {
  const { devices: [config] } = await site([`id: d, ${password}, ${device}`])
  const map = compileMapping([config!], (value) => `hash(${value.length})`)
  const values: Record<string, unknown> = {}
  const occurrences: object[] = []
  const availability: boolean[] = []
  for (const message of messages) {
    const mapped = map(message.topic, text(message), now)
    expect([message.topic, mapped?.malformed]).toEqual([message.topic, undefined])
    for (const sample of mapped!.samples) { const { quality, value, reason } = normalise(sample, config!.points.find(({ id }) => id === sample.pointId)!, now); values[sample.pointId.slice(2)] = quality === 'good' ? value : reason }
    occurrences.push(...mapped!.occurrences.map(({ type, sourceId, data }) => ({ type, ...(sourceId ? { sourceId } : {}), ...data })))
    availability.push(...mapped!.availability.map(({ online }) => online))
  }
  return { values, occurrences, availability, config: config! }
}

// Shapes as captured in public repositories; ids changed.
const tasmota = (topic: string): Heard[] => [
  { topic: `tele/${topic}/LWT`, payload: 'Online' },
  { topic: `tele/${topic}/STATE`, payload: { Time: '2024-02-24T22:20:38', Uptime: '0T00:10:11', UptimeSec: 611, Heap: 24, SleepMode: 'Dynamic', Sleep: 50, LoadAvg: 19, MqttCount: 1, POWER: 'OFF', Wifi: { AP: 1, SSId: 'hall', BSSId: 'E6:8D:8C:4B:BE:F7', Channel: 3, Mode: '11n', RSSI: 44, Signal: -78, LinkCount: 1, Downtime: '0T00:00:05' } } },
]
const shellySwitch = { id: 0, source: 'WS_in', output: false, apower: 47.1, voltage: 232.3, current: 0.204, pf: 0.99, aenergy: { total: 5125.5, by_minute: [0, 0, 0], minute_ts: 1_680_536_525 }, temperature: { tC: 44.4, tF: 112 } }

describe('what real devices say, through the shipped profiles', () => {
  it('tasmota-switch: STATE, the relay\'s own word, LWT', async () => {
    const { values, availability, config } = await read('profile: tasmota-switch, variables: { topic: tasmota_9CF9D1 }', [...tasmota('tasmota_9CF9D1'), { topic: 'stat/tasmota_9CF9D1/POWER', payload: 'ON' }, { topic: 'tele/tasmota_9CF9D1/LWT', payload: 'Offline' }])
    expect([values, availability]).toEqual([{ power: true, signal: 44 }, [true, false]])
    expect(encodeCommand(config.points[0]!, config, false)).toEqual({ topic: 'cmnd/tasmota_9CF9D1/POWER', payload: 'OFF' })
  })
  it('tasmota-plug: ENERGY', async () => {
    const { values } = await read('profile: tasmota-plug', [...tasmota('d'), { topic: 'tele/d/SENSOR', payload: '{"Time":"2023-05-19T20:52:56","ENERGY":{"TotalStartTime":"2022-03-20T15:20:48","Total":514.153,"Yesterday":1.495,"Today":0.537,"Period":0,"Power":56,"ApparentPower":92,"ReactivePower":73,"Factor":0.61,"Voltage":234,"Current":0.392}}' }])
    expect(values).toEqual({ power: false, signal: 44, 'active-power': 56, voltage: 234, current: 0.392, 'power-factor': 0.61, energy: 514.153 })
  })
  it('tasmota-climate: AM2301, and null while the sensor is unplugged', async () => {
    const sensor = (payload: object): Heard => ({ topic: 'tele/d/SENSOR', payload })
    expect((await read('profile: tasmota-climate', [sensor({ Time: '2023-01-01T00:00:00', AM2301: { Temperature: 23.4, Humidity: 56.3, DewPoint: 14.2 }, TempUnit: 'C' })])).values).toEqual({ temperature: 23.4, humidity: 56.3 })
    expect((await read('profile: tasmota-climate', [sensor({ Time: '2023-01-01T00:00:00', AM2301: { Temperature: null, Humidity: null, DewPoint: null }, TempUnit: 'C' })])).values).toEqual({ temperature: 'POINT_NO_VALUE', humidity: 'POINT_NO_VALUE' })
  })
  it('shelly-switch and shelly-plug: status, NotifyStatus, online, command', async () => {
    const messages: Heard[] = [{ topic: 'shellyplus1pm-a8/online', payload: 'true' }, { topic: 'shellyplus1pm-a8/status/switch:0', payload: shellySwitch }]
    const plug = await read('profile: shelly-plug, variables: { id: shellyplus1pm-a8 }', messages)
    expect([plug.values, plug.availability]).toEqual([{ output: false, 'active-power': 47.1, voltage: 232.3, current: 0.204, energy: 5.1255, temperature: 44.4 }, [true]])
    const later = await read('profile: shelly-switch, variables: { id: shellyplus1pm-a8 }', [...messages, { topic: 'shellyplus1pm-a8/events/rpc', payload: { src: 'shellyplus1pm-a8', dst: 'shellyplus1pm-a8/events', method: 'NotifyStatus', params: { ts: 1_680_536_530.1, 'switch:0': { id: 0, output: true, source: 'button' } } } }, { topic: 'shellyplus1pm-a8/events/rpc', payload: { src: 'x', method: 'NotifyEvent', params: { ts: 1, events: [] } } }, { topic: 'shellyplus1pm-a8/online', payload: 'false' }])
    expect([later.values, later.availability]).toEqual([{ output: true, temperature: 44.4 }, [true, false]])
    expect(encodeCommand(later.config.points[0]!, later.config, true)).toEqual({ topic: 'shellyplus1pm-a8/command/switch:0', payload: 'on' })
  })
  it('shelly-ht: a sensor that sleeps', async () => {
    const { values, config } = await read('profile: shelly-ht', [{ topic: 'd/status/temperature:0', payload: { id: 0, tC: 22.4, tF: 72.3 } }, { topic: 'd/status/humidity:0', payload: { id: 0, rh: 51.2 } }, { topic: 'd/status/devicepower:0', payload: { id: 0, battery: { V: 5.2, percent: 87 }, external: { present: false } } }])
    expect([values, config.settings.sleeps]).toEqual([{ temperature: 22.4, humidity: 51.2, battery: 87 }, true])
  })
  it('zigbee2mqtt: contact, climate, smoke, leak, motion, plug and the bridge, with both forms of availability', async () => {
    const at = (payload: object, name = 'd'): Heard[] => [{ topic: `zigbee2mqtt/${name}/availability`, payload: { state: 'online' } }, { topic: `zigbee2mqtt/${name}`, payload }, { topic: `zigbee2mqtt/${name}/availability`, payload: 'offline' }]
    const contact = await read('profile: zigbee2mqtt-contact, variables: { name: hall/east door }', at({ battery: 97, contact: true, device_temperature: 24, linkquality: 116, power_outage_count: 3, voltage: 2995 }, 'hall/east door'))
    expect([contact.values, contact.availability]).toEqual([{ open: false, battery: 97, 'link-quality': 116 }, [true, false]])
    expect((await read('profile: zigbee2mqtt-contact', at({ contact: false, linkquality: 152, battery: '100.00' }))).values).toEqual({ open: true, battery: 100, 'link-quality': 152 })
    expect((await read('profile: zigbee2mqtt-climate', at({ temperature: 27.34, humidity: 44.72, pressure: 990, battery: 91, linkquality: 70 }))).values).toEqual({ temperature: 27.34, humidity: 44.72, battery: 91, 'link-quality': 70 })
    expect((await read('profile: zigbee2mqtt-smoke', at({ smoke: true, battery_low: false, tamper: false, battery: 88, smoke_density: 12, linkquality: 99, test: false }))).values).toEqual({ smoke: true, tamper: false, 'battery-low': false, battery: 88, 'link-quality': 99 })
    expect((await read('profile: zigbee2mqtt-leak', at({ battery: '100.00', voltage: 3045, linkquality: 99, water_leak: false }))).values).toEqual({ leak: false, battery: 100, 'link-quality': 99 })
    expect((await read('profile: zigbee2mqtt-motion', at({ occupancy: true, illuminance: 30, illuminance_lux: 30, battery: 74, linkquality: 60 }))).values).toEqual({ occupancy: true, illuminance: 30, battery: 74, 'link-quality': 60 })
    const plug = await read('profile: zigbee2mqtt-plug', at({ state: 'ON', linkquality: 200 }))
    expect([plug.values, encodeCommand(plug.config.points[0]!, plug.config, false)]).toEqual([{ state: true, 'link-quality': 200 }, { topic: 'zigbee2mqtt/d/set', payload: '{"state":"OFF"}' }])
    expect(await read('profile: zigbee2mqtt-bridge', [{ topic: 'zigbee2mqtt/bridge/state', payload: { state: 'online' } }])).toMatchObject({ values: { online: true }, availability: [true] })
  })
  it('self-service-terminal: state with its peripherals, session, rating, help', async () => {
    const { values, occurrences, availability } = await read('profile: self-service-terminal', [
      { topic: 'devices/d/status', payload: 'online' },
      { topic: 'devices/d/state', payload: { seq: 7, paper: 42, printer: 'ok', cardReader: 'fault', idReader: 'ok', online: true, at: '2026-09-18T11:59:58Z' } },
      { topic: 'devices/d/session', payload: { id: 's-1', n: 1, at: '2026-09-18T11:59:58Z', item: 'senior-card', result: 'done', durationS: 93 } },
      { topic: 'devices/d/rating', payload: { id: 'r-1', n: 2, session: 's-1', item: 'senior-card', score: 5 } },
      { topic: 'devices/d/help', payload: { id: 'h-1', n: 3, reason: 'lost' } },
    ])
    expect(values).toEqual({ seq: 7, paper: 42, printer: 'ok', 'card-reader': 'fault', 'id-reader': 'ok', online: true })
    expect(occurrences).toEqual([
      { type: 'kiosk', sourceId: 's-1', n: 1, item: 'senior-card', result: 'done', durationS: 93 }, { type: 'evaluation', sourceId: 'r-1', n: 2, session: 's-1', item: 'senior-card', score: 5 }, { type: 'request', sourceId: 'h-1', n: 3, reason: 'lost' },
    ])
    expect(availability).toEqual([true])
  })
  it('door-controller: granted, denied, forced and held, the reader from payload or topic, no card number', async () => {
    const access = (result: string, more = {}): Heard => ({ topic: 'devices/d/access', payload: { id: result, n: 1, result, reader: 'in', card: '1234567890', ...more } })
    const { values, occurrences, config } = await read('profile: door-controller', [access('granted'), access('denied'), access('forced', { card: undefined }), access('held', { card: undefined }), { topic: 'devices/d/access/out', payload: { id: 'x', result: 'granted' } }, { topic: 'devices/d/contact', payload: { open: true, seq: 4 } }, { topic: 'devices/d/lock', payload: { unlocked: false } }])
    expect(occurrences).toMatchObject([{ result: 'granted', reader: 'in', card: 'hash(10)' }, { result: 'denied' }, { result: 'forced' }, { result: 'held' }, { result: 'granted', reader: 'out', sourceId: 'x' }])
    expect(values).toEqual({ open: true, seq: 4, unlock: false })
    expect(encodeCommand(config.points.find(({ id }) => id === 'd.unlock')!, config, true)).toEqual({ topic: 'devices/d/command', payload: '{"unlock":true}' })
  })
  it('generic-json-sensor: whichever of its fields are there', async () => {
    expect((await read('profile: generic-json-sensor', [{ topic: 'devices/d/state', payload: { temperature: '21.5', contact: false, at: now } }])).values).toEqual({ temperature: 21.5, contact: false })
  })
})

describe('a whole Tasmota on the local broker', () => {
  itWith('mosquitto_pub', 'mosquitto_sub')('publishes all it does, hears its commands, and is not closed for any of it', async () => {
    const port = await freePort()
    const config = await site([`id: plug, profile: tasmota-plug, variables: { topic: tasmota_9CF9D1 }, ${password}`], `driver: mqtt, listen: { port: ${port} }`)
    const running = await runSession(mqttDriver, config)
    const account = ['-h', '127.0.0.1', '-p', String(port), '-u', 'plug', '-P', 'right horse', '-q', '1']
    const heard = promisify(execFile)(findTool('mosquitto_sub')!, [...account, '-t', 'cmnd/tasmota_9CF9D1/#', '-C', '1', '-W', '10', '-F', '%t %p'])
    await until(() => running.state('plug')?.state === 'online')
    const say = (...args: string[]) => promisify(execFile)(findTool('mosquitto_pub')!, [...account, ...args])
    for (const { topic, payload } of tasmota('tasmota_9CF9D1')) await say('-r', '-t', topic, '-m', typeof payload === 'string' ? payload : JSON.stringify(payload))
    await say('-r', '-n', '-t', 'cmnd/tasmota_9CF9D1/POWER')
    await say('-t', 'tasmota/discovery/9CF9D1/config', '-m', '{}')
    await say('-t', 'stat/tasmota_9CF9D1/RESULT', '-m', '{"POWER":"ON"}')
    expect(running.session.deviceStatistics!().plug).toMatchObject({ denied: 0, malformed: 0, publishes: 5 })
    await until(() => running.last('plug.power')?.raw === false)
    expect((await heard).stdout.trim()).toBe('cmnd/tasmota_9CF9D1/POWER')
  })
})

describe('recognising a device by what it says', () => {
  it('suggests the profile that reads most of it, with the variables for the site file', async () => {
    const names = ['tasmota-switch', 'tasmota-plug', 'tasmota-climate', 'shelly-switch', 'shelly-plug', 'zigbee2mqtt-contact', 'zigbee2mqtt-climate', 'zigbee2mqtt-smoke', 'self-service-terminal', 'generic-json-sensor']
    const profiles = await Promise.all(names.map(async (name) => ({ name, points: (await site([`id: d, profile: ${name}, ${password}`])).devices[0]!.points })))
    const recogniser = new Recogniser(profiles)
    const hear = (topic: string, payload: unknown): void => recogniser.hear(topic, Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)))
    for (const { topic, payload } of tasmota('tasmota_1')) hear(topic, payload)
    for (const { topic, payload } of tasmota('tasmota_2')) hear(topic, payload)
    hear('tele/tasmota_2/SENSOR', { ENERGY: { Total: 1, Power: 5, Voltage: 230, Current: 0.1, Factor: 0.9 } })
    hear('shelly-9/status/switch:0', { id: 0, output: true, temperature: { tC: 40 } })
    hear('zigbee2mqtt/door', { contact: true, battery: 90, linkquality: 100 })
    hear('devices/k/state', { seq: 1, paper: 5, printer: 'ok', cardReader: 'ok', idReader: 'ok', online: true })
    hear('some/other/topic', '{"x":1}')
    hear('zigbee2mqtt/odd', Buffer.of(0xff).toString('latin1'))
    expect(recogniser.suggestions().map(({ profile, variables }) => [profile, variables])).toEqual([
      ['tasmota-switch', { topic: 'tasmota_1' }], ['tasmota-plug', { topic: 'tasmota_2' }], ['shelly-switch', { id: 'shelly-9' }], ['zigbee2mqtt-contact', { name: 'door' }], ['self-service-terminal', { device: 'k' }],
    ])
  })
})
