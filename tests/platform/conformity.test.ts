import path from 'node:path'
import type { MqttClient } from 'mqtt'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { readSite } from '../../gateway/cli/rooms.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { startGateway } from '../../gateway/main.ts'
import { createEncoder } from '../../cloud-sync/envelope.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { deskBench, later, request } from '../support/command-desks.ts'
import { devicePassword, kioskDevice, siteFile } from '../support/gateways.ts'
import { contentOf, drain, event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { reading } from '../support/points.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { connected } from './consumers.ts'
import { schemaChecks } from './schemas.ts'

const withMosquitto = itWith('mosquitto')
const base = 'linli/v1/420106/hall-1'
const checks = schemaChecks()

/** The schema of a message, by its topic. */
function schemaOf(topic: string, message: { readonly type?: string }): string {
  const below = topic.slice(base.length + 1)
  return below.startsWith('up/') ? message.type!.split('.')[2]! : below.replace(/^model\/\d+$/, 'model').replace('/', '-')
}

/** Nothing that the code sends may be missing from what is published about it, field by field. */
const conforms = (name: string, message: object): void => { expect(checks.errors(name, message), JSON.stringify(message)).toEqual([]) }

describe('what a gateway really sends holds to the published schemas', () => {
  withMosquitto('from doors, terminals, a dead line, rules and a stepping clock, to a real broker', { timeout: 60_000 }, async () => {
    process.env.LINLI_TEST_PASSWORD = devicePassword
    const broker = await mosquitto()
    const messages: { readonly topic: string; readonly message: any }[] = []
    const city = await connected(broker.url, { protocolVersion: 5 })
    city.on('message', (topic, payload) => { messages.push({ topic, message: JSON.parse(payload.toString()) }) })
    await city.subscribeAsync('#', { qos: 1 })
    const port = await freePort()
    const file = await siteFile(await tempFolder(), [
      'connections:', `  - { id: broker, driver: mqtt, listen: { port: ${port} } }`, `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${await freePort()} }`,
      'devices:', kioskDevice('kiosk'), kioskDevice('door').replace('self-service-terminal', 'door-controller'),
      '  - { id: hall-env, name: { zh: 大厅, en: hall }, connection: line, profile: xy-md02, unitId: 1, place: hall }',
      'rules:', '  - { id: paper, kind: threshold, point: kiosk.paper, below: 10, severity: 4, title: { zh: 缺纸, en: low on paper } }',
      '  - { id: open, kind: threshold, point: door.open, equals: true, severity: 2, title: { zh: 门开, en: door open } }',
      `uplinks: [{ id: city, url: "${broker.url}", commands: { actors: [ioc] } }]`,
    ])
    let offset = 0
    const clock = { ...systemClock, now: () => Date.now() + offset }
    const gateway = await startGateway({ site: await readSite(file), log: silentLog(), clock })
    onTestFinished(() => gateway[Symbol.asyncDispose]())
    const devices = await Promise.all(['kiosk', 'door'].map((id) => connected(`mqtt://127.0.0.1:${port}`, { clientId: id, username: id, password: devicePassword })))
    const [kiosk, door] = devices as [MqttClient, MqttClient]
    const put = (client: MqttClient, topic: string, message: object) => client.publishAsync(`devices/${topic}`, JSON.stringify(message), { qos: 1 })
    await put(kiosk, 'kiosk/session', { id: 's-1', n: 1, item: 'senior-card', result: 'done', durationS: 12.5 })
    await put(kiosk, 'kiosk/session', { n: 2, item: 'senior-card' })
    await put(kiosk, 'kiosk/rating', { id: 'r-1', n: 3, session: 's-1', item: 'senior-card', score: 5, at: Date.now() - 5_000 })
    await put(kiosk, 'kiosk/help', { id: 'h-1', n: 4, reason: '电梯' })
    await put(kiosk, 'kiosk/state', { seq: 1, paper: 5, printer: '缺纸', cardReader: null, online: true })
    await put(kiosk, 'kiosk/state', { seq: 2, paper: 104, printer: 'ok', online: true, at: Date.now() - 5_000 })
    await put(door, 'door/access', { id: 'a-1', n: 1, result: 'granted', reader: 'out', card: '4711081547110815' })
    await put(door, 'door/access/north', { id: 7, result: 'denied', card: 4711081547110815 })
    await put(door, 'door/contact', { open: true, seq: 1 })
    await put(door, 'door/contact', { open: false, seq: 2 })
    for (const point of ['door.unlock', 'door.nothing']) await city.publishAsync(`${base}/cmd/req`, JSON.stringify({ id: point, actor: 'ioc', issuedat: new Date().toISOString(), point, value: true }), { qos: 1 })
    await city.publishAsync(`${base}/cmd/req`, JSON.stringify({ id: 'c-3', actor: 'nobody', issuedat: new Date().toISOString(), point: 'door.unlock', value: true }), { qos: 1 })
    await vi.waitUntil(() => messages.filter(({ topic }) => topic.endsWith('/cmd/res')).length >= 3, { timeout: 10_000, interval: 20 })
    offset = 3_600_000
    const types = () => new Set(messages.filter(({ topic }) => topic.includes('/up/')).map(({ message }) => `${message.type.split('.')[2]} ${message.data.action ?? message.data.state ?? ''}`.trim()))
    const wanted = ['telemetry', 'access', 'kiosk', 'request', 'evaluation', 'device offline', 'device online', 'gateway started', 'gateway clock-stepped', 'alert raised', 'alert cleared', 'command rejected', 'checkpoint']
    await vi.waitUntil(() => wanted.every((name) => types().has(name)), { timeout: 20_000, interval: 20 }).catch(() => expect([...types()]).toEqual(expect.arrayContaining(wanted)))
    const readings = () => messages.flatMap(({ message }) => message.data?.readings ?? [])
    await expect.poll(() => new Set(readings().map(({ quality = 'good' }) => quality)), { timeout: 10_000 }).toEqual(new Set(['good', 'uncertain', 'bad']))
    await gateway[Symbol.asyncDispose]()
    await expect.poll(() => messages.filter(({ topic }) => topic.endsWith('/status')).map(({ message }) => message.state)).toEqual(['online', 'offline'])
    for (const { topic, message } of messages) conforms(schemaOf(topic, message), message)
    expect(new Set(messages.map(({ topic }) => topic.slice(base.length + 1)))).toEqual(new Set(['status', 'model', 'snapshot', 'cmd/req', 'cmd/res', 'up/alert', 'up/event', 'up/ledger', 'up/telemetry']))
    expect(JSON.stringify(messages)).not.toContain('4711081547110815')
  })

  it('the ends of epochs, gaps of a full disk and of a city that refuses, and what is sent again', async () => {
    const folder = path.join(await tempFolder(), 'journal')
    const open = (maxBytes: number) => openJournal({
      folder, encoder: createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'holdover' }), clock: systemClock, random: () => 0.5, log: silentLog(), commitMs: 1, maxBytes,
    } as Parameters<typeof openJournal>[0])
    {
      await using journal = await open(20_000)
      const reader = await journal.reader('city', { from: 'start' })
      for (let n = 1; n <= 200; n++) await journal.commit({ events: [event(n, { data: { device: 'kiosk', n, text: 'x'.repeat(200) } })], readings: [reading('hall.t', n)], urgent: true })
      const [first] = await reader.take('event', 1)
      await reader.settle('event', [{ record: first!, outcome: 'rejected', reason: 'MQTT reason 0x87' }])
      expect(await journal.deadLetters.resend((await journal.deadLetters.list(10)).map(({ id }) => id))).toBe(1)
    }
    await using journal = await open(1 << 20)
    const other = await journal.reader('other', { from: 'start' })
    const events = (await drain(other, 'event')).map(contentOf)
    for (const record of events) conforms('kiosk', record)
    expect(events.filter(({ resends }) => resends !== undefined)).toHaveLength(1)
    const ledger = (await drain(other, 'ledger')).map(contentOf)
    for (const record of ledger) conforms(record.type.split('.')[2], record)
    expect(new Set(ledger.map(({ type, data }) => data.reason ?? type))).toEqual(new Set(['quota', 'refused', 'org.linli.epoch.v1']))
  })

  it('commands: every state, with and without a contact, repeats, and those turned away', async () => {
    const bench = await deskBench({ config: { perMinute: 20 } })
    const { clock, door } = bench
    const answers = (wish: object, more = {}) => { const one = request(clock, wish); if (!('issuedat' in wish)) conforms('cmd-req', one); return bench.send(one, more) }
    const ended = async (some: readonly { readonly state: string }[]): Promise<void> => { await vi.waitUntil(() => some.length > 0 && !['accepted', 'running'].includes(some.at(-1)!.state), { interval: 1 }) }
    const all: (readonly { readonly state: string }[])[] = []
    for (const wish of [{ idempotencykey: 'same', expiresat: later(clock, 30_000) }, { idempotencykey: 'same', id: 'again' }, { point: 'door.level', value: 55.5 }, { point: 'door.nowhere' }, { point: 'door.level', value: 900 }, { issuedat: later(clock, -60_000), expiresat: later(clock, -1) }, { actor: 'nobody' }, { value: 'a text' }]) {
      const told = answers(wish)
      await ended(told)
      all.push(told)
    }
    door.onWrite = async (value) => { door.contact(value === true) }
    for (const [wish, more] of [[{ point: 'door.unlock' }, {}], [{ point: 'door.lamp' }, { retained: true }]] as const) { const told = answers(wish, more); await ended(told); all.push(told) }
    const rubbish = bench.send({}, { payload: Buffer.from('{') })
    all.push(rubbish)
    expect(new Set(all.flat().map(({ state }) => state))).toEqual(new Set(['accepted', 'running', 'done', 'rejected', 'expired']))
    for (const answer of all.flat()) conforms('cmd-res', { gateway: 'hall-1', ...answer })
    await vi.waitUntil(() => bench.events.length >= 15, { interval: 1 })
    const encoder = createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' })
    for (const one of bench.events) conforms('command', JSON.parse(Buffer.from(encoder.event(one, { stream: 'event', epoch: '00000001-a1b2c3d4', seq: 1, prevHash: '' })).toString()))
    expect(bench.events.some(({ data }) => data.effect === 'confirmed')).toBe(true)
  })
})
