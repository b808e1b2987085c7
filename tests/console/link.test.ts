import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import { pageBrowser, startDesk } from '../support/browser.ts'
import { countingCity } from '../support/city.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { itWith } from '../support/tools.ts'
import { base, watch } from '../support/uplinks.ts'

// The gateway may write everything but its events; the watcher reads all.
const denied = ['topic read linli/#', ...['status', 'model', 'snapshot', 'up/alert', 'up/ledger', 'up/telemetry'].map((topic) => `topic write ${base}/${topic}`), ''].join('\n')

itWith(pageBrowser, 'mosquitto')('the city link shows what the platform refused, with the reason, and sends it again once the platform allows it', { timeout: 60_000 }, async () => {
  const broker = await mosquitto(['acl_file {folder}/acl', 'max_queued_messages 1000'], { acl: denied })
  const city = countingCity()
  const { records } = await watch(broker.url, 5, city)
  await using desk = await startDesk({ edit: (site) => site.replace(/url: "[^"]+", protocol: "3.1.1"/, `url: "${broker.url}"`) })
  const page = await desk.open({ at: 'link', language: 'zh' })
  const letters = page.locator('.letters li')
  await letters.first().waitFor({ timeout: 20_000 })
  expect(await letters.first().innerText()).toMatch(/事件/)
  expect(await letters.first().locator('code').innerText()).not.toBe('')
  // What else a duty desk asks: what waits, for how long there is room, and when the ledger was signed last.
  await page.getByText('已连上城市平台').waitFor({ timeout: 10_000 })
  for (const stream of ['告警', '事件', '测量数据', '账本']) expect(await page.getByRole('row', { name: new RegExp(`^${stream}`) }).innerText()).toMatch(/充足|\d/)
  await expect.poll(() => page.getByText('最近一次签名核对').locator('xpath=following-sibling::dd[1]').innerText(), { timeout: 10_000 }).toMatch(/\d\d:\d\d/)
  await writeFile(path.join(broker.folder, 'acl'), 'topic readwrite #\n')
  await broker.kill()
  await broker.start()
  await expect.poll(() => desk.gateway.status().uplinks[0]!.state, { timeout: 20_000 }).toBe('online')
  const before = records.filter(({ stream }) => stream === 'event').length
  await page.getByRole('button', { name: '重新发送' }).first().click()
  await page.getByText('已重新发送').waitFor({ timeout: 10_000 })
  await expect.poll(() => records.filter(({ stream }) => stream === 'event').length, { timeout: 20_000 }).toBeGreaterThan(before)
})
