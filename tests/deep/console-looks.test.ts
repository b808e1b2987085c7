// Every page in both languages and sizes, and at 200 % zoom: nothing beyond the edge, no word of the other language, nothing serious that axe knows of;
// and, from its pixels, every word legible to whom red and green look alike. `LINLI_LOOKS=FOLDER` keeps a picture of each, to be looked at.
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, vi } from 'vitest'
import { readSite } from '../../gateway/cli/rooms.ts'
import { claimFile, newClaim } from '../../gateway/console/claim.ts'
import { hostile, office, pageBrowser, phone, startDesk, type Desk } from '../support/browser.ts'
import { changingHouse } from '../support/changing-house.ts'
import { adminPassword, Caller, serveConsole } from '../support/console.ts'
import { printed } from '../support/residents.ts'
import { freePort } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { faintWords } from '../support/pixels.ts'

const it = itWith(pageBrowser)
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
// 1366×768 at 200 % is 683×384 CSS pixels.
const sizes = { phone, office, zoom: { viewport: { width: 683, height: 384 }, deviceScaleFactor: 2 } } as const
const languages = ['zh', 'en'] as const
const views = Object.keys(sizes).flatMap((size) => languages.map((language) => ({ size: size as keyof typeof sizes, language })))
/** What people wrote, in neither language's keeping. */
const remark = '12:30 — 3 × ✓'
const account = 'duty-desk-at-the-north-entrance-of-the-hall-1'
const password = 'three odd garden lamps'
let desk: Desk
const codes = new Map<string, string>()

/** Ids as they were when each was raised: one that is dealt with leaves the gateway's list. */
const alerts = new Map<string, string>()
const alertOf = (rule: string): string => alerts.get(rule)!
const today = (): string => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(Date.now())
const places = (): readonly string[] => [
  'home', 'alerts', `alerts/${alertOf('smoke')}`, `alerts/${alertOf('call')}`, 'devices', 'devices/climate', 'devices/pump', 'devices/odd', 'doors', 'link', 'shift',
  'reports', `reports/shift/${today()}/day`, `reports/month/${today().slice(0, 7)}`, 'installer', 'logs', 'configuration', 'discovery', 'commissioning', 'setup/1', 'setup/2', 'setup/3', 'setup/4', 'more', 'nowhere',
]

beforeAll(async () => {
  const port = await freePort()
  let file = ''
  desk = await startDesk({ located: (where) => { file = where }, edit: (site) => `${site}\nresidents: { page: { enabled: true, listen: { port: ${port} }, url: "http://127.0.0.1:${port}" } }\n` })
  for (const { target, url } of await printed(file)) codes.set(target, url)
  for (const contact of ['panel.smoke', 'pump.wet', 'panel.button', 'panel.lamp', 'gate.open']) desk.devices.set(contact, true)
  await vi.waitUntil(() => desk.gateway.status().alerts.length >= 4, { timeout: 20_000 })
  for (const { ruleId, id } of desk.gateway.status().alerts) alerts.set(ruleId, id)
  desk.devices.set('panel.button', false)
  await vi.waitUntil(() => desk.gateway.status().alerts.find(({ ruleId }) => ruleId === 'call')?.condition === 'returned', { timeout: 20_000 })
  desk.devices.fault('pump', 'timeout')
  await vi.waitUntil(() => desk.gateway.live.device('pump')?.state === 'offline', { timeout: 20_000 })
  const page = await desk.open()
  const post = async (target: string, data: unknown): Promise<void> => { const answer = await page.request.post(`${desk.url}/api/${target}`, { data }); if (!answer.ok()) throw new Error(`${target}: ${await answer.text()}`) }
  for (const [id, role] of [[account, 'staff'], ['sun', 'installer']]) await post('users', { id, role, password })
  await post('pins', { person: 'wang', pin: '2468' })
  await post('maintenance', { device: 'odd', reason: remark, forMs: 3_600_000 })
  await post(`alerts/${alertOf('call')}/acts`, { id: 'a'.repeat(16), act: 'acknowledge' })
  await post(`alerts/${alertOf('call')}/acts`, { id: 'b'.repeat(16), act: 'resolve', note: remark })
  await post('shift', { person: 'wang', pin: '2468' })
  await post('shift/end', { note: remark })
  await page.context().close()
}, 60_000)
afterAll(() => desk?.[Symbol.asyncDispose]())
afterEach(async () => { for (const context of desk?.browser.contexts() ?? []) await context.close() })

/** Goes there by its address alone, and waits for all that the page asks for. */
async function visit(page: Page, place: string): Promise<void> {
  await page.goto(`${desk.url}/#/${place}`)
  await page.locator(`main[data-place="${place}"][aria-busy="false"]`).waitFor()
  await expect.poll(() => page.locator('.loading').count(), { timeout: 10_000 }).toBe(0)
}

