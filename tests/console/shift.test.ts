import { connectAsync } from 'mqtt'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import type { ModbusConfig } from '../../drivers/modbus/settings.ts'
import { startModbusSimulator, type ModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import type { Alert, Clock } from '../../gateway/contract/index.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { pageBrowser, rule, startDesk, type Desk } from '../support/browser.ts'
import { devicePassword } from '../support/gateways.ts'
import { freePort } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)
const alike = 30
let aheadMs = 0
/** Ours, and ahead of it by as much as a test says. */
const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
let desk: Desk
let probes: ModbusSimulator
let brokerPort = 0

const name = (zh: string, en: string): string => `name: { zh: ${zh}, en: ${en} }`
/** A second line whose device has a cause of its own for each of its points, and a broker with one that falls silent. */
const probe = (): string => [
  `  - { id: probe, ${name('探头', 'probe')}, connection: second, unitId: 1, place: cellar, points: {`,
  `      level: { ${name('水位', 'level')}, type: number, unit: m, table: input, register: 0, format: s16, sentinels: [32767], poll: 100ms },`,
  `      heat: { ${name('油温', 'oil temperature')}, type: number, unit: Cel, table: input, register: 10, format: s16, min: 0, max: 90, poll: 100ms },`,
  `      loop: { ${name('回路', 'loop')}, type: boolean, table: input, register: 20, sentinels: [2, 3], poll: 100ms } } }`,
  `  - { id: stubborn, ${name('拒答表', 'stubborn meter')}, connection: second, unitId: 2, place: cellar, points: { power: { ${name('功率', 'power')}, type: number, unit: W, table: input, register: 500, format: s16, poll: 100ms } } }`,
  `  - { id: mote, ${name('无线水尺', 'wireless gauge')}, connection: broker, silentAfter: 1s, place: cellar, password: { env: LINLI_TEST_PASSWORD }, points: { depth: { ${name('深度', 'depth')}, type: number, unit: m, topic: mote/depth } } }`,
  'rules:', '',
].join('\n')

beforeAll(async () => {
  process.env.LINLI_TEST_PASSWORD = devicePassword
  const second = await freePort()
  brokerPort = await freePort()
  let file = ''
  desk = await startDesk({
    clock, rules: Array.from({ length: alike }, (_, n) => rule(`alike-${n}`, 'odd.on', 3, '门磁电池不足', 'door contact low on battery')), located: (where) => { file = where },
    edit: (site) => `${site.replace('connections:', `connections:\n  - { id: second, driver: modbus, host: 127.0.0.1, port: ${second}, timeout: 300ms }\n  - { id: broker, driver: mqtt, listen: { port: ${brokerPort} } }`).replace('rules:\n', probe())}\nalerts: { flood: { alerts: 1000 } }\n`,
  })
  const { devices, ...line } = (await readSite(file)).connections.find(({ id }) => id === 'second') as ModbusConfig
  // It has no register for what the stubborn one is asked.
  probes = await startModbusSimulator({ ...line, devices: devices.map((device) => (device.id === 'stubborn' ? { ...device, points: [] } : device)) }, { clock: systemClock, random: () => 0.5 }, { port: second, strict: true })
  for (const [point, raw] of [['probe.level', 32_767], ['probe.heat', 140], ['probe.loop', 2]] as const) probes.set(point, raw)
}, 60_000)
afterAll(async () => { await desk?.[Symbol.asyncDispose](); await probes?.[Symbol.asyncDispose]() })
afterEach(async () => { for (const context of desk.browser.contexts()) await context.close() })

const alertsOf = (rule: string): readonly Alert[] => desk.gateway.status().alerts.filter(({ ruleId }) => ruleId.startsWith(rule))
const siteTime = (at: number): string => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' }).format(at)
const tile = (page: Page, place: string) => page.locator('.tile', { has: page.getByRole('heading', { name: place }) })

