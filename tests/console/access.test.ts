import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { claimFile, claimMs, newClaim } from '../../gateway/console/claim.ts'
import { root } from '../support/architecture.ts'
import { office, phone } from '../support/browser.ts'
import { adminPassword, claimed, serveConsole, type Served } from '../support/console.ts'
import { tempFolder } from '../support/resources.ts'
import { findTool, itWith } from '../support/tools.ts'

const it = itWith('chromium')
const itWithTrust = itWith('chromium', 'certutil')
const flags = ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP linli.local 127.0.0.1, MAP bank.cn 127.0.0.1']
let browser: Browser
beforeAll(async () => {
  spawnSync(process.execPath, [path.join(root, 'scripts/console.mjs')], { stdio: 'inherit' })
  browser = await chromium.launch({ executablePath: findTool('chromium')!, args: flags })
}, 60_000)
afterAll(() => browser?.close())
afterEach(async () => { for (const context of browser.contexts()) await context.close() })

const complaints: string[] = []
/** What was refused is told on the page; that the browser notes its status as well is no complaint of ours. */
function listen(page: Page): Page {
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => { if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) complaints.push(message.text()) })
  return page
}
const opened = async (url: string, options: object = office): Promise<Page> => {
  const page = listen(await (await browser.newContext({ timezoneId: 'UTC', locale: 'zh-CN', ...options })).newPage())
  await page.goto(url)
  return page
}
async function signIn(page: Page, id: string, password: string): Promise<void> {
  await page.getByLabel('账号').fill(id)
  await page.getByLabel('密码').fill(password)
  await page.getByRole('button', { name: '登录', exact: true }).click()
}
async function claim(page: Page, code: string, id: string, password: string): Promise<void> {
  await page.getByLabel('认领码').fill(code)
  await page.getByLabel('账号').fill(id)
  await page.getByLabel('密码').fill(password)
  await page.getByLabel('再输一次').fill(password)
  await page.locator('form.sign-in button.primary').click()
}

/** Chromium of a person who has this home, and with it what that person's computer trusts. */
async function at(home: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(path.join(home, 'profile'), { executablePath: findTool('chromium')!, args: flags, env: { ...process.env as Record<string, string>, HOME: home }, locale: 'zh-CN', acceptDownloads: true, ...office })
  onTestFinished(() => context.close())
  return context
}