/** What a person may read in either language: names of the test's own, ids and units in `code`, the other language's button. */
const readable = `(() => {
  const main = document.body.cloneNode(true)
  for (const each of main.querySelectorAll('code, pre, script, .language, [lang]')) each.remove()
  return main.innerText + ' ' + [...main.querySelectorAll('[aria-label], [placeholder], [title], [alt]')].map((each) => ['aria-label', 'placeholder', 'title', 'alt'].map((name) => each.getAttribute(name) ?? '').join(' ')).join(' ')
})()`
const notWords = /°C|%|(?<![A-Za-z])(kB|MB|GB|B|PIN|demo|v?\d+\.\d+\.\d+|linli( claim| console-ca)?|site-ca\.crt|Linli hall-1 [0-9a-f]{6}|CA|Safari|Edge|Chrome|Windows|UOS|OPC UA|MQTT|Modbus( TCP| RTU)?|TCP|RTU|RS-485|IP|JSON|YAML|https?|A\/B|SHA-?\d+|ms|epoch)(?![A-Za-z])/g
/** What is wider than the screen, or than the box that cuts it off. A telephone's innerWidth grows with what is too wide; clientWidth does not. */
const beyond = `(() => { const { scrollWidth, clientWidth: wide } = document.documentElement; return [
  ...(scrollWidth > wide ? ['the page: ' + scrollWidth + ' of ' + wide] : []),
  ...[...document.querySelectorAll('body *')].filter((each) => {
    const box = each.getBoundingClientRect(), style = getComputedStyle(each)
    if (box.width === 0 || box.height === 0 || style.clipPath !== 'none' || each.closest('.visually-hidden, .wide-table, .scroll, pre, svg, .u-wrap, .skip, .choices input')) return false
    return box.right > wide + 1 || (['hidden', 'clip'].includes(style.overflowX) && each.scrollWidth > each.clientWidth + 1)
  }).map((each) => each.outerHTML.slice(0, 160)),
] })()`

interface Found { readonly where: string; readonly beyond: readonly string[]; readonly stray: readonly string[]; readonly axe: readonly unknown[] }
async function look(page: Page, where: string, language: 'zh' | 'en'): Promise<Found | null> {
  const text = (await page.evaluate<string>(readable)).replaceAll(hostile, '').replaceAll(account, '').replaceAll(/\bsun\b/g, '')
  await page.evaluate(axe)
  const { violations } = await page.evaluate<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }>("axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })")
  if (process.env.LINLI_LOOKS) { await mkdir(process.env.LINLI_LOOKS, { recursive: true }); await page.screenshot({ path: path.join(process.env.LINLI_LOOKS, `${where.replaceAll(/[^\w-]+/g, '_')}.png`), fullPage: !where.includes('dialog') }) }
  const found = {
    where, beyond: await page.evaluate<string[]>(beyond),
    stray: (language === 'zh' ? text.replaceAll(notWords, '').match(/[A-Za-z]{2,}/g) : text.match(/\p{Script=Han}+/gu)) ?? [],
    axe: violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0]?.html, nodes[0]?.failureSummary]),
  }
  return found.beyond.length + found.stray.length + found.axe.length > 0 ? found : null
}
const none = (found: readonly (Found | null)[]): void => { expect(found.filter((each) => each !== null)).toEqual([]) }