describe('home', () => {
  it('shows in a room what goes on in it, and no more once it is over', async () => {
    const page = await desk.open()
    const cellar = tile(page, '地下室')
    await cellar.waitFor()
    desk.devices.set('pump.wet', true)
    await cellar.getByRole('link', { name: '地下室漏水' }).waitFor()
    expect(await cellar.getAttribute('class')).toContain('level-fault')
    expect(await tile(page, '门厅').getByRole('link', { name: '漏水' }).count()).toBe(0)
    desk.devices.set('pump.wet', false)
    await cellar.getByRole('link', { name: '地下室漏水' }).waitFor({ state: 'detached' })
    await page.locator('.alert', { hasText: '已恢复，尚未确认' }).waitFor()
  })

  it('lets no tap fall on an alert that has only just come under the finger', async () => {
    desk.devices.set('panel.button', true)
    desk.devices.set('panel.lamp', true)
    const page = await desk.open()
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).waitFor()
    // The second half of a double click, at the moment when the next one stands there.
    await page.evaluate(`new MutationObserver(() => {
      const first = document.querySelector('.acknowledge')
      if (window.tapped || !first || !/大厅有人求助/.test(first.getAttribute('aria-label'))) return
      window.tapped = true
      first.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, detail: 2 }))
    }).observe(document.body, { childList: true, subtree: true, attributes: true })`)
    await page.getByRole('button', { name: '确认：地下室漏水' }).click()
    await page.waitForFunction('window.tapped')
    await expect.poll(() => alertsOf('leak')[0]!.state).toBe('acknowledged')
    await page.waitForTimeout(500)
    expect(alertsOf('call')[0]!.state).toBe('raised')
    // A person's next tap counts.
    await page.getByRole('button', { name: '确认：大厅有人求助' }).click()
    await expect.poll(() => alertsOf('call')[0]!.state).toBe('acknowledged')
  })

  it(`has ${alike} equal alerts in one line, which one tap acknowledges, and leaves what is critical alone`, async () => {
    desk.devices.set('odd.on', true)
    desk.devices.set('panel.smoke', true)
    const page = await desk.open()
    const all = page.getByRole('button', { name: `确认 ${alike} 个：门磁电池不足` })
    await all.waitFor()
    expect(await page.locator('.alert').count()).toBeLessThan(8)
    await all.click()
    await expect.poll(() => alertsOf('alike').filter(({ state }) => state === 'acknowledged').length, { timeout: 15_000 }).toBe(alike)
    expect(alertsOf('smoke')[0]!.state).toBe('raised')
    await page.getByRole('button', { name: '确认：大厅烟感报警' }).waitFor()
    for (const contact of ['odd.on', 'panel.smoke', 'panel.lamp', 'panel.button']) desk.devices.set(contact, false)
  })
})

