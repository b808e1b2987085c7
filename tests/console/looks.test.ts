import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it as always, vi } from 'vitest'
import { explain, explained } from '../../gateway/console/web/codes.ts'
import { phrases, words } from '../../gateway/console/web/words.ts'
import { hostile, office, pageBrowser, phone, rule, startDesk, type Desk } from '../support/browser.ts'
import { itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let desk: Desk
const many = 500
beforeAll(async () => {
  desk = await startDesk({ rules: Array.from({ length: many }, (_, index) => rule(`many-${index}`, 'odd.on', 3, `第 ${index} 个门磁`, `contact ${index}`)) })
  for (const contact of ['panel.smoke', 'pump.wet', 'panel.button', 'panel.lamp']) desk.devices.set(contact, true)
  desk.devices.fault('climate', 'timeout')
  await vi.waitUntil(() => desk.gateway.live.device('climate')?.state === 'offline' && desk.gateway.status().alerts.length >= 4, { timeout: 20_000 })
}, 60_000)
afterAll(() => desk?.[Symbol.asyncDispose]())
afterEach(async () => { for (const context of desk?.browser.contexts() ?? []) await context.close() })

const smoke = (): string => desk.gateway.status().alerts.find(({ ruleId }) => ruleId === 'smoke')!.id
const today = (): string => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(Date.now())
const places = (): readonly string[] => ['home', 'alerts', `alerts/${smoke()}`, 'devices', 'devices/climate', 'doors', 'link', 'shift', 'reports/shift/' + today() + '/day', 'reports/month/' + today().slice(0, 7), 'installer', 'more']
/** Goes there by its address alone, and waits for all that the page asks for. */
async function visit(page: Page, place: string): Promise<void> {
  await page.goto(`${desk.url}/#/${place}`)
  await page.locator(`main[data-place="${place}"][aria-busy="false"]`).waitFor()
  await expect.poll(() => page.locator('.loading').count()).toBe(0)
  expect((await page.locator('main').innerText()).length).toBeGreaterThan(place === 'more' ? 8 : 40)
}

/** What a person may read in either language: names of the test's own, ids and units in `code`, the other language's button. */
const readable = `(() => {
  const main = document.body.cloneNode(true)
  for (const each of main.querySelectorAll('code, .language, [lang]')) each.remove()
  // Each text by itself: a cell's last word must not run into the next cell's first.
  const texts = []
  for (const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT); walk.nextNode();) texts.push(walk.currentNode.data)
  return texts.join(' ') + ' ' + [...main.querySelectorAll('[aria-label], [placeholder]')].map((each) => (each.getAttribute('aria-label') ?? '') + ' ' + (each.getAttribute('placeholder') ?? '')).join(' ')
})()`
const units = /°C|%|\b(kB|MB|GB|B|PIN|demo|v?\d+\.\d+\.\d+)\b/g

describe('the pages', () => {
  it('show no stray English in Chinese', { timeout: 90_000 }, async () => {
    const page = await desk.open({ language: 'zh' })
    for (const place of places()) {
      await visit(page, place)
      const text = (await page.evaluate<string>(readable)).replaceAll(hostile, '').replace(units, '')
      expect([place, text.match(/[A-Za-z]{2,}/g)]).toEqual([place, null])
    }
  })
  it('show no stray Chinese in English', { timeout: 90_000 }, async () => {
    const page = await desk.open({ language: 'en' })
    for (const place of places()) {
      await visit(page, place)
      expect([place, (await page.evaluate<string>(readable)).match(/\p{Script=Han}+/gu)]).toEqual([place, null])
    }
  })

  for (const [name, size] of [['on a telephone', phone], ['in an office', office]] as const) {
    it(`have no serious violation that axe knows of, ${name}`, { timeout: 120_000 }, async () => {
      const page = await desk.open(size)
      for (const place of places()) {
        await visit(page, place)
        await page.evaluate(axe)
        const { violations } = await page.evaluate<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }>("axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })")
        expect([place, violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0]?.html, nodes[0]?.failureSummary])]).toEqual([place, []])
      }
    })
    it(`need no scrolling sideways, ${name}`, { timeout: 90_000 }, async () => {
      const page = await desk.open(size)
      for (const place of places()) {
        await visit(page, place)
        expect([place, await page.evaluate<number>('Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)')]).toEqual([place, 0])
      }
    })
  }

  it('can be used at 200 % zoom', { timeout: 60_000 }, async () => {
    // 1366×768 at 200 % is 683×384 CSS pixels.
    const page = await desk.open({ viewport: { width: 683, height: 384 }, deviceScaleFactor: 2 })
    for (const place of ['home', 'alerts', 'link']) {
      await visit(page, place)
      expect([place, await page.evaluate<number>('Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)')]).toEqual([place, 0])
    }
    await visit(page, 'home')
    // The gravest can be acknowledged without scrolling: it stands whole above the menu.
    const [button, menu] = [await page.getByRole('button', { name: '确认：大厅烟感报警' }).boundingBox(), await page.getByRole('navigation').boundingBox()]
    expect(button!.y + button!.height).toBeLessThanOrEqual(menu!.y)
  })

  it('show the site\'s time although the browser is in UTC', async () => {
    const page = await desk.open({ at: `alerts/${smoke()}` })
    const { raisedAt } = desk.gateway.status().alerts.find(({ ruleId }) => ruleId === 'smoke')!
    const expected = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' }).format(raisedAt)
    expect(await page.evaluate<number>('new Date().getTimezoneOffset()')).toBe(0)
    await expect.poll(() => page.locator('.timeline time').first().innerText()).toContain(expected)
  })

  it('weigh at most 200 kB, all of it their own', { timeout: 60_000 }, async () => {
    const page = await desk.open()
    const files = await page.evaluate<string[]>("performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => !name.includes('/api/'))")
    const bodies = await Promise.all([desk.url, ...files].map(async (file) => (await page.request.get(file)).body()))
    expect(bodies.reduce((sum, body) => sum + gzipSync(body).length, 0)).toBeLessThanOrEqual(200_000)
    expect(files.every((file) => file.startsWith(desk.url))).toBe(true)
    // As it is released: no file of the machine that built it.
    for (const body of bodies) expect(body.includes('/web/parts/')).toBe(false)
  })

  it(`draw few of ${many} open alerts at a time, and the next when they are asked for`, { timeout: 90_000 }, async () => {
    const page = await desk.open({ at: 'alerts' })
    desk.devices.set('odd.on', true)
    await expect.poll(() => desk.gateway.status().alerts.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(many)
    await visit(page, 'home')
    await visit(page, 'alerts')
    const cards = page.getByRole('button', { name: /^确认：/ })
    const first = await cards.count()
    expect(first).toBeGreaterThan(10)
    expect(first).toBeLessThanOrEqual(100)
    await page.locator('button.wide').click()
    await expect.poll(() => cards.count()).toBeGreaterThan(first)
  })

  it('have broken no rule of their CSP', () => { expect(desk.complaints).toEqual([]) })
})

