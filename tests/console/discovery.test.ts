import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import mqtt from 'mqtt'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { startOpcuaSimulator } from '../../drivers/opcua/simulator.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { claimFile, newClaim } from '../../gateway/console/claim.ts'
import { systemClock as clock } from '../../gateway/kit/index.ts'
import { scanLibrary } from '../../gateway/main/discovery/library.ts'
import { opcuaConfig } from '../drivers/opcua/support.ts'
import { root } from '../support/architecture.ts'
import { launchBrowser, office, pageBrowser } from '../support/browser.ts'
import { changingHouse, type ChangingHouse } from '../support/changing-house.ts'
import { adminPassword, Caller } from '../support/console.ts'
import { devicePassword } from '../support/gateways.ts'
import { busOf, fillBus } from '../support/scan-bus.ts'
import { findTool, itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)
const parts = { clock, random: () => 0.5 }
const bridge = '  - { id: zigbee, name: { zh: 网桥, en: bridge }, connection: broker, profile: zigbee2mqtt-bridge, password: { env: LINLI_TEST_PASSWORD } }   # in the attic'
const browser = findTool(pageBrowser) ? await launchBrowser() : null
beforeAll(() => { spawnSync(process.execPath, [path.join(root, 'scripts/console.mjs')], { stdio: 'inherit' }) }, 60_000)
afterAll(() => browser?.close())

/** A gateway that runs, and its installer before the page. */
async function atThePage(): Promise<{ readonly house: ChangingHouse; readonly page: Page; readonly complaints: readonly string[] }> {
  const house = await changingHouse({ console: true, devices: [bridge] })
  const { port } = (await readSite(house.file)).console.listen
  const caller = new Caller(`http://127.0.0.1:${port}`)
  await expect.poll(() => caller.ask('/healthz').then(({ status }) => status, () => 0), { timeout: 20_000 }).toBe(200)
  await caller.post('/api/claim', { id: 'wang', password: adminPassword, code: await newClaim(claimFile(path.join(path.dirname(house.file), 'data')), Date.now()) })
  await caller.post('/api/users', { id: 'sun', role: 'installer', password: 'password of sun' })
  await caller.post('/api/session/login', { id: 'sun', password: 'password of sun' })
  const context = await browser!.newContext({ timezoneId: 'UTC', locale: 'zh-CN', ...office })
  const [name, value] = caller.cookie!.split('=')
  await context.addCookies([{ name: name!, value: value!, url: caller.url }])
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => { if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) complaints.push(message.text()) })
  await page.goto(`${caller.url}/#/discovery`)
  return { house, page, complaints }
}

/** Writes what was chosen, and keeps it. */
async function save(page: Page, house: ChangingHouse, number: number): Promise<void> {
  await page.getByRole('button', { name: '保存已试读的 1 台' }).click()
  await page.locator('.plan').getByText('线路', { exact: true }).waitFor()
  await page.getByRole('button', { name: '写入并启用' }).click()
  await page.getByText(new RegExp(`配置 ${number} 已生效`)).waitFor({ timeout: 15_000 })
  await expect.poll(() => house.control.changes().then(({ configurations: [last] }) => [last?.number, last?.by, last?.origin], () => null), { timeout: 10_000 }).toEqual([number, 'sun', 'console'])
}
const keep = async (page: Page): Promise<void> => {
  await expect.poll(async () => { await page.getByRole('button', { name: '保留新配置' }).click({ timeout: 300 }).catch(() => {}); return page.getByText('一切正常，已保留。').count() }, { timeout: 20_000 }).toBe(1)
  await page.getByRole('button', { name: '继续查找' }).click()
}
const good = (house: ChangingHouse, point: string): Promise<unknown> => house.control.readings().then((all) => { const found = all.find(({ pointId }) => pointId === point); return found?.quality === 'good' ? found.value : null }, () => null)

