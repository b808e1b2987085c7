import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import type { Alert } from '../../gateway/contract/index.ts'
import { pageBrowser, rule, startDesk, type Desk } from '../support/browser.ts'
import { jpeg, withExif } from '../support/photos.ts'
import { itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)
let desk: Desk
// A hundred things that one cause sets off at once.
const flood = Array.from({ length: 100 }, (_, index) => rule(`many-${index}`, 'odd.on', 3, '门磁电池不足', 'door contact low on battery'))
beforeAll(async () => { desk = await startDesk({ rules: flood }) }, 60_000)
afterAll(() => desk?.[Symbol.asyncDispose]())
afterEach(async () => { for (const context of desk.browser.contexts()) await context.close() })

const alertOf = (rule: string): Alert => desk.gateway.status().alerts.find(({ ruleId }) => ruleId === rule)!
/** The page of one alert, which is there by then. */
async function opened(rule: string, point: string): Promise<Page> {
  desk.devices.set(point, true)
  await expect.poll(() => alertOf(rule)).toBeTruthy()
  return await desk.open({ at: `alerts/${alertOf(rule).id}` })
}

describe('an alert', () => {
  it('is assigned to a person of the roster, by name', async () => {
    const page = await opened('call', 'panel.button')
    await page.getByRole('button', { name: '指派' }).click()
    await page.getByLabel('指派给谁').selectOption({ label: '李站长' })
    await page.getByRole('dialog').getByRole('button', { name: '指派' }).click()
    await page.getByText('由 李站长 处理').waitFor()
    expect(alertOf('call').assigned?.to).toBe('li')
  })

  it('is shelved only with a duration and a reason, and comes back when that is ended', async () => {
    const page = await opened('leak', 'pump.wet')
    await page.getByRole('button', { name: '暂缓' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('15 分钟').click()
    await dialog.getByRole('button', { name: '暂缓' }).click()
    expect(alertOf('leak').shelved).toBeUndefined()
    await dialog.getByLabel('原因').fill('水泵正在更换')
    await dialog.getByRole('button', { name: '暂缓' }).click()
    await page.getByText(/暂缓到 \d\d:\d\d：水泵正在更换/).waitFor()
    const { until, at } = alertOf('leak').shelved!
    // The clock is read twice.
    expect(Math.round((until - at) / 1_000)).toBe(15 * 60)
    await page.goto(`${desk.url}/#/alerts`)
    await page.getByRole('button', { name: '暂缓', exact: true }).click()
    await page.locator('.alert-title', { hasText: '地下室漏水' }).click()
    await page.getByRole('button', { name: '取消暂缓' }).click()
    await page.getByRole('button', { name: '确认：地下室漏水' }).waitFor()
  })

  it('cannot be resolved while its cause is there; then it is, with a note, and is rated', async () => {
    const page = await opened('call', 'panel.button')
    await page.getByText('现象还在，排除后才能结束').waitFor()
    expect(await page.getByRole('button', { name: '处理完毕' }).count()).toBe(0)
    desk.devices.set('panel.button', false)
    await page.getByRole('button', { name: '处理完毕' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('处理说明').fill('已陪同办理')
    const taken = { name: 'photo.jpg', mimeType: 'image/jpeg', buffer: withExif(await jpeg(640, 480)) }
    await dialog.getByLabel('照片').setInputFiles(taken)
    await dialog.getByRole('img', { name: '照片' }).waitFor()
    await dialog.getByRole('button', { name: '处理完毕' }).click()
    await page.getByRole('button', { name: '评价' }).click()
    await page.getByRole('dialog').getByText('4 分').click()
    await page.getByRole('dialog').getByRole('button', { name: '评价' }).click()
    await expect.poll(() => page.locator('.timeline').innerText()).toMatch(/发生[\s\S]*恢复[\s\S]*处理完毕[\s\S]*已陪同办理[\s\S]*评价[\s\S]*4 分/)
    await page.getByText('已关闭').waitFor()
    await expect.poll(() => page.evaluate<number>("document.querySelector('.timeline img').naturalWidth")).toBe(640)
  })

  it('closes its dialogs by Escape and gives the focus back', async () => {
    const page = await opened('call', 'panel.button')
    const button = page.getByRole('button', { name: '备注' })
    await button.click()
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('备注')
    // Nor does a question that was left open wait on the page of the next alert.
    await button.click()
    await page.getByRole('dialog').waitFor()
    await page.goto(`${desk.url}/#/home`)
    await page.locator('.tiles').waitFor()
    await page.goBack()
    await button.waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
  })
})

describe('the list of alerts', () => {
  it('is filtered by severity', async () => {
    desk.devices.set('panel.smoke', true)
    desk.devices.set('panel.button', true)
    const page = await desk.open({ at: 'alerts' })
    await page.locator('.alert-title', { hasText: '大厅烟感报警' }).waitFor()
    await page.getByRole('combobox', { name: '筛选' }).selectOption({ label: '特急' })
    expect(await page.locator('.alert-title').allTextContents()).toEqual(['大厅烟感报警'])
    await page.getByRole('combobox', { name: '筛选' }).selectOption({ label: '所有级别' })
  })

  it('shows what was raised while an older answer was on its way', async () => {
    const page = await desk.open()
    await page.route('**/api/alerts', async (route) => {
      const answer = await route.fetch()
      // A second stream hears what the page's own hears.
      await page.evaluate("new Promise((open) => { const line = new EventSource('/api/stream'); window.heard = new Promise((heard) => line.addEventListener('alert', () => { line.close(); heard() })); line.addEventListener('hello', () => open()) })")
      desk.devices.set('panel.lamp', true)
      await page.evaluate('window.heard')
      await route.fulfill({ response: answer })
    }, { times: 1 })
    await page.getByRole('link', { name: '告警' }).first().click()
    await page.locator('.alert-title', { hasText: '大厅灯坏了' }).waitFor()
    desk.devices.set('panel.lamp', false)
  })

  it('folds a hundred equal alerts into one line, tells of a flood, and unfolds them', { timeout: 60_000 }, async () => {
    const page = await desk.open({ at: 'alerts' })
    desk.devices.set('odd.on', true)
    const more = page.getByRole('button', { name: '×100 · 100 个相同' })
    await more.waitFor()
    expect(await page.locator('.alert').count()).toBeLessThan(10)
    await page.getByText(/告警很多：\d\d:\d\d 以来 \d+ 个/).waitFor()
    await more.click()
    await expect.poll(() => page.locator('.alert').count()).toBeGreaterThanOrEqual(100)
  })
})