describe('a device', () => {
  it('tells why each value is bad, in words of its own cause, with the next step', { timeout: 60_000 }, async () => {
    const page = await desk.open({ at: 'devices/probe' })
    const point = (label: string) => page.locator('.points > li', { has: page.getByRole('button', { name: label, exact: true }) })
    await point('水位').getByText('设备报告传感器故障。').waitFor({ timeout: 15_000 })
    await point('油温').getByText('数值超出合理范围。').waitFor()
    await point('油温').getByText('存疑').waitFor()
    await point('回路').getByText('信号线断了或短路，看不到它的状态。').waitFor()
    for (const label of ['水位', '油温', '回路']) await point(label).getByText('下一步').waitFor()
    await page.goto(`${desk.url}/#/devices/stubborn`)
    await page.getByText('设备说没有这个数据。').first().waitFor({ timeout: 15_000 })
    // One that falls silent, and that is connected all the time.
    const client = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { username: 'mote', password: devicePassword, clientId: 'mote' })
    await page.goto(`${desk.url}/#/devices/mote`)
    await expect.poll(async () => { await client.publishAsync('mote/depth', '1.25', { qos: 1 }); return page.getByText('1.25 m').count() }, { timeout: 15_000, interval: 200 }).toBeGreaterThan(0)
    await page.getByText('设备很久没有发来消息。').first().waitFor({ timeout: 10_000 })
    await client.endAsync()
  })

  it('that is unplugged says so once, when it was last heard, and what its line counted', { timeout: 60_000 }, async () => {
    const page = await desk.open({ at: 'devices/climate' })
    await page.getByText('21.5 °C').first().waitFor()
    desk.devices.fault('climate', 'timeout')
    const before = Date.now()
    await page.getByText('设备没有回答。').first().waitFor({ timeout: 15_000 })
    await expect.poll(() => page.locator('.device-state', { hasText: '离线' }).count(), { timeout: 15_000 }).toBe(1)
    expect(await page.getByText('设备没有回答。').count()).toBe(1)
    // Written off it is, but it was heard a moment ago.
    await page.reload()
    const heard = page.getByText('最近收到').locator('xpath=following-sibling::dd[1]')
    await expect.poll(() => heard.innerText()).toMatch(/\d\d:\d\d/)
    expect([siteTime(before - 60_000), siteTime(before), siteTime(Date.now())]).toContain((await heard.innerText()).slice(-5))
    await page.locator('summary', { hasText: '所在线路' }).click()
    const counter = async (heading: string, code: string): Promise<number> => Number((await page.locator('details dl').nth(heading === '线路统计' ? 0 : 1).locator('dt', { hasText: code }).locator('xpath=following-sibling::dd[1]').innerText()).replaceAll(',', ''))
    const [line, device] = [await counter('线路统计', 'timeouts'), await counter('本设备', 'timeouts')]
    expect(device).toBeGreaterThan(0)
    expect(line).toBeGreaterThanOrEqual(device)
    expect(await counter('线路统计', 'requests')).toBeGreaterThan(await counter('本设备', 'requests'))
    await page.getByText('没有回答 timeouts').first().waitFor()
  })

  it('is not written beyond its range, and a write that nobody answered is told as not known', { timeout: 60_000 }, async () => {
    const page = await desk.open({ at: 'devices/climate' })
    await page.getByRole('button', { name: '改值' }).click()
    const dialog = page.getByRole('dialog')
    const write = dialog.getByRole('button', { name: '确认写入' })
    for (const wrong of ['35.5', '']) {
      await dialog.getByLabel('设定温度 · 新的值').fill(wrong)
      expect(await write.isDisabled()).toBe(true)
      await dialog.locator('.ask', { hasText: '可填 5 到 35' }).waitFor()
    }
    await dialog.getByLabel('设定温度 · 新的值').fill('19.5')
    await write.click()
    // Its plug is still out.
    await dialog.getByText('设备没有回答，不知道改成了没有。').waitFor({ timeout: 15_000 })
    await dialog.getByText('先看现在的值').waitFor()
    expect(await dialog.getByText('已写入并读回').count()).toBe(0)
    expect(desk.devices.get('climate.setpoint')).toBe(220)
    desk.devices.fault('climate', null)
    const answer = await page.request.post(`${desk.url}/api/points/climate.setpoint/write`, { data: { value: 99 } })
    expect([answer.ok(), ((await answer.json()) as { code: string }).code]).toEqual([false, 'POINT_VALUE'])
  })
})