describe('finding devices on the page of a running gateway', () => {
  it('reads meter, Zigbee sensor and OPC UA server before they are saved, puts each in force at once, and takes one back', { timeout: 90_000 }, async () => {
    const { house, page, complaints } = await atThePage()
    // A meter at given addresses; not outside of the building.
    const library = await scanLibrary([])
    const devices = [{ unit: 2, profile: 'pzem-016' }]
    const bus = busOf(devices, library, { host: '127.0.0.1' })
    await using meter = await startModbusSimulator(bus, parts, { port: 0, strict: true })
    fillBus(meter, bus, devices, () => 0.5)
    await page.getByText('网络地址（Modbus TCP）').click()
    await page.getByLabel(/^地址/).fill('8.8.8.8')
    await page.getByRole('button', { name: '开始查找' }).click()
    await page.getByText('地址写得不对，或不在楼内网络。').waitFor()
    await page.getByLabel(/^地址/).fill(`127.0.0.1:${meter.port}`)
    await page.getByRole('button', { name: '开始查找' }).click()
    const pzem = page.locator('.found', { hasText: 'PZEM-016' })
    await pzem.getByText(/把握 \d+ \/ 100/).waitFor({ timeout: 20_000 })
    expect(await page.getByRole('button', { name: /保存/ }).count()).toBe(0)
    await pzem.getByRole('button', { name: '试读' }).click()
    await pzem.getByText(/^23\d(\.\d)? V$/).waitFor({ timeout: 20_000 })
    await save(page, house, 2)
    await expect.poll(() => good(house, 'pzem-016-2.voltage'), { timeout: 10_000 }).toBeCloseTo(230, -1)
    // Nothing else can be saved while it is on trial, and the page says so.
    // The page of the gateway that has just turned comes up after its devices.
    await expect.poll(() => page.reload().then(() => true, () => false), { timeout: 10_000 }).toBe(true)
    await page.getByText('配置 2 正在试运行，结束之前不能保存。').waitFor()
    await house.control.orderChange({ action: 'confirm', by: 'sun' })
    expect((await house.control.changes()).configurations[0]).toMatchObject({ reason: 'added pzem-016-2 by discovery', outcome: 'confirmed' })
    expect([...meter.functions.keys()].filter((code) => code > 4 && code !== 17 && code !== 43)).toEqual([])

    // A door contact behind a bridge that has an account, and somebody who has none.
    await page.reload()
    const broker = (await readSite(house.file)).connections.find(({ id }) => id === 'broker')!.settings as { readonly listen: { readonly port: number } }
    const zigbee = mqtt.connect(`mqtt://127.0.0.1:${broker.listen.port}`, { username: 'zigbee', password: devicePassword, clientId: 'zigbee', reconnectPeriod: 200 })
    const say = (topic: string, body: object): void => { zigbee.publish(topic, JSON.stringify(body), { qos: 0 }) }
    zigbee.on('connect', () => say('zigbee2mqtt/bridge/devices', [{ ieee_address: '0x1', friendly_name: 'front-door', type: 'EndDevice', definition: { vendor: 'Aqara', model: 'MCCGQ11LM' } }] as never))
    const talk = setInterval(() => say('zigbee2mqtt/front-door', { contact: false, battery: 91, linkquality: 120 }), 300)
    const stranger = mqtt.connect(`mqtt://127.0.0.1:${broker.listen.port}`, { username: 'nobody-knows-me', password: 'x', reconnectPeriod: 0 })
    stranger.on('error', () => {})
    try {
      await page.getByText('MQTT 设备', { exact: true }).click()
      await page.getByLabel('MQTT 连接').selectOption('broker')
      await page.getByRole('button', { name: '开始查找' }).click()
      const door = page.locator('.found', { hasText: 'Zigbee 门磁' })
      await door.getByText('91 %').waitFor({ timeout: 15_000 })
      await page.locator('.found', { hasText: 'nobody-knows-me' }).getByText(/站点文件里没有这个用户名/).waitFor()
      await page.getByRole('button', { name: '停止' }).click()
      await door.getByText('依据（英文）').click()
      await door.getByText('model: MCCGQ11LM').waitFor()
      await door.getByRole('button', { name: '试读' }).click()
      await save(page, house, 3)
      await expect.poll(() => good(house, 'front-door.battery'), { timeout: 10_000 }).toBe(91)
      await keep(page)
    } finally {
      clearInterval(talk)
      await Promise.all([zigbee.endAsync(true), stranger.endAsync(true)])
    }
    const before = await readFile(house.file, 'utf8')
    expect(before).toMatch(/# whoever changes this file[^]*# in the attic\n[^]*id: front-door, .*profile: zigbee2mqtt-contact, via: zigbee/)

    // A server whose certificate nobody trusts yet, and one of its variables.
    const config = opcuaConfig('opc.tcp://127.0.0.1:4840', { plc: { points: { supply: { type: 'number', unit: 'Cel' } } } })
    await using server = await startOpcuaSimulator(config, parts, { port: 0 })
    server.set('plc.supply', 6.5)
    await page.getByText('OPC UA 服务器', { exact: true }).click()
    await page.getByLabel('服务器地址').fill(server.where)
    await page.getByRole('button', { name: '开始查找' }).click()
    const plc = page.locator('.found', { hasText: server.where })
    await plc.getByRole('button', { name: '试读' }).click({ timeout: 20_000 })
    await plc.getByRole('button', { name: '指纹一致：信任并试读' }).click({ timeout: 20_000 })
    await plc.getByText('运行状态').waitFor({ timeout: 20_000 })
    await plc.getByLabel(/plc\.supply 6\.5/).check()
    await save(page, house, 4)
    const added = /id: (opcua-[a-z0-9-]*values)/.exec(await readFile(house.file, 'utf8'))![1]!
    await expect.poll(async () => (await house.control.readings().catch(() => [])).find(({ pointId, quality }) => pointId.startsWith(`${added}.`) && quality === 'good')?.value, { timeout: 15_000 }).toBe(6.5)
    // And back again.
    await page.getByRole('link', { name: /配置记录/ }).click()
    await page.getByRole('button', { name: '换回原来的' }).click()
    await expect.poll(() => readFile(house.file, 'utf8'), { timeout: 15_000 }).toBe(before)
    expect(complaints).toEqual([])
  })
})