/** Machado et al. 2009, severity 1.0, on linear RGB. */
const deuteranopia = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]] as const
const linear = (channel: number): number => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4)
const luminance = ([r, g, b]: readonly number[]): number => 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
const channels = (hex: string): number[] => [1, 3, 5].map((at) => linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255))
const seen = (hex: string): number[] => deuteranopia.map((row) => Math.min(1, Math.max(0, row.reduce((sum, weight, index) => sum + weight * channels(hex)[index]!, 0))))
const contrast = (a: string, b: string, eye: (hex: string) => number[]): number => { const [high, low] = [luminance(eye(a)), luminance(eye(b))].toSorted((x, y) => y - x) as [number, number]; return (high + 0.05) / (low + 0.05) }

describe('the words and colours', () => {
  always('are in both languages, each in its own', () => {
    for (const [name, { zh, en }] of Object.entries(words)) {
      if (name === 'otherLanguage') continue
      expect([name, /\p{Script=Han}/u.test(zh), /\p{Script=Han}/u.test(en)]).toEqual([name, true, false])
    }
    expect(Object.keys(phrases).length).toBeGreaterThan(20)
  })
  always('of severity keep 4.5:1 for whom red and green look alike', () => {
    const css = readFileSync(new URL('../../gateway/console/web/styles.css', import.meta.url), 'utf8')
    const colour = (name: string): string => new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(css)![1]!
    for (const name of ['red', 'orange', 'yellow-ink', 'sky', 'ink', 'soft', 'blue', 'good']) for (const ground of ['card']) for (const eye of [channels, seen]) expect([name, contrast(colour(name), colour(ground), eye) >= 4.5]).toEqual([name, true])
  })
  always('explain each code that a clerk can meet, and none that docs/errors.md does not know', () => {
    const known = [...readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8').matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, code]) => code!)
    expect(explained.filter((code) => !known.includes(code))).toEqual([])
    expect(known.filter((code) => /^(ALERT_(UNKNOWN|STILL|NOT|ACT)|POINT_|MODBUS_|MQTT_|OPCUA_|GPIO_|DOOR_|CONSOLE_(CREDENTIALS|CLAIM|WAIT|LOGIN|ROLE|ACCOUNT|BUSY|RATE|REQUEST|UNKNOWN|UNREACHABLE))/.test(code) && explain(code) === undefined)).toEqual([])
  })
})
