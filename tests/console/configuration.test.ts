import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { spawnSync } from 'node:child_process'
import { describe, expect, onTestFinished } from 'vitest'
import { claimFile, newClaim } from '../../gateway/console/claim.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { root } from '../support/architecture.ts'
import { launchBrowser, office, pageBrowser } from '../support/browser.ts'
import { changingHouse } from '../support/changing-house.ts'
import { adminPassword, Caller } from '../support/console.ts'
import { itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)

describe('the installer’s page for the site file', () => {
  it('shows in plain words what a file changes, tries it, and keeps it or takes it back', { timeout: 90_000 }, async () => {
    spawnSync(process.execPath, [path.join(root, 'scripts/console.mjs')], { stdio: 'inherit' })
    const house = await changingHouse({ console: true })
    const { port } = (await readSite(house.file)).console.listen
    const caller = new Caller(`http://127.0.0.1:${port}`)
    await expect.poll(() => caller.ask('/healthz').then(({ status }) => status, () => 0), { timeout: 20_000 }).toBe(200)
    await caller.post('/api/claim', { id: 'wang', password: adminPassword, code: await newClaim(claimFile(path.join(path.dirname(house.file), 'data')), Date.now()) })
    await caller.post('/api/users', { id: 'desk', role: 'staff', password: 'password of desk' })
    await caller.post('/api/users', { id: 'sun', role: 'installer', password: 'password of sun' })
    const installer = new Caller(caller.url)
    await installer.post('/api/session/login', { id: 'sun', password: 'password of sun' })
    const browser = await launchBrowser()
    onTestFinished(() => browser.close())
    const context = await browser.newContext({ timezoneId: 'UTC', locale: 'en-US', ...office })
    const [name, value] = installer.cookie!.split('=')
    await context.addCookies([{ name: name!, value: value!, url: caller.url }])
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => { if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) complaints.push(message.text()) })
    await page.goto(`${caller.url}/#/configuration`)

    // A file that is wrong says where, and nothing can be tried.
    await page.getByLabel('或者贴在这里').fill(house.text.replace('xy-md02', 'xy-md2'))
    await page.getByRole('button', { name: '看会改变什么' }).click()
    await page.getByText('did you mean "xy-md02"?').waitFor()
    expect(await page.getByRole('button', { name: '试运行' }).count()).toBe(0)

    // From a file on the installer's computer.
    const next = path.join(path.dirname(house.file), 'next.yaml')
    await writeFile(next, house.text.replace('below: -40', 'below: -30'))
    await page.getByLabel('选一个站点文件').setInputFiles(next)
    await page.getByRole('button', { name: '看会改变什么' }).click()
    await page.getByText('规则“结冰”有变化').waitFor()
    expect(await page.locator('.plan').innerText()).toMatch(/below: -40 → -30[^]*line · broker – 不中断/)
    await page.getByLabel('原因').fill('冬天更冷')
    if (process.env.LINLI_PICTURES) await page.screenshot({ path: `${process.env.LINLI_PICTURES}/plan.png`, fullPage: true })
    await page.getByRole('button', { name: '试运行' }).click()
    await page.getByText(/还有 \d+ 秒，没有人保留就换回 1/).waitFor()
    await page.getByText('原来正常的都正常。').waitFor({ timeout: 15_000 })
    if (process.env.LINLI_PICTURES) await page.screenshot({ path: `${process.env.LINLI_PICTURES}/trial.png`, fullPage: true })
    await page.getByRole('button', { name: '换回原来的' }).click()
    await page.getByText('已换回').first().waitFor({ timeout: 15_000 })
    await expect.poll(() => readFile(house.file, 'utf8')).toBe(house.text)

    // The same again, in English, and it stays.
    await page.getByRole('button', { name: 'English' }).click()
    await page.getByLabel('Or paste it here').fill(await readFile(next, 'utf8'))
    await page.getByRole('button', { name: 'See what it changes' }).click()
    await page.getByLabel('Reason').fill('colder')
    await page.getByRole('button', { name: 'Try it' }).click()
    await expect.poll(async () => { await page.getByRole('button', { name: 'Keep it', exact: true }).click({ timeout: 500 }).catch(() => {}); return (await house.control.changes().catch(() => null))?.configurations[0]?.outcome }, { timeout: 20_000 }).toBe('confirmed')
    await page.getByRole('cell', { name: 'kept', exact: true }).first().waitFor({ timeout: 10_000 })
    expect((await house.control.changes()).configurations[0]).toMatchObject({ number: 3, by: 'sun', origin: 'console', reason: 'colder', note: 'confirmed by sun' })
    expect(complaints).toEqual([])

    // Everything is on the record, and nobody below installer sees any of it.
    const { body: audit } = await caller.ask('/api/audit?limit=20')
    expect(audit.entries.map(({ action, outcome }: { action: string; outcome: string }) => `${action} ${outcome}`)).toEqual(expect.arrayContaining(['applyChange done', 'rollBackChange done', 'confirmChange done']))
    const desk = new Caller(caller.url)
    await desk.post('/api/session/login', { id: 'desk', password: 'password of desk' })
    expect((await desk.ask('/api/configurations')).status).toBe(403)
    expect((await desk.post('/api/configurations', { text: house.text, windowMs: 60_000 })).status).toBe(403)
  })
})
