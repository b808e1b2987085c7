import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { pageBrowser, startDesk, type Desk } from '../support/browser.ts'
import { itWith } from '../support/tools.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const it = itWith(pageBrowser)
let desk: Desk
beforeAll(async () => { desk = await startDesk() }, 60_000)
afterAll(() => desk?.[Symbol.asyncDispose]())
afterEach(async () => { for (const context of desk.browser.contexts()) await context.close() })

/** Writes down each tone that the page starts, with what the browser says about sound then. */
const listening = `
  window.tones = []
  const start = OscillatorNode.prototype.start
  OscillatorNode.prototype.start = function (at) { window.tones.push([this.frequency.value, this.context.state]); return start.call(this, at) }
`
/** Only after the tap that is tested: `evaluate` counts as one, and would unlock sound by itself. */
const tones = (page: Page): Promise<readonly (readonly [number, string])[]> => page.evaluate<[number, string][]>('window.tones')
async function watched(options: Parameters<Desk['open']>[0] = {}): Promise<Page> {
  const page = await desk.open(options)
  await page.addInitScript(listening)
  await page.reload()
  await page.locator('.sentence').waitFor()
  return page
}

describe('watch mode', () => {
  it('warns for as long as sound is off, and one tap unlocks it', async () => {
    const page = await watched()
    await page.getByText('声音未打开，有告警不会响').waitFor()
    desk.devices.set('panel.lamp', true)
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).waitFor()
    await page.getByText('声音未打开，有告警不会响').waitFor()
    await page.getByRole('button', { name: '开始值守' }).click()
    await page.getByText('正在响：一般告警待确认').waitFor()
    await expect.poll(() => tones(page).then((all) => all.length)).toBeGreaterThan(0)
    expect((await tones(page)).every(([, state]) => state === 'running')).toBe(true)
    await page.getByRole('button', { name: '停止值守' }).click()
    await page.getByText('声音未打开，有告警不会响').waitFor()
    // Of severity 4: once its cause is gone it closes by itself.
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).click()
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).waitFor({ state: 'hidden' })
    desk.devices.set('panel.lamp', false)
  })

  it('sounds a pattern of its own for each severity, again and again until the alert is acknowledged; quiet is not acknowledged', async () => {
    const page = await watched()
    await page.getByRole('button', { name: '开始值守' }).click()
    await page.getByText('值守中，有告警会响').waitFor()
    const before = (await tones(page)).length
    desk.devices.set('panel.smoke', true)
    // Two rounds of the pattern of 特急.
    await expect.poll(() => tones(page).then((all) => all.length), { timeout: 8_000 }).toBeGreaterThanOrEqual(before + 10)
    expect((await tones(page)).slice(before, before + 5).map(([hz]) => hz)).toEqual([980, 740, 980, 740, 980])
    await page.getByRole('button', { name: '静音两分钟' }).click()
    await page.getByText('已静音，告警仍待确认').waitFor()
    expect(desk.gateway.status().alerts.find(({ ruleId }) => ruleId === 'smoke')?.state).toBe('raised')
    // A new one is heard although the old one is quiet, in its own pattern.
    const quiet = (await tones(page)).length
    desk.devices.set('pump.wet', true)
    await expect.poll(() => tones(page).then((all) => all.length), { timeout: 8_000 }).toBeGreaterThanOrEqual(quiet + 3)
    expect((await tones(page)).slice(quiet, quiet + 3).map(([hz]) => hz)).toEqual([880, 880, 880])
    await page.getByRole('button', { name: '确认：地下室漏水' }).click()
    await page.getByRole('button', { name: '确认：大厅烟感报警' }).click()
    await page.getByRole('heading', { level: 1, name: '2 项处理中' }).waitFor()
    const last = (await tones(page)).length
    await page.waitForTimeout(2_500)
    expect((await tones(page)).length).toBe(last)
  })

  it('greys the screen when nothing was heard for ten seconds, and recovers without a reload', { timeout: 60_000 }, async () => {
    const proxy = await tcpProxy(Number(new URL(desk.url).port))
    const opened = new URL(desk.gateway.console!.openUrl())
    opened.port = String(proxy.port)
    const page = await desk.at(opened.href)
    await page.locator('.sentence').waitFor()
    proxy.freeze()
    const since = performance.now()
    await page.getByText('画面已过时').waitFor({ timeout: 20_000 })
    expect(performance.now() - since).toBeGreaterThan(6_000)
    expect(performance.now() - since).toBeLessThan(14_000)
    expect(await page.evaluate<string>("getComputedStyle(document.querySelector('main')).filter")).toBe('grayscale(1)')
    desk.devices.set('panel.button', true)
    proxy.thaw()
    proxy.cut()
    await page.getByText('画面已过时').waitFor({ state: 'hidden', timeout: 20_000 })
    await page.getByRole('button', { name: '确认：大厅有人求助' }).waitFor()
    expect(await page.evaluate<number>("performance.getEntriesByType('navigation').length")).toBe(1)
  })

  it('says that the building works when only the city cannot be reached', { timeout: 40_000 }, async () => {
    const page = await desk.open()
    await expect.poll(() => page.getByText('连不上城市平台').count()).toBe(0)
    await desk.cutCity()
    await page.getByText('大楼内一切照常工作，恢复后自动补传').waitFor({ timeout: 20_000 })
    expect(await page.locator('main.is-stale').count()).toBe(0)
  })
})
