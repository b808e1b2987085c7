import { rule, startDesk } from '../support/browser.ts'
import { median, until } from './processes.ts'

export interface ConsoleResult { readonly firstLoadMs: number; readonly longestTaskMs: number }

const many = 500

/** Chromium before a running gateway: from a cold cache to the sentence at a CPU four times slower; the longest task of a page with 500 open alerts while it is opened, scrolled and acknowledged on. */
export async function consolePages(rounds: number): Promise<ConsoleResult> {
  await using desk = await startDesk({ rules: Array.from({ length: many }, (_, index) => rule(`many-${index}`, 'odd.on', 3, `第 ${index} 个门磁`, `contact ${index}`)) })
  const loads: number[] = []
  for (let round = 0; round < rounds; round++) {
    const page = await desk.open()
    const session = await page.context().newCDPSession(page)
    await session.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    await session.send('Network.clearBrowserCache')
    const since = performance.now()
    await page.reload()
    await page.locator('.sentence').waitFor()
    loads.push(performance.now() - since)
    await page.context().close()
  }
  desk.devices.set('odd.on', true)
  await until(async () => desk.gateway.status().alerts.length >= many)
  const tasks: number[] = []
  for (let round = 0; round < rounds; round++) {
    const page = await desk.open({ at: 'home' })
    await page.evaluate("window.long = [0]; new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })")
    await page.goto(`${desk.url}/#/alerts`)
    await page.locator('main[data-place="alerts"][aria-busy="false"]').waitFor()
    for (let n = 0; n < 10; n++) await page.mouse.wheel(0, 400)
    await page.getByRole('button', { name: /^确认：/ }).first().click()
    await page.waitForTimeout(1_000)
    tasks.push(Math.max(...await page.evaluate<number[]>('window.long')))
    await page.context().close()
  }
  return { firstLoadMs: median(loads), longestTaskMs: median(tasks) }
}