describe('doors and terminals', () => {
  it('tell by the hour how long a terminal could be used, and what a door did, in the site\'s time', { timeout: 60_000 }, async () => {
    const page = await desk.open({ at: 'doors' })
    const terminal = page.locator('.terminal', { hasText: '自助终端一' })
    await terminal.getByText('有数据的时间里可用 100%').waitFor()
    expect(await terminal.locator('.hours rect.nothing').count()).toBeGreaterThanOrEqual(22)
    desk.devices.fault('kiosk', 'timeout')
    await terminal.getByText('不能使用').waitFor({ timeout: 15_000 })
    await page.waitForTimeout(1_000)
    desk.devices.fault('kiosk', null)
    await terminal.getByText('可以使用').waitFor({ timeout: 20_000 })
    await page.reload()
    const hours = terminal.getByRole('img')
    await hours.waitFor()
    expect(await hours.getAttribute('aria-label')).toMatch(new RegExp(`${siteTime(Date.now()).slice(0, 2)}:00：\\d\\d% 可用`))
    const at = Date.now()
    desk.devices.set('gate.open', true)
    const door = page.locator('.door', { hasText: '大门' })
    await door.locator('.recent li', { hasText: '打开' }).first().waitFor()
    expect([siteTime(at), siteTime(at + 5_000)]).toContain((await door.locator('.recent li', { hasText: '打开' }).first().locator('time').innerText()).trim())
    desk.devices.set('gate.open', false)
  })
})

describe('the shift', () => {
  it('is taken once by a double click, and not handed over by it', async () => {
    const page = await desk.open({ at: 'shift' })
    await page.request.post(`${desk.url}/api/pins`, { data: { person: 'wang', pin: '2468' } })
    await page.getByText('本机未接班').waitFor()
    await page.getByText('李站长', { exact: true }).click()
    await page.getByText('李站长 还没有口令').waitFor()
    await page.getByText('王师傅', { exact: true }).click()
    await page.getByLabel('口令').fill('2468')
    await page.getByRole('button', { name: '接班' }).dblclick()
    await page.getByText('值班人 王师傅').waitFor({ timeout: 15_000 })
    await page.waitForTimeout(500)
    const { entries } = (await (await page.request.get(`${desk.url}/api/audit?limit=50`)).json()) as { entries: { action: string }[] }
    expect(entries.filter(({ action }) => action === 'beginShift' || action === 'endShift').map(({ action }) => action)).toEqual(['beginShift'])
  })
})

describe('the city link', () => {
  it('tells since when it is away, however often it was tried since', { timeout: 60_000 }, async () => {
    await desk.cutCity()
    const uplink = () => desk.gateway.status().uplinks[0]!
    await expect.poll(() => uplink().state, { timeout: 20_000 }).not.toBe('online')
    const { since } = uplink()
    const page = await desk.open({ at: 'link' })
    // It was tried two times or three by then.
    await page.waitForTimeout(4_000)
    expect(uplink().since).toBe(since)
    await page.getByText(`从 ${siteTime(since)} 起`).waitFor({ timeout: 10_000 })
    await page.getByText(/连不上城市平台，可能外网断了。大楼内一切照常工作/).waitFor({ timeout: 10_000 })
  })
})

describe('the list of alerts', () => {
  it('has what stands for over a day in a list of its own', { timeout: 60_000 }, async () => {
    desk.devices.set('pump.wet', true)
    await expect.poll(() => alertsOf('leak').some(({ condition }) => condition === 'active')).toBe(true)
    const page = await desk.open({ at: 'alerts' })
    await page.getByRole('button', { name: '超过一天' }).click()
    await page.getByText('这里没有告警。').waitFor()
    await page.context().close()
    aheadMs = 25 * 3_600_000
    const next = await desk.open({ at: 'alerts' })
    desk.devices.set('panel.lamp', true)
    await next.locator('.alert-title', { hasText: '大厅灯坏了' }).waitFor()
    await next.getByRole('button', { name: '超过一天' }).click()
    await expect.poll(() => next.locator('.alert-title').allTextContents()).toContain('地下室漏水')
    expect(await next.locator('.alert-title', { hasText: '大厅灯坏了' }).count()).toBe(0)
    await next.locator('.alert', { hasText: '地下室漏水' }).getByText(/(1|2) 天前|2[45] 小时前/).waitFor()
  })
})

it('has said nothing to the console and broken no rule of its CSP', () => { expect(desk.complaints).toEqual([]) })
