import { expect, vi } from 'vitest'
import type { ModbusConfig } from '../../drivers/modbus/settings.ts'
import { startModbusSimulator, type ModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { pageBrowser, rule, startDesk } from '../support/browser.ts'
import { freePort } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'

const [lines, perLine, places, openAlerts, rounds, mostMs] = [5, 200, 40, 500, 3, 100] as const
const name = (zh: string, en: string): string => `{ zh: ${zh}, en: ${en} }`
const device = (n: number): string => `  - { id: d${n}, name: ${name(`表 ${n}`, `meter ${n}`)}, connection: line${Math.floor(n / perLine)}, unitId: ${n % perLine + 1}, place: p${n % places}, points: { t: { name: ${name('温度', 'temperature')}, type: number, unit: Cel, table: input, register: 0, format: s16, scale: 0.1, poll: 1s }, on: { name: ${name('开关', 'switch')}, type: boolean, table: discrete, register: 0, poll: 1s } } }`
const range = <T>(length: number, each: (n: number) => T): T[] => Array.from({ length }, (_, n) => each(n))
const observe = "window.long = [0]; new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })"

itWith(pageBrowser)('with 1,000 devices whose values change each second and 500 open alerts, no page keeps the browser busy for 100 ms at a time', async () => {
  const ports = await Promise.all(range(lines, () => freePort()))
  let file = ''
  await using desk = await startDesk({
    rules: range(openAlerts, (n) => rule(`many-${n}`, `d${n}.on`, n % 4 + 1, `第 ${n} 个开关`, `switch ${n}`)),
    located: (where) => { file = where },
    edit: (site) => site.replace('places: {', `places: { ${range(places, (n) => `p${n}: ${name(`第 ${n} 间`, `room ${n}`)}`).join(', ')},`)
      .replace('connections:', ['connections:', ...ports.map((port, n) => `  - { id: line${n}, driver: modbus, host: 127.0.0.1, port: ${port} }`)].join('\n'))
      .replace('devices:', ['devices:', ...range(lines * perLine, device)].join('\n')),
  })
  await using stack = new AsyncDisposableStack()
  const { connections } = await readSite(file)
  const served: ModbusSimulator[] = []
  for (const [n, port] of ports.entries()) served.push(stack.use(await startModbusSimulator(connections.find(({ id }) => id === `line${n}`) as ModbusConfig, { clock: systemClock, random: () => 0.5 }, { port })))
  const on = (n: number): ModbusSimulator => served[Math.floor(n / perLine)]!
  let turn = 0
  const change = (): void => { turn++; for (let n = 0; n < lines * perLine; n++) on(n).set(`d${n}.t`, 200 + (turn * 7 + n) % 100) }
  change()
  for (let n = 0; n < openAlerts; n++) on(n).set(`d${n}.on`, true)
  await vi.waitUntil(() => desk.gateway.status().alerts.length >= openAlerts && [...desk.gateway.live.devices.keys()].filter((id) => desk.gateway.live.device(id)?.state === 'online').length >= lines * perLine, { timeout: 180_000, interval: 500 })
  const changing = setInterval(change, 1_000)
  stack.defer(() => clearInterval(changing))
  const figures: Record<string, number> = {}
  for (const place of ['home', 'alerts', 'devices', 'devices/d7', 'doors', 'link']) {
    const longest: number[] = []
    for (let round = 0; round < rounds; round++) {
      const page = await desk.open({ at: 'shift' })
      await page.evaluate(observe)
      await page.goto(`${desk.url}/#/${place}`)
      await page.locator(`main[data-place="${place}"][aria-busy="false"]`).waitFor()
      for (let n = 0; n < 10; n++) { await page.mouse.wheel(0, 600); await page.waitForTimeout(300) }
      if (place === 'alerts' || place === 'home') await page.getByRole('button', { name: /^确认：/ }).first().click()
      await page.waitForTimeout(1_000)
      longest.push(Math.max(...await page.evaluate<number[]>('window.long')))
      await page.context().close()
    }
    figures[place] = longest.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!
  }
  console.log(`longest task, median of ${rounds} rounds, ms: ${JSON.stringify(figures)}`)
  expect(Object.entries(figures).filter(([, ms]) => ms >= mostMs)).toEqual([])
})
