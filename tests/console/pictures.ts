// Makes docs/images anew: `node tests/console/pictures.ts`, about five minutes. Most of a day of a building passes in the first of them.
import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from 'playwright-core'
import type { Clock } from '../../gateway/contract/index.ts'
import { sleepOn } from '../../gateway/kit/index.ts'
import { root } from '../support/architecture.ts'
import { hostile, office, phone, startDesk } from '../support/browser.ts'

const hourMs = 3_600_000
const folder = path.join(root, 'docs/images')
const maxBytes = 150_000

/** Runs `factor` times as fast as ours until `slow` is called. */
function hastyClock(factor: number, start: number): Clock & { slow(): void } {
  let [pace, since, reached] = [factor, performance.now(), 0]
  const monotonic = (): number => reached + (performance.now() - since) * pace
  const after: Clock['after'] = (ms, task) => { const timer = setTimeout(task, ms / pace); return () => clearTimeout(timer) }
  return { monotonic, after, now: () => Math.round(start + monotonic()), sleep: (ms, signal) => sleepOn({ after }, ms, signal), slow() { reached = monotonic(); since = performance.now(); pace = 1 } }
}

const clock = hastyClock(400, Date.parse('2026-03-18T09:20:00+08:00') - 23 * hourMs)
await using desk = await startDesk({
  clock,
  edit: (text) => text.replace('{ zh: 厅, en: hall }', '{ zh: 水岸社区邻里服务中心, en: Shui’an neighbourhood centre }').replaceAll('50ms', '60s').replace('400ms', '60s').replaceAll(hostile, '').replaceAll("{ zh: '', en: '' }", '{ zh: 车棚开关, en: shed switch }'),
})
const until = async (hour: number): Promise<void> => {
  for (const end = hour * hourMs; clock.monotonic() < end;) {
    const hours = clock.monotonic() / hourMs
    desk.devices.set('climate.temperature', Math.round(10 * (19 + 3.5 * Math.sin(hours / 3.8) + 0.5 * Math.sin(hours * 17))))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
await until(9)
desk.devices.fault('climate', 'timeout')
await until(11.2)
desk.devices.fault('climate', null)
await until(21)
desk.devices.set('panel.lamp', true)
await until(22.2)
desk.devices.set('panel.button', true)
await until(22.6)
desk.devices.set('pump.wet', true)
await until(22.97)
desk.devices.set('panel.smoke', true)
await until(23)
clock.slow()

await mkdir(folder, { recursive: true })
async function take(page: Page, name: string): Promise<void> {
  const file = path.join(folder, `${name}.png`)
  await page.waitForTimeout(1_200)
  await page.screenshot({ path: file })
  const { size } = await stat(file)
  console.log(`${name}.png ${Math.round(size / 1_000)} kB`)
  if (size > maxBytes) throw new Error(`${name}.png is larger than ${maxBytes} bytes`)
}
const alertOf = (rule: string): string => desk.gateway.status().alerts.find(({ ruleId }) => ruleId === rule)!.id

const clerk = await desk.open({ language: 'zh' })
const post = async (at: string, data: object): Promise<void> => { const answer = await clerk.request.post(`${desk.url}${at}`, { data }); if (!answer.ok()) throw new Error(await answer.text()) }
await post('/api/pins', { person: 'wang', pin: '2468' })
await post('/api/shift', { person: 'wang', pin: '2468' })
await post(`/api/alerts/${alertOf('lamp')}/acts`, { act: 'acknowledge' })
await post(`/api/alerts/${alertOf('call')}/acts`, { act: 'assign', to: 'li' })
// What a start with so slow a clock called faulty.
for (const { id, ruleId } of desk.gateway.status().alerts) if (!['smoke', 'leak', 'call', 'lamp'].includes(ruleId)) await post(`/api/alerts/${id}/acts`, { act: 'resolve', note: '-' })
const state = { cookies: await clerk.context().cookies(), origins: [] }
for (const language of ['zh', 'en'] as const) {
  for (const [size, suffix] of [[office, ''], [phone, '-phone']] as const) {
    const page = await desk.at(`${desk.url}/#/home`, { ...size, storageState: state, language } as never)
    await page.locator('.sentence').waitFor()
    await take(page, `home${suffix}-${language}`)
    if (suffix) continue
    for (const [name, place] of [['alerts', 'alerts'], ['alert', `alerts/${alertOf('call')}`], ['device', 'devices/climate'], ['link', 'link'], ['doors', 'doors']] as const) {
      await page.goto(`${desk.url}/#/${place}`)
      if (name === 'device') { await page.locator('.plot canvas').waitFor(); await page.locator('.chart').scrollIntoViewIfNeeded(); await page.mouse.wheel(0, 300) }
      await take(page, `${name}-${language}`)
    }
    await page.context().close()
  }
}
