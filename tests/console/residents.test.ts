import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { GatewayEvent } from '../../gateway/contract/index.ts'
import { hostile, pageBrowser, phone, startDesk, type Desk } from '../support/browser.ts'
import { linli } from '../support/command-line.ts'
import { jpeg, withExif } from '../support/photos.ts'
import { printed } from '../support/residents.ts'
import { freePort } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let desk: Desk
let siteFile = ''
const events: GatewayEvent[] = []
const codes = new Map<string, string>()
beforeAll(async () => {
  const port = await freePort()
  desk = await startDesk({ located: (where) => { siteFile = where }, edit: (site) => `${site}\nresidents: { page: { enabled: true, listen: { port: ${port} }, url: "http://127.0.0.1:${port}" } }\n` })
  for (const { target, url } of await printed(siteFile)) codes.set(target, url)
  desk.gateway.feed.subscribe((item) => { if (item.kind === 'event') events.push(item.event) })
}, 60_000)
afterAll(() => desk?.[Symbol.asyncDispose]())

describe('a new box', () => {
  it('is claimed with the code that the command line prints, leads its first admin through four steps, and never again', { timeout: 60_000 }, async () => {
    const page = await desk.at(desk.url, { language: 'zh' } as never)
    const claim = async (code: string): Promise<void> => { await page.getByLabel('认领码').fill(code); await page.getByRole('button', { name: '建立账号' }).click() }
    const { code } = JSON.parse((await linli('claim', siteFile, '--json')).stdout) as { code: string }
    await page.getByLabel('账号').fill('boss')
    await page.getByLabel('密码').fill('1234567890')
    await page.getByText('太容易猜，请换一个').waitFor()
    await page.getByLabel('密码').fill('three odd garden lamps')
    await page.getByLabel('再输一次').fill('three odd garden lamp')
    await page.getByText('两次输入的不一样').waitFor()
    expect(await page.getByRole('button', { name: '建立账号' }).isDisabled()).toBe(true)
    await page.getByLabel('再输一次').fill('three odd garden lamps')
    await claim('AAAABBBBCCCC')
    await page.getByText('认领码不对。').waitFor()
    await claim(code.toLowerCase().replaceAll('-', ' '))
    await page.getByRole('heading', { name: '语言和地点' }).waitFor({ timeout: 15_000 })
    await page.getByRole('button', { name: '下一步' }).click()
    await page.getByRole('heading', { name: '人员和账号' }).waitFor()
    await page.getByRole('button', { name: '下一步' }).click()
    await page.getByRole('heading', { name: '试一试告警声' }).waitFor()
    await page.locator('main').getByRole('button', { name: '开始值守' }).click()
    await page.getByRole('button', { name: '没听到' }).click()
    await page.getByText('看电脑的音量和喇叭插头').waitFor()
    await page.reload()
    await page.getByRole('heading', { name: '试一试告警声' }).waitFor()
    await page.getByRole('button', { name: '下一步' }).click()
    await page.getByText(/共 \d+ 台，\d+ 台在线/).waitFor()
    await page.getByText('linli qr SITE.yaml --html codes.html').waitFor()
    await page.getByRole('button', { name: '完成' }).click()
    await page.locator('.sentence').waitFor()
    const other = await desk.at(desk.url, { language: 'zh' } as never)
    await other.getByRole('button', { name: '忘记密码？用认领码' }).click()
    await other.getByLabel('认领码').fill(code)
    await other.getByLabel('账号').fill('thief')
    await other.getByLabel('密码').fill('three odd garden lamps')
    await other.getByLabel('再输一次').fill('three odd garden lamps')
    await other.getByRole('button', { name: '换上新密码并登录' }).click()
    await other.getByText('这个认领码已经用过了。').waitFor({ timeout: 15_000 })
    await other.getByRole('button', { name: '返回账号登录' }).click()
    // The claim form's heading holds these words too, and is there for another frame.
    await other.getByRole('heading', { name: '登录', exact: true }).waitFor()
    await other.getByLabel('账号').fill('boss')
    await other.getByLabel('密码').fill('three odd garden lamps')
    await other.getByRole('button', { name: '登录', exact: true }).click()
    await other.locator('.sentence').waitFor({ timeout: 15_000 })
    expect(new URL(other.url()).hash).not.toContain('setup')
  })
})

describe('a resident with a telephone', () => {
  it('scans the code of a terminal, rates it with two taps and a word, and the rating arrives', async () => {
    const page = await desk.at(codes.get('terminal/one')!, phone)
    await page.getByRole('heading', { level: 1, name: '自助终端一' }).waitFor()
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBeLessThanOrEqual(0)
    await page.getByText('评价服务', { exact: true }).tap()
    const send = page.getByRole('button', { name: '提交' })
    await send.tap()
    await page.getByText('请先选一项。').waitFor()
    const choice = page.getByText('5 分 · 非常满意')
    expect((await page.locator('fieldset label:visible').first().boundingBox())!.height).toBeGreaterThanOrEqual(56)
    await choice.tap()
    await page.getByLabel('想说的话').fill(`${hostile} 很快`)
    await send.tap()
    await page.getByRole('heading', { name: '谢谢！' }).waitFor()
    expect(await page.getByRole('button').count()).toBe(0)
    expect(events.filter(({ type }) => type === 'evaluation')).toMatchObject([{ subject: 'kiosk', data: { kiosk: 'one', score: 5, text: `${hostile} 很快` } }])
    await page.context().close()
  })

  it('reports with a photo in English, and the duty desk sees it: what, where, and the photo', async () => {
    const page = await desk.at(`${codes.get('place/cellar')!}`, phone)
    await page.getByRole('link', { name: 'English' }).tap()
    await page.getByRole('heading', { level: 1, name: 'cellar' }).waitFor()
    expect((await page.evaluate<string>('document.body.innerText')).replaceAll('中文', '').match(/\p{Script=Han}+/gu)).toBe(null)
    await page.getByText('Report a problem', { exact: true }).tap()
    await page.getByText('water', { exact: true }).tap()
    await page.getByLabel('Describe it').fill(`${hostile} under the pump`)
    await page.getByLabel('Take a photo').setInputFiles({ name: 'p.jpg', mimeType: 'image/jpeg', buffer: withExif(await jpeg(2_400, 1_200)) })
    await page.getByText('✓ Photo chosen').waitFor()
    await page.evaluate(axe)
    const { violations } = await page.evaluate<{ violations: { id: string; impact: string }[] }>("axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })")
    expect(violations).toEqual([])
    await page.getByRole('button', { name: 'Send' }).tap()
    await page.getByRole('heading', { name: 'Thank you!' }).waitFor()
    await page.context().close()
    const console = await desk.open()
    await console.locator('.alert-title', { hasText: '居民报告：漏水、停水（地下室）' }).click()
    await console.getByText(`${hostile} under the pump`).waitFor()
    await expect.poll(() => console.evaluate<number>("document.querySelector('.said img')?.naturalWidth ?? 0")).toBe(1_600)
    expect(await console.locator('img').count()).toBe(1)
    await console.context().close()
  })

  it('is told kindly that a code is no longer in use, and no page has broken its CSP', async () => {
    const page = await desk.at(`${new URL(codes.get('place/hall')!).origin}/r/000000000000`, phone)
    await page.getByText('这个二维码已经停用').waitFor()
    await page.getByText('This code is no longer in use').waitFor()
    expect(desk.complaints).toEqual([])
  })
})
