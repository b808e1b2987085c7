import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
import type { Alert } from '../../gateway/contract/index.ts'
import { hostile, office, pageBrowser, phone, startDesk, type Desk } from '../support/browser.ts'
import { itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)
let desk: Desk
let admin: Page
// Ten alerts in ten minutes are a flood elsewhere; each test here begins in a quiet building.
beforeAll(async () => { desk = await startDesk({ edit: (site) => `${site}\nalerts: { flood: { alerts: 1000 } }\n` }); admin = await desk.open() }, 60_000)
afterAll(() => desk?.[Symbol.asyncDispose]())
const contacts = ['panel.smoke', 'panel.button', 'panel.lamp', 'pump.wet'] as const
const alertOf = (rule: string): Alert => desk.gateway.status().alerts.find(({ ruleId }) => ruleId === rule)!
/** A rule that raises again soon goes on with the same alert. */
const acknowledgements = (rule: string): number => alertOf(rule).timeline.filter(({ what }) => what === 'acknowledged').length
async function post(page: Page, path: string, data: object): Promise<void> {
  const answer = await page.request.post(`${desk.url}${path}`, { data })
  if (!answer.ok()) throw new Error(`${path}: ${await answer.text()}`)
}
/** All contacts at rest and every alert resolved: each test begins in a quiet building. */
beforeEach(async () => {
  for (const contact of contacts) desk.devices.set(contact, false)
  await expect.poll(() => desk.gateway.status().alerts.filter(({ condition }) => condition === 'active').map(({ ruleId, key, chattering }) => [ruleId, key, chattering])).toEqual([])
  for (const { id, state } of desk.gateway.status().alerts) if (state !== 'resolved') await post(admin, `/api/alerts/${id}/acts`, { act: 'resolve', note: 'test' })
})
afterEach(async () => { for (const context of desk.browser.contexts()) if (context !== admin.context()) await context.close() })

