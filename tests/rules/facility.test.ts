import mqtt from 'mqtt'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { GatewayEvent } from '../../gateway/contract/index.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { devicePassword, kioskDevice, runGateway, siteFile } from '../support/gateways.ts'
import { freePort, tempFolder } from '../support/resources.ts'

const device = (id: string, profile: string) => `  - { id: ${id}, name: { zh: 设备, en: ${id} }, connection: broker, profile: ${profile}, password: { env: LINLI_TEST_PASSWORD } }`

async function house(decisions: readonly string[]) {
  const folder = await tempFolder()
  const port = await freePort()
  const file = await siteFile(folder, [
    'connections:', `  - { id: broker, driver: mqtt, listen: { port: ${port} } }`,
    'devices:', device('east', 'door-controller'), device('panel', 'door-controller'), kioskDevice('t1'), ...decisions,
  ])
  const gateway = await runGateway(file)
  const control = controlClient(path.join(folder, 'data/linli.sock'))
  const events: GatewayEvent[] = []
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  void (async () => { for await (const item of control.tail(stop.signal)) if (item.kind === 'event') events.push(item.event) })().catch(() => {})
  const join = async (username: string) => {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { username, password: devicePassword, clientId: username, reconnectPeriod: 0 })
    onTestFinished(() => client.endAsync(true))
    return { client, say: (topic: string, data: object) => client.publishAsync(`devices/${username}/${topic}`, JSON.stringify(data), { qos: 1 }) }
  }
  return { gateway, control, events, join, of: (type: string) => events.filter((event) => event.type === type).map(({ data }) => data) }
}

describe('the doors and terminals of a running gateway', () => {
  it('tell one opening once, and what its reader could not know', { timeout: 30_000 }, async () => {
    const { control, join, of } = await house(['doors:', '  - { id: east, name: { zh: 东门, en: east door }, contact: east.open, lock: { point: east.unlock }, reader: east, grace: 200ms }'])
    const east = await join('east')
    await east.say('contact', { open: false })
    await expect.poll(async () => (await control.doors())[0]?.contact).toBe('closed')
    await east.say('access', { id: 'a-1', n: 1, result: 'granted', reader: 'in', card: '0008591234' })
    await east.say('contact', { open: true })
    await east.say('contact', { open: false })
    await expect.poll(() => of('access').map(({ result }) => result)).toEqual(['granted', 'opened', 'closed'])
    expect(of('access')).toMatchObject([{ device: 'east', door: 'east', result: 'granted', card: expect.stringMatching(/^k1:[0-9a-f]{32}$/) }, { device: 'east', door: 'east', cause: 'card' }, { door: 'east' }])
    expect(await control.doors()).toMatchObject([{ id: 'east', contact: 'closed', today: { granted: 1, opened: 1, closed: 1 } }])
  })

  it('raise a forced door at once, and write no lock that nobody allowed, nor any in a fire', { timeout: 30_000 }, async () => {
    const { control, join, of } = await house([
      'access: { fire: panel.open }', 'doors:',
      '  - { id: east, name: { zh: 东门, en: east door }, contact: east.open, lock: { point: east.unlock }, reader: east, grantWindow: 1ms, grace: 100ms, commands: { unlock: [{ actor: "*", origin: site }], lock: [{ actor: "*", origin: site }] } }',
      '  - { id: panel, name: { zh: 侧门, en: side door }, contact: panel.open, lock: { point: panel.unlock } }',
    ])
    const [east, panel] = [await join('east'), await join('panel')]
    await east.client.subscribeAsync('devices/east/command', { qos: 1 })
    const heard: string[] = []
    east.client.on('message', (_, payload) => {
      heard.push(payload.toString())
      void east.say('lock', { unlocked: (JSON.parse(payload.toString()) as { unlock: boolean }).unlock })
    })
    await east.say('contact', { open: false })
    await east.say('lock', { unlocked: false })
    await panel.say('contact', { open: false })
    await expect.poll(async () => (await control.doors()).map(({ contact }) => contact)).toEqual(['closed', 'closed'])
    await east.say('contact', { open: true })
    await expect.poll(() => of('alert')).toMatchObject([{ state: 'raised', key: 'door/east/forced', severity: 2 }])

    await control.write('east.unlock', true, 5_000)
    await expect(control.write('panel.unlock', true, 5_000)).rejects.toMatchObject({ code: 'DOOR_FORBIDDEN' })
    await panel.say('contact', { open: true })
    await expect.poll(async () => (await control.doors())[0]?.fire).toBe(true)
    await expect(control.write('east.unlock', false, 5_000)).rejects.toMatchObject({ code: 'DOOR_FIRE' })
    expect(heard).toEqual(['{"unlock":true}'])
  })

  it('name what a session was about, count it, and give a call to somebody', { timeout: 30_000 }, async () => {
    const { control, join, of } = await house([
      'kiosks:', '  - { id: hall, name: { zh: 大厅终端, en: hall terminal }, device: t1, peripherals: [{ id: printer, name: { zh: 打印机, en: printer }, point: t1.printer, ok: ok, required: true }] }',
      'services: [{ code: senior-card, name: { zh: 老年卡办理, en: senior card } }]',
    ])
    const t1 = await join('t1')
    await t1.say('state', { printer: 'ok', paper: 50, online: true, seq: 1 })
    await expect.poll(async () => (await control.kiosks())[0]?.condition).toBe('available')
    await t1.say('session', { id: 's-1', n: 1, item: 'senior-card', result: 'done', durationS: 80 })
    await t1.say('session', { id: 's-2', n: 2, item: 'unheard-of', result: 'done' })
    await t1.say('help', { id: 'h-1', n: 3, reason: 'printer' })
    await t1.say('rating', { id: 'r-1', n: 4, session: 's-1', score: 1 })
    await t1.say('state', { printer: 'jam', paper: 50, online: true, seq: 2 })
    await expect.poll(async () => (await control.kiosks())[0]).toMatchObject({ condition: 'down', why: ['printer'], sessions: { count: 2, items: { 'senior-card': 1, 'unheard-of': 1 } } })
    expect(of('kiosk')).toMatchObject([{ action: 'state', state: 'available' }, { kiosk: 'hall', item: 'senior-card', itemZh: '老年卡办理' }, { item: 'unheard-of', itemKnown: false }, { action: 'state', state: 'down', was: 'available', why: 'printer' }])
    expect(of('alert')).toMatchObject([{ rule: 'residents', severity: 2, state: 'raised', key: expect.stringMatching(/^request\/t1\//), reason: 'printer' }, { rule: 'residents', severity: 4, session: 's-1', score: 1 }])
  })
})