describe('over TLS', () => {
  itWithTrust('a browser refuses the page until the certificate that the page itself hands out is installed; then it opens without a warning, and signing in sets a cookie that only TLS carries', { timeout: 60_000 }, async () => {
    const served = await serveConsole({ console: '{ enabled: true, listen: { port: 0 }, hosts: [linli.local], tls: site-ca }' })
    const { port } = new URL(served.url)
    const home = await tempFolder()
    const before = await at(home)
    const stranger = before.pages()[0]!
    await expect(stranger.goto(served.url)).rejects.toThrow('net::ERR_CERT_AUTHORITY_INVALID')
    await expect(stranger.goto(`http://127.0.0.1:${port}/`)).rejects.toThrow('net::ERR_CERT_AUTHORITY_INVALID')
    // As a person does it: the certificate from the page without TLS, into what this computer trusts.
    // The browser's own page about the error takes its time to stand.
    const helped = await before.newPage()
    await helped.goto(`http://127.0.0.1:${port}/install`)
    const [download] = await Promise.all([helped.waitForEvent('download'), helped.getByRole('link', { name: 'site-ca.crt' }).click()])
    const certificate = path.join(home, download.suggestedFilename())
    await download.saveAs(certificate)
    await before.close()
    const database = path.join(home, '.pki/nssdb')
    await mkdir(database, { recursive: true })
    execFileSync(findTool('certutil')!, ['-d', `sql:${database}`, '-N', '--empty-password'])
    execFileSync(findTool('certutil')!, ['-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'linli', '-i', certificate])

    const context = await at(home)
    const page = listen(context.pages()[0]!)
    for (const address of [served.url, `https://linli.local:${port}`]) {
      const answer = await page.goto(address)
      expect([answer!.status(), (await answer!.securityDetails())!.issuer]).toEqual([200, expect.stringContaining('Linli hall-1')])
      await page.getByRole('heading', { name: '首次设置' }).waitFor()
    }
    expect(await page.evaluate('isSecureContext')).toBe(true)
    expect(await page.getByText('此页面未加密').count()).toBe(0)
    await claim(page, await served.code(), 'boss', adminPassword)
    await page.getByRole('heading', { name: '语言和地点' }).waitFor({ timeout: 15_000 })
    expect(await context.cookies()).toMatchObject([{ name: expect.stringMatching(/^__Host-/), secure: true, httpOnly: true, sameSite: 'Strict', path: '/', domain: 'linli.local' }])
    await context.clearCookies()
    await page.goto(`https://linli.local:${port}/#/home`)
    await page.reload()
    await signIn(page, 'boss', adminPassword)
    await page.locator('h1').first().waitFor()
    await expect.poll(async () => (await context.cookies()).map(({ name, secure }) => [name.slice(0, 7), secure]), { timeout: 15_000 }).toEqual([['__Host-', true]])
    // It vouches for the names and addresses of this box alone.
    await expect(page.goto(`https://bank.cn:${port}`)).rejects.toThrow('net::ERR_CERT_COMMON_NAME_INVALID')
  })
})

describe('a claim code', () => {
  it('that is too old, or was used, says so and what to do, and nobody is let in by it', { timeout: 60_000 }, async () => {
    const served = await serveConsole()
    const old = await newClaim(claimFile(path.join(served.folder, 'data')), Date.now() - claimMs - 1)
    const page = await opened(served.url, phone)
    await claim(page, old, 'boss', adminPassword)
    await page.getByText('这个认领码已超过一小时，失效了。').waitFor()
    await page.getByText('请安装人员在网关上再取一个。').waitFor()
    expect(await page.context().cookies()).toEqual([])
    const code = await served.code()
    await claim(page, code, 'boss', adminPassword)
    await page.getByRole('heading', { name: '语言和地点' }).waitFor({ timeout: 15_000 })
    // Out of the QR code that was printed for it: whoever comes later finds it in the form.
    const later = await opened(`${served.url}/#claim=${code}`, phone)
    expect(await later.getByLabel('认领码').inputValue()).toBe(code)
    await claim(later, code, 'thief', adminPassword)
    await later.getByText('这个认领码已经用过了。').waitFor({ timeout: 15_000 })
    await later.getByText('请用已建立的账号登录；需要时在网关上再取一个码。').waitFor()
    expect(await later.context().cookies()).toEqual([])
  })
})

/** An admin who is none of the accounts, as at the box itself, at the list of them. */
async function atAccounts(served: Served): Promise<Page> {
  const page = await opened(served.gateway.console!.openUrl())
  await page.locator('.sentence').waitFor()
  await page.goto(`${served.url}/#/installer`)
  await page.getByRole('button', { name: '修改 wang' }).waitFor()
  return page
}

describe('accounts', () => {
  it('are made, given another role, a new password, turned off and on, and removed, and each change ends what that account has open', { timeout: 90_000 }, async () => {
    const served = await serveConsole()
    await claimed(served)
    const page = await atAccounts(served)
    const users = page.locator('section', { has: page.getByRole('heading', { name: '账号', exact: true }) })
    const row = users.locator('.letters li', { hasText: 'desk' })
    const dialog = page.getByRole('dialog')
    const first = 'three odd garden lamps', second = 'four wet paper boats'
    await users.getByLabel('账号').fill('desk')
    await users.getByLabel('密码').fill(first)
    expect(await users.getByRole('button', { name: '添加', exact: true }).isDisabled()).toBe(true)
    await users.getByLabel('再输一次').fill(first)
    await users.getByRole('button', { name: '添加', exact: true }).click()
    await row.getByText('值班').waitFor({ timeout: 15_000 })
    await row.getByText('从未登录').waitFor()

    const other = await opened(served.url)
    const menu = other.getByRole('link', { name: '维护' })
    const entered = (): Promise<void> => other.locator('.sentence').waitFor({ timeout: 15_000 })
    const thrownOut = async (): Promise<void> => { await other.getByRole('heading', { name: '登录', exact: true }).waitFor({ timeout: 15_000 }) }
    const refused = async (password: string): Promise<void> => { await signIn(other, 'desk', password); await other.getByText('账号、密码或口令不对').waitFor({ timeout: 15_000 }) }
    await signIn(other, 'desk', first)
    await entered()
    expect(await menu.count()).toBe(0)

    await row.getByRole('button').click()
    await dialog.getByLabel('角色').selectOption('installer')
    await dialog.getByRole('button', { name: '改角色' }).click()
    await dialog.getByText('已完成').waitFor()
    await thrownOut()
    await signIn(other, 'desk', first)
    await entered()
    await menu.waitFor()

    await dialog.getByText('重设密码').click()
    await dialog.getByLabel('新密码').fill(second)
    await dialog.getByLabel('再输一次').fill(second)
    await dialog.getByRole('button', { name: '保存' }).click()
    await thrownOut()
    await refused(first)
    await signIn(other, 'desk', second)
    await entered()

    await dialog.getByRole('button', { name: '停用' }).click()
    await row.getByText('已停用').waitFor()
    await thrownOut()
    await refused(second)
    await dialog.getByRole('button', { name: '启用' }).click()
    await expect.poll(() => row.getByText('已停用').count()).toBe(0)

    // The second half of a double click stands on the button that means it.
    await dialog.getByRole('button', { name: '删除' }).click()
    await dialog.getByRole('button', { name: '确定删除' }).waitFor()
    await page.mouse.down()
    await page.mouse.up()
    await dialog.getByRole('button', { name: '确定删除' }).click({ trial: true })
    expect(await row.count()).toBe(1)
    await dialog.getByRole('button', { name: '确定删除' }).click()
    await expect.poll(() => row.count()).toBe(0)
    expect(await dialog.count()).toBe(0)
    const audit = page.getByRole('region', { name: '操作记录' })
    await page.reload()
    for (const [what, outcome] of [['添加账号 desk', '成功'], ['修改账号 desk', '成功'], ['登录 desk', 'CONSOLE_CREDENTIALS'], ['删除账号 desk', '成功']]) await audit.getByRole('row').filter({ hasText: what! }).filter({ hasText: outcome! }).first().waitFor()
  })

  it('keep their last administrator, whom nobody can remove, turn off or give another role, and say what to do first', { timeout: 60_000 }, async () => {
    const served = await serveConsole()
    await claimed(served)
    const page = await atAccounts(served)
    const row = page.locator('.letters li', { hasText: 'wang' })
    const dialog = page.getByRole('dialog')
    const tries: readonly (() => Promise<void>)[] = [
      async () => { await dialog.getByLabel('角色').selectOption('staff'); await dialog.getByRole('button', { name: '改角色' }).click() },
      () => dialog.getByRole('button', { name: '停用' }).click(),
      async () => { await dialog.getByRole('button', { name: '删除' }).click(); await dialog.getByRole('button', { name: '确定删除' }).click() },
    ]
    for (const attempt of tries) {
      await row.getByRole('button').click()
      await attempt()
      await dialog.getByText('这是最后一个管理员，没有改动。').waitFor()
      await dialog.getByText('先让另一个账号成为管理员').waitFor()
      await page.keyboard.press('Escape')
      await row.getByText('管理').waitFor()
    }
    expect(await row.getByText('已停用').count()).toBe(0)
  })
})

it('none of these pages has said anything to the console or broken its CSP', () => { expect(complaints).toEqual([]) })