describe('home', () => {
  it('says in one sentence that all is normal', async () => {
    const page = await desk.open()
    await page.getByRole('heading', { level: 1, name: '一切正常' }).waitFor()
  })

  it('shows an alert within two seconds, with colour, shape and word, the gravest first', async () => {
    const page = await desk.open()
    desk.devices.set('panel.lamp', true)
    await page.getByRole('heading', { level: 1, name: '1 项待处理' }).waitFor({ timeout: 2_000 })
    desk.devices.set('pump.wet', true)
    desk.devices.set('panel.smoke', true)
    await page.getByRole('heading', { level: 1, name: '3 项待处理' }).waitFor({ timeout: 2_000 })
    expect(await page.locator('.alert .alert-title').allTextContents()).toEqual(['大厅烟感报警', '地下室漏水', '大厅灯坏了'])
    expect(await page.locator('.alert span.severity').allTextContents()).toEqual(['特急', '紧急', '一般'])
    const shapes = await page.evaluate<string[]>("[...document.querySelectorAll('.alert .shape .outline')].map((each) => each.getAttribute('d') + ' ' + getComputedStyle(each).fill)")
    expect(new Set(shapes.map((each) => each.split(' rgb')[0])).size).toBe(3)
    expect(new Set(shapes.map((each) => each.split(' rgb')[1])).size).toBe(3)
  })

  for (const [name, size] of [['390×844 with touch', phone], ['1366×768', office]] as const) {
    it(`acknowledges with one tap on a target of at least 56 px, at ${name}, and nothing has to be scrolled sideways`, async () => {
      const page = await desk.open(size)
      desk.devices.set('panel.smoke', true)
      const button = page.getByRole('button', { name: '确认：大厅烟感报警' })
      await button.waitFor()
      const box = (await button.boundingBox())!
      expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(56)
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBeLessThanOrEqual(0)
      await ('hasTouch' in size ? button.tap() : button.click())
      await page.getByRole('heading', { level: 2, name: '已确认，处理中' }).waitFor()
      await expect.poll(() => alertOf('smoke').state).toBe('acknowledged')
      await page.getByRole('heading', { level: 1, name: '1 项处理中' }).waitFor()
    })
  }

  it('is reached and acknowledged by the keyboard alone, with a focus that can be seen', async () => {
    const page = await desk.open()
    desk.devices.set('panel.button', true)
    await page.getByRole('button', { name: '确认：大厅有人求助' }).waitFor()
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press('Tab')
      if (await page.evaluate<boolean>("document.activeElement?.classList.contains('acknowledge')")) break
    }
    expect(await page.evaluate<number>('Number.parseFloat(getComputedStyle(document.activeElement).outlineWidth)')).toBeGreaterThanOrEqual(3)
    await page.keyboard.press('Enter')
    await expect.poll(() => alertOf('call').state).toBe('acknowledged')
  })

  it('keeps an alert that has returned and that nobody has acknowledged', async () => {
    const page = await desk.open()
    desk.devices.set('pump.wet', true)
    await page.locator('.alert-title', { hasText: '地下室漏水' }).waitFor()
    desk.devices.set('pump.wet', false)
    await page.getByText('已恢复，尚未确认').waitFor()
    await page.getByRole('button', { name: '确认：地下室漏水' }).waitFor()
  })

  it('tells areas in plain words, without registers or ids', async () => {
    const page = await desk.open()
    const text = await page.locator('.tiles').innerText()
    for (const word of ['办事大厅', '地下室', '门厅', '大门', '关着', '自助终端一', '可以使用', '温度 21.5 °C']) expect(text).toContain(word)
    expect(text).not.toMatch(/panel|climate|register|unit/i)
  })

  it('shows a hostile name as text and nothing more', async () => {
    const page = await desk.open()
    await page.getByText(hostile).first().waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).toBe('邻里值班台')
  })

  it('tells who was first when two acknowledge', async () => {
    const [one, two] = [await desk.open(), await desk.open()]
    await post(one, '/api/pins', { person: 'wang', pin: '2468' })
    await post(one, '/api/shift', { person: 'wang', pin: '2468' })
    desk.devices.set('pump.wet', true)
    await two.getByRole('button', { name: '确认：地下室漏水' }).waitFor()
    // The other is quicker, by the time that this tap needs to arrive.
    await two.route('**/api/alerts/*/acts', async (route) => {
      await post(one, `/api/alerts/${alertOf('leak').id}/acts`, { act: 'acknowledge' })
      await route.continue()
    })
    await two.getByRole('button', { name: '确认：地下室漏水' }).click()
    await two.getByText(/王师傅 已在 \d\d:\d\d 先确认了/).waitFor()
    expect(alertOf('leak').acknowledged?.by).toBe('wang')
  })

  it('queues an acknowledgement while it is offline and sends it once', async () => {
    const page = await desk.open()
    desk.devices.set('panel.smoke', true)
    const button = page.getByRole('button', { name: '确认：大厅烟感报警' })
    await button.waitFor()
    const before = acknowledgements('smoke')
    await page.context().setOffline(true)
    await button.click()
    await page.getByText('1 个操作等待送出').waitFor()
    await page.getByRole('button', { name: '已记下，连上后自动送出' }).click({ force: true })
    expect(alertOf('smoke').state).toBe('raised')
    await page.context().setOffline(false)
    await page.getByText('1 个操作等待送出').waitFor({ state: 'hidden', timeout: 20_000 })
    expect(acknowledgements('smoke')).toBe(before + 1)
  })

  it('does not send twice what was done although its answer was lost', async () => {
    const page = await desk.open()
    desk.devices.set('panel.lamp', true)
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).waitFor()
    const before = acknowledgements('lamp')
    const ids: string[] = []
    await page.route('**/api/alerts/*/acts', async (route) => {
      ids.push((route.request().postDataJSON() as { id: string }).id)
      const answer = await route.fetch()
      if (ids.length === 1) await route.abort('connectionreset')
      else await route.fulfill({ response: answer })
    })
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).click()
    await page.getByText('1 个操作等待送出').waitFor()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect.poll(() => ids.length).toBe(2)
    await page.getByText('1 个操作等待送出').waitFor({ state: 'hidden' })
    expect(new Set(ids).size).toBe(1)
    expect(acknowledgements('lamp')).toBe(before + 1)
  })

  it('shows what waits to be sent, and does not send what the person takes back', async () => {
    const page = await desk.open()
    desk.devices.set('panel.button', true)
    const button = page.getByRole('button', { name: '确认：大厅有人求助' })
    await button.waitFor()
    const before = acknowledgements('call')
    await page.context().setOffline(true)
    await button.click()
    await page.getByText('看看是哪些').click()
    await page.locator('.unsent li', { hasText: /^确认 大厅有人求助 · \d\d:\d\d/ }).waitFor()
    await page.getByRole('button', { name: '不送了：确认，大厅有人求助' }).click()
    await page.getByText('1 个操作等待送出').waitFor({ state: 'hidden' })
    await page.context().setOffline(false)
    await page.reload()
    await button.waitFor()
    expect(acknowledgements('call')).toBe(before)
  })

  it('keeps an act over a gateway that is busy or in trouble and over a reload, and sends it once', async () => {
    const page = await desk.open()
    desk.devices.set('panel.lamp', true)
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).waitFor()
    const before = acknowledgements('lamp')
    const answers = [429, 500, 503]
    const ids = new Set<string>()
    const refuse = async (): Promise<void> => {
      await page.route('**/api/alerts/*/acts', (route) => {
        ids.add((route.request().postDataJSON() as { id: string }).id)
        const status = answers.shift()
        return status === undefined ? route.continue() : route.fulfill({ status, json: { code: 'CONSOLE_BUSY', message: 'later' } })
      })
    }
    await refuse()
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).click()
    await page.getByText('1 个操作等待送出').waitFor()
    for (const left of [1, 0]) {
      await page.reload()
      await expect.poll(() => answers.length, { timeout: 15_000 }).toBe(left)
      await page.getByText('1 个操作等待送出').waitFor()
    }
    expect(acknowledgements('lamp')).toBe(before)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await page.getByText('1 个操作等待送出').waitFor({ state: 'hidden', timeout: 15_000 })
    expect(acknowledgements('lamp')).toBe(before + 1)
    expect(ids.size).toBe(1)
  })

  it('keeps an act of a session that ended, and sends it once the same person has signed in again', async () => {
    const page = await desk.open()
    desk.devices.set('panel.smoke', true)
    const button = page.getByRole('button', { name: '确认：大厅烟感报警' })
    await button.waitFor()
    const before = acknowledgements('smoke')
    await page.context().clearCookies()
    await button.click()
    await page.locator('.sign-in').first().waitFor()
    expect(acknowledgements('smoke')).toBe(before)
    await page.goto(desk.gateway.console!.openUrl())
    await page.reload()
    await page.getByRole('heading', { level: 1, name: '1 项处理中' }).waitFor({ timeout: 15_000 })
    expect(acknowledgements('smoke')).toBe(before + 1)
  })

  it('sends an acknowledgement that was made while the gateway restarted, once, and needs no reload', { timeout: 60_000 }, async () => {
    const page = await desk.open()
    desk.devices.set('pump.wet', true)
    const button = page.getByRole('button', { name: '确认：地下室漏水' })
    await button.waitFor()
    const before = acknowledgements('leak')
    await desk.restart(async () => {
      await button.click()
      await page.getByText('1 个操作等待送出').waitFor()
    })
    await page.getByText('1 个操作等待送出').waitFor({ state: 'hidden', timeout: 30_000 })
    await expect.poll(() => acknowledgements('leak')).toBe(before + 1)
    expect(await page.evaluate<number>("performance.getEntriesByType('navigation').length")).toBe(1)
  })

  it('has said nothing to the console and broken no rule of its CSP', () => {
    expect(desk.complaints).toEqual([])
  })
})