describe.for(views)('at the size of $size, in $language,', ({ size, language }) => {
  const open = (): Promise<Page> => desk.open({ ...sizes[size], language })

  it('every page fits, speaks one language and breaks no rule that axe knows of', { timeout: 120_000 }, async () => {
    const page = await open()
    const found: (Found | null)[] = []
    for (const place of places()) {
      await visit(page, place)
      found.push(await look(page, `${size} ${language} ${place}`, language))
    }
    none(found)
  })

  it('so do signing in, claiming, the residents\' pages and the way to the site\'s certificate', { timeout: 120_000 }, async () => {
    const found: (Found | null)[] = []
    const outside = async (url: string): Promise<Page> => desk.at(url, { ...sizes[size], language } as never)
    const page = await outside(desk.url)
    await page.locator('form.sign-in').waitFor()
    found.push(await look(page, `${size} ${language} sign-in`, language))
    await page.locator('div.sign-in button').click()
    await page.locator('input.code').fill('ABCD-EFGH-JKMN')
    await page.locator('input[autocomplete="username"]').fill('boss')
    for (const field of await page.locator('input[autocomplete="new-password"]').all()) await field.fill(password)
    await page.locator('form.sign-in button.primary').click()
    await page.locator('form.sign-in .problem, form.sign-in [role="alert"]').first().waitFor()
    found.push(await look(page, `${size} ${language} claim refused`, language))
    for (const target of ['terminal/one', 'place/hall']) {
      await page.goto(`${codes.get(target)!}${language === 'en' ? '?lang=en' : ''}`)
      found.push(await look(page, `${size} ${language} residents ${target}`, language))
    }
    const served = await serveConsole({ console: '{ enabled: true, listen: { port: 0 }, hosts: [linli.local], tls: site-ca }' })
    await page.goto(`http://127.0.0.1:${new URL(served.url).port}/install?lang=${language}`)
    for (const each of await page.locator('summary').all()) await each.click()
    found.push(await look(page, `${size} ${language} install`, language))
    none(found)
  })

  it('so does the page for the site file, with what another file would change', { timeout: 120_000 }, async () => {
    const house = await changingHouse({ console: true })
    const { port } = (await readSite(house.file)).console.listen
    const caller = new Caller(`http://127.0.0.1:${port}`)
    await expect.poll(() => caller.ask('/healthz').then(({ status }) => status, () => 0), { timeout: 20_000 }).toBe(200)
    await caller.post('/api/claim', { id: 'wang', password: adminPassword, code: await newClaim(claimFile(path.join(path.dirname(house.file), 'data')), Date.now()) })
    await caller.post('/api/setup', { open: false })
    const page = await desk.at(`${caller.url}/healthz`, { ...sizes[size], language } as never)
    const [name, value] = caller.cookie!.split('=')
    await page.context().addCookies([{ name: name!, value: value!, url: caller.url }])
    await page.goto(`${caller.url}/#/configuration`)
    const found: (Found | null)[] = []
    for (const [step, from, to] of [['wrong', 'xy-md02', 'xy-md2'], ['changed', 'below: -40', 'below: -30']]) {
      await page.locator('textarea').fill(house.text.replace(from!, to!))
      await page.locator('form button[type="submit"]').first().click()
      await page.locator(step === 'wrong' ? 'text=did you mean "xy-md02"?' : '.plan').first().waitFor()
      found.push(await look(page, `${size} ${language} configuration ${step}`, language))
    }
    none(found)
  })

  it('so does every dialog', { timeout: 120_000 }, async () => {
    const page = await open()
    const found: (Found | null)[] = []
    const dialog = page.getByRole('dialog')
    const opened = async (name: string): Promise<void> => {
      await dialog.waitFor()
      found.push(await look(page, `${size} ${language} dialog ${name}`, language))
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
    }
    for (const rule of ['smoke', 'call']) {
      await visit(page, `alerts/${alertOf(rule)}`)
      const acts = page.locator('.alert-page .actions button')
      for (let n = 0; n < await acts.count(); n++) { await acts.nth(n).click(); await opened(`${rule} ${n}`) }
    }
    await visit(page, 'devices/climate')
    await page.locator('.point-line button:not(.plain)').click()
    await opened('write')
    // Handing over stands on a page of its own.
    await page.request.post(`${desk.url}/api/shift`, { data: { person: 'wang', pin: '2468' } })
    await visit(page, 'shift')
    await page.locator('form textarea').waitFor()
    found.push(await look(page, `${size} ${language} handing over`, language))
    await page.request.post(`${desk.url}/api/shift/end`, { data: { note: remark } })
    await visit(page, 'installer')
    await page.locator('section[aria-labelledby="users"] .letters button').first().click()
    await page.locator('dialog summary').click()
    await opened('account')
    none(found)
    expect(found.length).toBeGreaterThanOrEqual(8)
  })
})

describe('for whom red and green look alike', () => {
  it.for(languages)('every word on every page stands out from what lies behind it, by its pixels, in %s', { timeout: 240_000 }, async (language) => {
    const page = await desk.open({ ...office, deviceScaleFactor: 3, language })
    const cdp = await page.context().newCDPSession(page)
    const reader = await (await desk.browser.newContext()).newPage()
    await visit(page, 'home')
    const critical = page.locator('.alert .shape.severity-1').first()
    const before = await critical.screenshot()
    await cdp.send('Emulation.setEmulatedVisionDeficiency', { type: 'deuteranopia' })
    expect(before.equals(await critical.screenshot())).toBe(false)
    for (const place of places()) {
      await visit(page, place)
      const { measured, faint } = await faintWords(page, reader, 4.5)
      expect([place, faint]).toEqual([place, []])
      expect(measured).toBeGreaterThan(10)
    }
  })
})

it('no page has said anything to the console or broken its CSP', () => { expect(desk.complaints).toEqual([]) })
